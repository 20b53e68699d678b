// What goes wrong while measuring: the page says so and can go on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, alarms, begin, launch, measure, open, openPage, progressed, reach, screenshot, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };

test('an engine that is ended from outside is noticed and replaced', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  await begin(page, 64);
  await progressed(page, 'load', 1);
  await page.workers()[0].evaluate(() => self.close());
  await reach(page, 'ready');
  assert.match((await alarms(page)).join(), /The engine stopped: it was ended from outside/);
  await screenshot(page, 'engine-lost');
  await measure(page, 1);
});

test('an error in the Worker ends the run with its words', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser, { expected: [/out of the blue/] });
  await open(page, address);
  await begin(page, 64);
  await page.workers()[0].evaluate(() => {
    setTimeout(() => {
      throw new Error('out of the blue');
    });
  });
  await reach(page, 'ready');
  assert.match((await alarms(page)).join(), /out of the blue/);
});

test('a file that the host does not have is named', LIMIT, async (t) => {
  const address = await site(t, { before: async (path) => (path.endsWith('.safetensors') ? 404 : null) });
  const page = await openPage(t, browser, { expected: [/404/] });
  await open(page, address);
  await begin(page, 1);
  await reach(page, 'ready');
  assert.match((await alarms(page)).join(), /\.safetensors: the server answered 404/);
});
