// The demo measured in the browser: the same numbers as natively, on a page that stays alive.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, launch, native, openPage, reach, screenshot, site } from './harness.mjs';

/** Pairs in both runs: enough for a real measurement, few enough for a software adapter. */
const PAIRS = process.env.MIRSCOPE_FULL ? null : 4;
/** The longest that the page may stand still while the engine works, in milliseconds. */
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
  const longest = await page.evaluate(() => window.longestFrame);
  const report = await page.evaluate(() => window.mirscope.report);
  await gallery(page);

  const expected = JSON.parse(await native('measure', '--json', ...(PAIRS ? ['--num-pairs', String(PAIRS)] : [])));
  t.diagnostic(`MIR ${report.mir} in the browser, ${expected.mir} natively; longest frame ${longest.toFixed(0)} ms`);
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
  assert.ok(longest < LONGEST_FRAME, `a frame took ${longest} ms`);

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
  await page.waitForFunction(() => document.querySelector('#stages li:nth-child(4) .count').textContent !== '', {
    timeout: MEASURED_WITHIN,
  });
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

/** Keeps the longest time between two animation frames in `window.longestFrame`. */
function watchFrames(page) {
  return page.evaluate(() => {
    window.longestFrame = 0;
    let last = performance.now();
    const frame = (now) => {
      window.longestFrame = Math.max(window.longestFrame, now - last);
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
