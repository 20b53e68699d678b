// The page before anything is measured: loading, layout, browsers that cannot run it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { READY_WITHIN, hook, launch, open, openPage, reach, screenshot, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: 2 * READY_WITHIN };

test('the page can be read before the program arrives, then the recorded report is there', LIMIT, async (t) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const address = await site(t, {
    before: async (path) => {
      if (path.endsWith('.wasm')) await held;
    },
  });
  const page = await openPage(t, browser);
  await page.goto(address);
  await page.locator('#loading-text').getByText('Loading').waitFor();
  assert.match(await page.locator('h1').textContent(), /mirscope/);
  assert.match(await page.locator('#cover').innerText(), /nothing is ever uploaded/);
  await screenshot(page, 'loading');
  const asked = Date.now();
  release();
  await reach(page, 'ready');
  t.diagnostic(`drawn ${Date.now() - asked} ms after the program came`);
  assert.ok(await page.locator('#cover').isHidden());
  assert.equal(await page.evaluate(() => window.mirscope.view.tab), 'start');
  const report = await hook(page, 'report');
  assert.ok(report.mir > 0 && report.layers.length >= 2);
  await page.waitForFunction(() => window.mirscope.engine === 'ready');
  assert.match(await hook(page, 'version'), /^\d+\.\d+\.\d+$/);
  assert.match(await hook(page, 'adapter'), /swiftshader/i);
  await page.waitForFunction(() => window.mirscope.messages.length > 0);
  const [[note, alarm]] = await hook(page, 'messages');
  assert.match(note, /without a GPU/);
  assert.equal(alarm, false, 'a software adapter is worth a note, no more');
});

test('the canvas fills the window at every density', LIMIT, async (t) => {
  const address = await site(t);
  for (const [inBrowser, density, viewport] of [
    [browser, 1, { width: 390, height: 844 }],
    // Emulated densities do not reach the observer of the canvas: here the whole browser has another.
    [await launch({ flags: ['--force-device-scale-factor=2', '--window-size=800,900'] }), 2, null],
  ]) {
    if (inBrowser !== browser) t.after(() => inBrowser.close());
    const page = await openPage(t, inBrowser, { viewport });
    await open(page, address);
    const { css, pixels, room } = await page.evaluate(() => {
      const canvas = document.querySelector('#app');
      const { scrollWidth, scrollHeight } = document.documentElement;
      return {
        css: [canvas.clientWidth, canvas.clientHeight],
        pixels: [canvas.width, canvas.height],
        room: [scrollWidth, scrollHeight, innerWidth, innerHeight],
      };
    });
    assert.deepEqual(room.slice(0, 2), room.slice(2), 'nothing to scroll');
    assert.deepEqual(css, room.slice(2));
    assert.deepEqual(pixels, css.map((length) => length * density));
  }
});

test('the views are drawn at three sizes, light and dark', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const view = await hook(page, 'view');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of [[1280, 720], [1920, 1080], [390, 844]]) {
      await page.setViewportSize({ width, height });
      const tabs = width === 1280 ? ['start', 'alignment', 'eyes', 'ask', 'what-if', 'compare', 'study', 'data', 'reference'] : ['start', 'alignment'];
      for (const tab of tabs) {
        await page.evaluate((selected) => window.mirscope.setView(selected), { ...view, tab });
        await page.waitForFunction((name) => window.mirscope.view.tab === name, tab);
        await screenshot(page, `${tab}-${width}-${colorScheme}`);
      }
    }
  }
});

/** Opens the page in a browser changed by `change` and returns the explanation it shows. */
async function explanation(t, inBrowser, change) {
  const address = await site(t);
  const page = await openPage(t, inBrowser);
  if (change) await page.addInitScript(change);
  await page.goto(address);
  await reach(page, 'unsupported');
  assert.ok(await page.locator('#loading').isHidden());
  assert.ok(await page.locator('#message').isVisible());
  await screenshot(page, `unsupported-${t.name.replaceAll(/\W+/g, '-')}`);
  return page.locator('#message').innerText();
}

test('a browser without WebGPU is told so', LIMIT, async (t) => {
  const text = await explanation(t, browser, () => {
    Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined });
  });
  assert.match(text, /does not offer WebGPU/);
  assert.match(text, /Safari: version 26/);
});

test('a browser without an adapter is told so', LIMIT, async (t) => {
  const plain = await launch({ webgpu: false });
  t.after(() => plain.close());
  const text = await explanation(t, plain);
  assert.match(text, /found no GPU that it trusts/);
});

test('an adapter with too small limits is refused with numbers', LIMIT, async (t) => {
  const text = await explanation(t, browser, () => {
    const requestAdapter = GPU.prototype.requestAdapter;
    GPU.prototype.requestAdapter = async function (...options) {
      const adapter = await requestAdapter.apply(this, options);
      const limits = Object.create(adapter.limits, { maxComputeInvocationsPerWorkgroup: { value: 128 } });
      for (const name of ['maxStorageBuffersPerShaderStage']) {
        Object.defineProperty(limits, name, { value: adapter.limits[name] });
      }
      return { limits };
    };
  });
  assert.match(text, /allows 128 invocations in a workgroup; the engine needs 256/);
});

test('a Worker without a GPU leaves a page that can be read', LIMIT, async (t) => {
  // Only the Worker's scripts ask for the adapter through WorkerNavigator.
  const address = await site(t, {
    change: (path, text) => (path.endsWith('/worker.js')
      ? `Object.defineProperty(WorkerNavigator.prototype, 'gpu', { get: () => undefined });\n${text}`
      : text),
  });
  const page = await openPage(t, browser);
  await open(page, address);
  await page.waitForFunction(() => window.mirscope.messages.length > 0);
  assert.match((await hook(page, 'messages'))[0][0], /the Worker that the engine runs in found none/);
});

test('a bundle without its program says which file is missing', LIMIT, async (t) => {
  const address = await site(t, { before: async (path) => (path.endsWith('.wasm') ? 404 : null) });
  const page = await openPage(t, browser, { expected: [/404/] });
  await page.goto(address);
  await reach(page, 'failed');
  assert.match(await page.locator('#message').innerText(), /mirscope_bg\.wasm: the server answered 404/);
  assert.ok(await page.locator('#reload').isVisible());
});

test('a lost graphics device is told, and reloading brings the page back', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser, { expected: [/lost|destroyed/i] });
  await page.addInitScript(() => {
    const requestDevice = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      window.pageDevice = await requestDevice.apply(this, options);
      return window.pageDevice;
    };
  });
  await open(page, address);
  await page.evaluate(() => window.pageDevice.destroy());
  await page.waitForFunction(() => window.mirscope.state === 'lost');
  assert.match(await page.locator('#message').innerText(), /took the graphics device away/);
  await screenshot(page, 'device-lost');
  await page.click('#reload');
  await reach(page, 'ready');
});
