// A thousand pairs in a tab: what the page and its Worker hold does not grow with their number.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, ROOT, alarms, hook, launch, open, openPage, reach, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch({ flags: ['--enable-precise-memory-info'] });
});
after(() => browser?.close());

const PAIRS = Number(process.env.MIRSCOPE_SOAK || 1000);
/** Looks at the time of a pair; how many times as long as in the second quarter of them it may take in the last. */
const LOOKS = 20;
const SLOWER = 1.25;
/** From here on the program may not grow by more than a list of pairs takes. */
const SETTLED = 50;
/**
 * How many times as much as then the Worker may have at its most. Nothing is kept of a pair; but where pairs begin to run
 * fast enough to share a recording, the Worker grows once by what a longer recording takes.
 */
const BAR = 1.05;
/** A small checkpoint, so that a software adapter gets through. */
const MODEL = `${ROOT}/tests/golden/families/llava/llama_dinov2`;
const FILES = [
  'config.json', 'model.safetensors', 'preprocessor_config.json', 'processor_config.json', 'tokenizer.json',
  'tokenizer_config.json', 'chat_template.json',
];
/** What the app may keep of a run: lines of a list and events, not pixels or states. */
const OF_THE_LIST = 8 * 1024 * 1024;

// Many minutes on a software adapter: part of `./dev test-full`, with fewer pairs of `./dev soak`.
const LIMIT = { timeout: 2 * MEASURED_WITHIN, skip: !(process.env.MIRSCOPE_FULL || process.env.MIRSCOPE_SOAK) };

test('neither the memory nor the time of a pair grows with their number', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const model = await Promise.all(FILES.map(async (name) => [name, await readFile(`${MODEL}/${name}`, 'base64')]));
  await page.evaluate(async ([files, pairs]) => {
    const bytes = (content) => Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const dropped = files.map(([name, content]) => ({ path: `small/${name}`, file: new File([bytes(content)], name) }));
    const lines = [];
    for (let index = 0; index < pairs; index++) {
      // Pictures and texts of their own, so that nothing is remembered from pair to pair.
      const canvas = new OffscreenCanvas(48, 48);
      const brush = canvas.getContext('2d');
      brush.fillStyle = `hsl(${index * 37} 80% ${30 + (index % 40)}%)`;
      brush.fillRect(index % 24, index % 17, 24, 24);
      const image = `${index}.png`;
      dropped.push({ path: `data/${image}`, file: new File([await canvas.convertToBlob()], image) });
      lines.push(JSON.stringify({ image, text: `Square number ${index} is at ${index % 24} and ${index % 17}.` }));
    }
    dropped.push({ path: 'data/pairs.jsonl', file: new File([lines.join('\n')], 'pairs.jsonl') });
    window.mirscope.dropFiles(dropped);
  }, [model, PAIRS]);
  await page.waitForFunction(
    (pairs) => window.mirscope.data.pairs === pairs && window.mirscope.data.inspected, PAIRS, { timeout: MEASURED_WITHIN },
  );
  await page.evaluate(([settled, step]) => {
    const seen = { settled: null, most: 0, page: null, pageMost: 0, last: 0, looks: [] };
    window.seen = seen;
    const look = () => {
      const [stage, done] = window.mirscope.stage ?? [];
      if (stage === 'forward' && done >= settled) {
        const { heap } = window.mirscope;
        const own = performance.memory.totalJSHeapSize;
        seen.settled ??= heap;
        seen.page ??= own;
        seen.most = Math.max(seen.most, heap);
        seen.pageMost = Math.max(seen.pageMost, own);
        seen.last = done;
      }
      const before = seen.looks.at(-1)?.done ?? 0;
      if (stage === 'forward' && (seen.looks.length === 0 || done >= before + step)) {
        seen.looks.push({ done, at: performance.now(), heap: window.mirscope.heap, page: performance.memory.totalJSHeapSize });
      }
      setTimeout(look, 50);
    };
    look();
  }, [SETTLED, PAIRS / LOOKS]);
  await page.evaluate(() => window.mirscope.runData());
  await reach(page, 'running');
  await reach(page, 'ready', 2 * MEASURED_WITHIN);
  assert.deepEqual(await alarms(page), []);
  const report = await hook(page, 'report');
  assert.equal(report.data.num_pairs, PAIRS);
  const seen = await page.evaluate(() => window.seen);
  const forward = report.timings.find(({ stage }) => stage === 'forward');
  const { looks, ...memory } = seen;
  t.diagnostic(`${PAIRS} pairs in ${forward.seconds.toFixed(0)} s: ${JSON.stringify(memory)}`);
  const times = looks.slice(1).map((look, index) => (look.at - looks[index].at) / (look.done - looks[index].done));
  for (const [index, time] of times.entries()) {
    const { done, heap, page: own } = looks[index + 1];
    t.diagnostic(`${done} pairs: ${time.toFixed(1)} ms each, ${mebibytes(heap)} in the Worker, ${mebibytes(own)} in the page`);
  }
  const quarter = Math.floor(times.length / 4);
  assert.ok(quarter >= 2, `${times.length} looks are too few`);
  const [second, last] = [median(times.slice(quarter, 2 * quarter)), median(times.slice(-quarter))];
  t.diagnostic(`second quarter ${second.toFixed(1)} ms, last ${last.toFixed(1)} ms`);
  assert.ok(last <= SLOWER * second, `a pair takes ${last} ms, it took ${second} ms`);
  assert.ok(seen.settled > 0 && seen.last > PAIRS / 2, 'the run was watched');
  assert.ok(seen.most <= BAR * seen.settled, `the Worker grew from ${seen.settled} to ${seen.most} bytes`);
  assert.ok(seen.pageMost < seen.page + OF_THE_LIST, `the page grew from ${seen.page} to ${seen.pageMost} bytes`);
});

const mebibytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`;

/** The one in the middle. */
const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
