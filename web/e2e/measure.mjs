// The demo measured in the browser: the same numbers as natively, on a page that stays alive.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, launch, native, openPage, reach, screenshot, site } from './harness.mjs';

/** Pairs in both runs: enough for a real measurement, few enough for a software adapter. */
const PAIRS = process.env.MIRSCOPE_FULL ? null : 8;
/** Between two animation frames while the engine works, in milliseconds; outliers apart. */
const LONGEST_FRAME = 100;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };
const relative = (a, b) => Math.abs(a - b) / Math.max(Math.abs(b), Number.MIN_VALUE);

test('the browser measures what the native program measures', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await page.goto(address);
  await reach(page, 'ready');
  if (PAIRS) await page.fill('#num-pairs', String(PAIRS));
  await watchFrames(page);
  await page.click('#measure');
  await reach(page, 'done', MEASURED_WITHIN);
  const watched = await page.evaluate(() => window.watched);
  const report = await page.evaluate(() => window.mirscope.report);
  await gallery(page);

  const expected = JSON.parse(await native('measure', '--json', ...(PAIRS ? ['--num-pairs', String(PAIRS)] : [])));
  t.diagnostic(`MIR ${report.mir} in the browser, ${expected.mir} natively`);
  assert.ok(Math.abs(report.mir - expected.mir) < 1e-3, `${report.mir} against ${expected.mir}`);
  assert.equal(report.layers.length, expected.layers.length);
  let worst = 0;
  for (const [index, layer] of report.layers.entries()) {
    const other = expected.layers[index];
    assert.equal(layer.layer, other.layer);
    assert.equal(layer.n_vision, other.n_vision);
    assert.equal(layer.n_text, other.n_text);
    const off = relative(layer.frechet, other.frechet);
    worst = Math.max(worst, off);
    assert.ok(off < 1e-3, `layer ${layer.layer}: ${layer.frechet} against ${other.frechet}`);
    for (const part of ['location', 'spread', 'shape']) {
      // A part can be next to nothing: it counts in relation to the whole.
      const difference = Math.abs(layer[part] - other[part]);
      assert.ok(difference < 1e-3 * other.frechet, `layer ${layer.layer}, ${part}: ${layer[part]} against ${other[part]}`);
    }
  }
  t.diagnostic(`terms differ by ${worst.toExponential(1)} at most`);
  const frames = watched.steady.sort((a, b) => a - b);
  const typical = frames[Math.floor(0.95 * (frames.length - 1))];
  t.diagnostic(`frames: ${frames.length} between pairs, 95 % within ${typical?.toFixed(0)} ms; ` +
    `longest of the run ${watched.longest.toFixed(0)} ms`);
  assert.ok(frames.length >= 10, 'the page is drawn while pairs are under way');
  assert.ok(typical < LONGEST_FRAME, `95 % of the frames within ${typical} ms`);
  assert.deepEqual(watched.tasks.filter((task) => task >= LONGEST_FRAME), [], "the page's own thread is never busy for long");

  const cells = await page.locator('#layers tbody tr').evaluateAll((rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.equal(cells.length, report.layers.length);
  assert.deepEqual(cells.map((row) => row[0]), report.layers.map((layer) => String(layer.layer)));
  assert.ok(relative(Number(cells[0][1]), report.layers[0].frechet) < 1e-3);
  assert.equal(await page.locator('.figure.main b').textContent(), report.mir.toFixed(3));
  assert.equal(await page.locator('.chart rect').count(), 3 * report.layers.length);

  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  assert.equal(saved.suggestedFilename(), 'report.json');
  assert.deepEqual(JSON.parse(await readFile(await saved.path(), 'utf8')), report);
});

test('cancel stops a run, and the same engine measures again', LIMIT, async (t) => {
  const address = await site(t, { mount: '/some/where/' });
  const page = await openPage(t, browser);
  await page.goto(address);
  await reach(page, 'ready');
  await page.click('#measure');
  await page.waitForFunction(
    () => Number.parseInt(document.querySelector('#stages li:nth-child(4) .count').textContent, 10) >= 1,
    null,
    { timeout: MEASURED_WITHIN },
  );
  await screenshot(page, 'running');
  const [worker] = page.workers();
  const asked = Date.now();
  await page.click('#cancel');
  await reach(page, 'cancelled');
  t.diagnostic(`cancelled within ${Date.now() - asked} ms`);
  assert.match(await page.locator('#message').innerText(), /Cancelled/);
  await page.fill('#num-pairs', '1');
  await page.click('#measure');
  await reach(page, ['running', 'done']);
  await page.waitForFunction(() => window.mirscope.state !== 'running', { timeout: MEASURED_WITHIN });
  await reach(page, 'done');
  assert.deepEqual(page.workers(), [worker], 'it is the same Worker');
});

/**
 * Notes in `window.watched` the times between animation frames while pairs are under way, the
 * longest of all, and the tasks that kept the page's own thread busy for 50 ms or more.
 */
function watchFrames(page) {
  return page.evaluate(() => {
    const watched = { steady: [], longest: 0, tasks: [] };
    window.watched = watched;
    new PerformanceObserver((list) => {
      watched.tasks.push(...list.getEntries().map((entry) => entry.duration));
    }).observe({ entryTypes: ['longtask'] });
    const done = (stage) => Number.parseInt(document.querySelector(`#stages li:nth-child(${stage}) .count`)?.textContent, 10);
    let last = performance.now();
    const frame = () => {
      const now = performance.now();
      watched.longest = Math.max(watched.longest, now - last);
      // From the first finished pair on: before it, kernels are compiled in the browser's GPU
      // process, which also draws the page. The metric compiles its own.
      if (done(4) >= 1 && Number.isNaN(done(5))) watched.steady.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

/** Screenshots of the result, wide and narrow, light and dark. */
async function gallery(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of [[1280, 720], [390, 844]]) {
      await page.setViewportSize({ width, height });
      assert.ok(await page.evaluate((room) => document.documentElement.scrollWidth <= room, width));
      await screenshot(page, `result-${width}-${colorScheme}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 720 });
}
