// Fetched files: taken up where they broke off, checked, kept, there without a network, cleared.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serve } from '../tools/serve.mjs';
import {
  MEASURED_WITHIN, READY_WITHIN, ROOT, alarms, begin, hook, launch, measure, open, openPage, progressed, reach, site,
} from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };
const WEIGHTS = '/assets/demo/model/model.safetensors';

/** A page that fetches nothing before it is needed. */
async function frugal(t, options) {
  const page = await openPage(t, browser, options);
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) });
  });
  return page;
}

/** Starts a run and ends it once the checkpoint is there: one that is not over before the page is asked again. */
async function fetched(page) {
  await begin(page, 64);
  await progressed(page, 'prepare', 0);
  await page.evaluate(() => window.mirscope.cancel());
  await reach(page, 'ready');
  assert.deepEqual(await alarms(page), []);
}

test('a download that broke off goes on where it stopped, also on the next visit', LIMIT, async (t) => {
  const starts = [];
  let left = 4;
  const address = await site(t, {
    cut: (path, start) => {
      if (path !== WEIGHTS) return null;
      starts.push(start);
      left -= 1;
      return left >= 0 ? 300_000 : null;
    },
  });
  const page = await frugal(t, { expected: [/ERR_|Failed to load/] });
  await open(page, address);
  await begin(page, 1);
  await reach(page, 'ready');
  assert.match((await alarms(page)).join(), /broke off after \d+ of \d+ bytes/);
  await page.reload();
  await reach(page, 'ready');
  await fetched(page);
  assert.equal(starts[0], 0);
  for (let index = 1; index < starts.length; index++) {
    assert.ok(starts[index] > starts[index - 1], `requests began at ${starts}`);
  }
  t.diagnostic(`requests began at bytes ${starts.join(', ')}`);
  const before = starts.length;
  await page.reload();
  await reach(page, 'ready');
  await fetched(page);
  assert.equal(starts.length, before, 'what is kept is not fetched again');
});

test('a damaged file is thrown away and told, and never kept', LIMIT, async (t) => {
  let damage = true;
  const address = await site(t, {
    spoil: (path, bytes) => {
      if (damage && path === WEIGHTS) bytes[bytes.length - 1] ^= 1;
      return bytes;
    },
  });
  const page = await frugal(t);
  await open(page, address);
  await begin(page, 1);
  await reach(page, 'ready');
  assert.match((await alarms(page)).join(), /expected content with the SHA-256 .* thrown away/);
  damage = false;
  await fetched(page);
});

test('the cache has a size and can be emptied', LIMIT, async (t) => {
  const address = await site(t);
  const page = await frugal(t);
  await open(page, address);
  const size = () => page.evaluate(() => window.mirscope.cacheSize());
  assert.equal(await size(), 0);
  await fetched(page);
  assert.ok((await size()) > 1e6);
  await page.evaluate(() => window.mirscope.clearCache());
  assert.equal(await size(), 0);
  await fetched(page);
});

test('without a private file system the demo is fetched and not kept', LIMIT, async (t) => {
  const address = await site(t, {
    change: (path, text) => (path.endsWith('/store.js')
      ? `StorageManager.prototype.getDirectory = undefined;\n${text}`
      : text),
  });
  const page = await frugal(t);
  await open(page, address);
  await fetched(page);
  assert.equal(await page.evaluate(() => window.mirscope.cacheSize()), null);
});

test('after the first visit the page works and measures without a network', LIMIT, async (t) => {
  const server = await serve(`${ROOT}/dist/web`, { mount: '/some/where/' });
  t.after(() => server.close());
  const page = await openPage(t, browser, { expected: [/ERR_CONNECTION_REFUSED/] });
  await open(page, server.address);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const demo = await page.evaluate(async () => {
    const script = document.querySelector('script[src$="page.js"]').src;
    const manifest = await (await fetch(new URL('manifest.json', script))).json();
    return manifest.demo.reduce((sum, { bytes }) => sum + bytes, 0);
  });
  const deadline = Date.now() + READY_WITHIN;
  while ((await page.evaluate(() => window.mirscope.cacheSize())) !== demo) {
    assert.ok(Date.now() < deadline, 'the demo is fetched while nobody waits for it');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await server.close();
  await page.reload();
  await reach(page, 'ready');
  await page.waitForFunction(() => window.mirscope.engine === 'ready');
  const report = await measure(page, 1);
  assert.ok(report.mir > 0);
  assert.match(await hook(page, 'version'), /^\d/);
});
