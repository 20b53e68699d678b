// The page before anything is measured: loading, layout, browsers that cannot run it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage, reach, screenshot, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: 120_000 };

test('the page can be read before the engine arrives, then it is ready', LIMIT, async (t) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const address = await site(t, {
    before: async (path) => {
      if (path.endsWith('.wasm')) await held;
    },
  });
  const page = await openPage(t, browser);
  await page.goto(address);
  await page.locator('#loading-text').getByText('Loading the engine').waitFor();
  assert.equal(await page.locator('h1').textContent(), 'mirscope');
  assert.ok(await page.locator('#measure').isDisabled());
  await screenshot(page, 'loading');
  release();
  await reach(page, 'ready');
  assert.ok(await page.locator('#measure').isEnabled());
  assert.ok(await page.locator('#loading').isHidden());
  assert.match(await page.evaluate(() => window.mirscope.version), /^\d+\.\d+\.\d+$/);
  assert.match(await page.locator('#adapter').textContent(), /swiftshader/i);
  assert.deepEqual(await page.locator('#connector option').allTextContents(), ['trained', 'halfway', 'untrained']);
});

test('the page fits 390 pixels and works from a sub-path', LIMIT, async (t) => {
  const address = await site(t, { mount: '/some/where/' });
  const page = await openPage(t, browser, { viewport: { width: 390, height: 844 } });
  await page.goto(address);
  await reach(page, 'ready');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390), 'no sideways scrolling');
  await screenshot(page, 'ready-390');
});

/** Opens the page in a browser changed by `change` and returns the explanation it shows. */
async function explanation(t, inBrowser, change) {
  const address = await site(t);
  const page = await openPage(t, inBrowser);
  if (change) await page.addInitScript(change);
  await page.goto(address);
  await reach(page, 'unsupported');
  assert.ok(await page.locator('#measure').isDisabled());
  assert.ok(await page.locator('#loading').isHidden());
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

test('a Worker without a GPU is told apart from a page without one', LIMIT, async (t) => {
  // Only the Worker's scripts ask for the adapter through WorkerNavigator.
  const address = await site(t, {
    change: (path, text) => (path.endsWith('/worker.js')
      ? `Object.defineProperty(WorkerNavigator.prototype, 'gpu', { get: () => undefined });\n${text}`
      : text),
  });
  const page = await openPage(t, browser);
  await page.goto(address);
  await reach(page, 'unsupported');
  assert.match(await page.locator('#message').innerText(), /the Worker that the engine runs in found none/);
});

test('a bundle without its program says which file is missing', LIMIT, async (t) => {
  const address = await site(t, { before: async (path) => (path.endsWith('.wasm') ? 404 : null) });
  const page = await openPage(t, browser, { expected: [/404/] });
  await page.goto(address);
  await reach(page, 'failed');
  assert.match(await page.locator('#message').innerText(), /mirscope_bg\.wasm: the server answered 404/);
});
