// How long the page in dist/web takes on this machine, on the browser's software adapter; no test, as it goes by the
// clock: node web/e2e/times.mjs [VISITS] [PAIRS]
//
// Each visit is the first one of a browser of its own. Milliseconds from the start of the navigation: until something can be
// read, until the app is drawn, until the engine takes commands, until the demo is measured on PAIRS of its pairs.
import { serve } from '../tools/serve.mjs';
import { MEASURED_WITHIN, READY_WITHIN, ROOT, hook, launch, reach } from './harness.mjs';

const [visits = 5, pairs = 4] = process.argv.slice(2).map(Number);
const { address, close } = await serve(`${ROOT}/dist/web`);

async function visit() {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    page.setDefaultTimeout(READY_WITHIN);
    const now = () => page.evaluate(() => performance.now());
    await page.goto(address);
    await reach(page, 'ready');
    const drawn = await now();
    await page.waitForFunction(() => window.mirscope.engine === 'ready');
    const engine = await now();
    const readable = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
    await page.evaluate((number) => window.mirscope.run(number), pairs);
    await reach(page, 'running');
    await reach(page, 'ready', MEASURED_WITHIN);
    const measured = await now();
    const { mir, timings } = await hook(page, 'report');
    const stages = timings.map(({ stage, seconds }) => `${stage} ${seconds.toFixed(2)} s`).join(', ');
    console.log(`MIR ${mir} after ${Math.round(measured)} ms: ${stages}`);
    return { readable, drawn, engine, measured };
  } finally {
    await browser.close();
  }
}

try {
  const all = [];
  for (let count = 0; count < visits; count += 1) all.push(await visit());
  for (const name of Object.keys(all[0])) {
    const sorted = all.map((times) => times[name]).sort((one, other) => one - other);
    console.log(`${name}: ${Math.round(sorted[visits >> 1])} ms, the median of ${visits}`);
  }
} finally {
  await close();
}
