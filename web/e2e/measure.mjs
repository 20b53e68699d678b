// The demo measured in the browser: the same numbers as natively, on a page that stays alive.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  MEASURED_WITHIN, begin, hook, launch, measure, native, open, openPage, progressed, reach, sameReport, screenshot,
  site,
} from './harness.mjs';

/** Pairs in both runs: enough for a real measurement, few enough for a software adapter. */
const PAIRS = process.env.MIRSCOPE_FULL ? null : 4;
/** How far a term, its parts and the MIR may be from the native ones. */
const BAR = 1e-3;
/** How many times as long as without a run the page may take for its part of a frame during one. */
const SLOWER = 4;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };

test('the browser measures what the native program measures', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await page.addInitScript(() => {
    window.drawn = [];
    const request = window.requestAnimationFrame;
    window.requestAnimationFrame = (callback) => request.call(window, (time) => {
      const began = performance.now();
      callback(time);
      window.drawn.push(performance.now() - began);
    });
  });
  await open(page, address);
  const idle = summary(await idleFrames(page));
  t.diagnostic(`frames drawn one after the other without a run: ${idle.words}`);
  const ownIdle = await ownPart(page);
  t.diagnostic(`the app's own part of those: ${ownIdle.words}`);
  await watchFrames(page);
  const report = await measure(page, PAIRS);
  const watched = await page.evaluate(() => window.watched);
  const own = await ownPart(page);
  await screenshot(page, 'measured');

  const expected = JSON.parse(await native('measure', '--json', ...(PAIRS ? ['--num-pairs', String(PAIRS)] : [])));
  sameReport(t, 'demo', report, expected, BAR);

  const all = summary(watched.all);
  const steady = summary(watched.steady);
  t.diagnostic(`frames of the whole run: ${all.words}`);
  t.diagnostic(`frames while pairs are run, from the second on: ${steady.words}`);
  assert.ok(steady.count >= 10, 'the page is drawn while pairs are under way');
  t.diagnostic(`the app's own part of a frame: ${own.words}`);
  assert.ok(own.most < SLOWER * Math.max(ownIdle.most || 0, 1), `${own.most} ms, without a run ${ownIdle.most} ms`);
  // The processors that compute draw the page as well. A page that waited for its engine would be drawn
  // once a pair; where frames take their time without a run, the run is measured by those.
  const pair = pairTime(report);
  t.diagnostic(`a pair takes ${pair.toFixed(0)} ms`);
  const bar = Math.max(pair / 2, SLOWER * idle.most);
  assert.ok(steady.most < bar, `95 % of the frames within ${steady.most} ms, expected ${bar}`);

  await page.evaluate(() => window.mirscope.select(3));
  await page.waitForFunction(() => window.mirscope.view.layer === 3);
  const exported = (form) => page.evaluate((name) => window.mirscope.exportAs(name), form);
  assert.deepEqual(JSON.parse(await exported('json')), report);
  const rows = (await exported('csv')).trim().split('\n').filter((line) => !line.startsWith('#'));
  assert.equal(rows.length, report.layers.length + 1);
  assert.match(await exported('svg'), /^<svg [\s\S]*<\/svg>\s*$/);
  assert.match(await exported('html'), /^<!doctype html>/i);
});

test('cancel acts long before the run would end, and the same engine measures again', LIMIT, async (t) => {
  const address = await site(t, { mount: '/some/where/' });
  const page = await openPage(t, browser);
  await open(page, address);
  const runs = await hook(page, 'runs');
  const all = 64;
  await begin(page, all);
  await progressed(page, 'forward', 1);
  await screenshot(page, 'running');
  const [worker] = page.workers();
  const took = await page.evaluate(async () => {
    const asked = performance.now();
    window.mirscope.cancel();
    while (window.mirscope.busy) await new Promise((resolve) => setTimeout(resolve, 5));
    return performance.now() - asked;
  });
  await reach(page, 'ready');
  assert.deepEqual(await hook(page, 'runs'), runs, 'nothing is kept of a cancelled run');
  const pair = pairTime(await measure(page, 4));
  t.diagnostic(`cancelled within ${took.toFixed(0)} ms, a pair takes ${pair.toFixed(0)} ms`);
  // At most the pairs that the device was given together, which are few.
  assert.ok(took < (all / 4) * pair, `${took} ms, a pair takes ${pair} ms`);
  assert.deepEqual(page.workers(), [worker], 'it is the same Worker');
});

/** How long a pair took in a run, in milliseconds. */
function pairTime(report) {
  const forward = report.timings.find(({ stage }) => stage === 'forward');
  return (1000 * forward.seconds) / report.data.num_pairs;
}

/** What the app itself took for the frames drawn since the last call, as `summary`. */
async function ownPart(page) {
  const times = await page.evaluate(() => window.drawn.splice(0));
  return summary(times.filter((time) => time >= 1));
}

/** Count, median, 95th percentile and maximum of times in milliseconds. */
function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
  const [median, most, max] = [at(0.5), at(0.95), at(1)];
  return {
    count: sorted.length,
    most,
    words: `${sorted.length}, median ${median.toFixed(0)} ms, 95 % within ${most.toFixed(0)} ms, longest ${max.toFixed(0)} ms`,
  };
}

/** The times between frames that the app draws as fast as it can, while nothing is measured. */
function idleFrames(page) {
  return page.evaluate(async () => {
    const times = [];
    let last = performance.now();
    for (let index = 0; index < 40; index++) {
      window.mirscope.select(1 + (index % 2));
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    // The first ones wait for what the page was doing before.
    return times.slice(5);
  });
}

/** Notes in `window.watched` the times between animation frames, all and those of the steady part. */
function watchFrames(page) {
  return page.evaluate(() => {
    const watched = { all: [], steady: [] };
    window.watched = watched;
    let last = performance.now();
    const frame = () => {
      const now = performance.now();
      const [stage, done] = window.mirscope.stage ?? [];
      if (stage) watched.all.push(now - last);
      // From the first finished pair on: before it kernels are compiled, and the metric has its own.
      if (stage === 'forward' && done >= 1) watched.steady.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}
