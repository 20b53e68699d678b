// What goes wrong while measuring: the page says so and can go on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, launch, openPage, reach, screenshot, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };

test('an engine that is ended from outside is noticed and replaced', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await page.goto(address);
  await reach(page, 'ready');
  await page.click('#measure');
  await page.waitForFunction(() => document.querySelector('#stages li:nth-child(3) .count').textContent !== '');
  await page.workers()[0].evaluate(() => self.close());
  await reach(page, 'failed');
  assert.match(await page.locator('#message').innerText(), /stopped unexpectedly/);
  await screenshot(page, 'engine-lost');
  await page.fill('#num-pairs', '1');
  await page.click('#measure');
  await page.waitForFunction(() => window.mirscope.state !== 'running', { timeout: MEASURED_WITHIN });
  await reach(page, 'done');
});

test('an error in the Worker ends the run with its words', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser, { expected: [/out of the blue/] });
  await page.goto(address);
  await reach(page, 'ready');
  await page.click('#measure');
  await page.workers()[0].evaluate(() => {
    setTimeout(() => {
      throw new Error('out of the blue');
    });
  });
  await reach(page, 'failed');
  assert.match(await page.locator('#message').innerText(), /out of the blue/);
});

test('a file that the host does not have is named', LIMIT, async (t) => {
  const address = await site(t, { before: async (path) => (path.endsWith('.safetensors') ? 404 : null) });
  const page = await openPage(t, browser, { expected: [/404/] });
  await page.goto(address);
  await reach(page, 'ready');
  await page.click('#measure');
  await reach(page, 'failed');
  assert.match(await page.locator('#message').innerText(), /\.safetensors: the server answered 404/);
});
