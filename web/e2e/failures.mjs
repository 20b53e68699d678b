// What goes wrong while measuring: the page says so and can go on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  MEASURED_WITHIN, alarms, begin, hook, launch, measure, open, openPage, progressed, reach, screenshot, site,
} from './harness.mjs';

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
  const expected = await measure(page, 1);
  await begin(page, 64);
  await progressed(page, 'forward', 1);
  await page.workers()[0].evaluate(() => self.close());
  await reach(page, 'ready');
  const told = await alarms(page);
  assert.equal(told.length, 1, told.join());
  assert.match(told[0], /^The engine stopped: it was ended from outside/);
  await screenshot(page, 'engine-lost');
  same(await measure(page, 1), expected);
});

/** Fails unless both reports have the same numbers, to the bit. */
function same(report, expected) {
  const numbers = ({ mir, layers, metrics }) => ({ mir, layers, metrics });
  assert.deepEqual(numbers(report), numbers(expected));
}

/**
 * In the Worker: does what a driver may do, at the `fault.after`-th occasion of the stage `fault.stage` of a measurement;
 * what the app asks about the last one in between takes no fault.
 */
const FAULTS = `
self.addEventListener('message', ({ data }) => {
  if (!data.run) return;
  self.stage = null;
  self.measures = 'Measure' in data.command;
});
const strikes = (kind) => {
  const { fault } = self;
  if (!self.measures || fault?.kind !== kind || fault.stage !== self.stage || fault.after-- > 0) return false;
  self.fault = null;
  return true;
};
const post = self.postMessage.bind(self);
self.postMessage = (message, ...more) => {
  self.stage = message.event?.Progress?.stage ?? self.stage;
  post(message, ...more);
};
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (...options) {
  self.device = await requestDevice.apply(this, options);
  return self.device;
};
const { submit } = GPUQueue.prototype;
GPUQueue.prototype.submit = function (commands) {
  if (strikes('lost')) self.device.destroy();
  return submit.call(this, commands);
};
const { createBuffer } = GPUDevice.prototype;
GPUDevice.prototype.createBuffer = function (wanted) {
  if (!strikes('memory')) return createBuffer.call(this, wanted);
  const error = new GPUOutOfMemoryError('no memory');
  this.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
  return createBuffer.call(this, { ...wanted, usage: 0 });
};
`;

test('a device that is lost or has no memory left is told, and the next run is right', LIMIT, async (t) => {
  const change = (path, text) => (path.endsWith('/worker.js') ? FAULTS + text : text);
  const page = await openPage(t, browser, { expected: [/lost|destroyed|invalid|usage/i] });
  await open(page, await site(t, { change }));
  const expected = await measure(page, 1);
  for (const [kind, stage, after, sentence] of [
    ['lost', 'forward', 0, /^the device was lost \(.*\); run again$/],
    ['lost', 'metric', 1, /^the device was lost \(.*\); run again$/],
    ['memory', 'forward', 0, /^adapter `.+` has no memory left; /],
  ]) {
    const runs = await hook(page, 'runs');
    await page.workers()[0].evaluate((fault) => Object.assign(self, { fault }), { kind, stage, after });
    await begin(page, 1);
    await reach(page, 'ready', MEASURED_WITHIN);
    assert.equal(await page.workers()[0].evaluate(() => self.fault), null, `${kind} in ${stage} did not happen`);
    const told = await alarms(page);
    t.diagnostic(`${kind} in ${stage}: ${told.join()}`);
    assert.equal(told.length, 1, told.join());
    assert.match(told[0], sentence);
    assert.deepEqual(await hook(page, 'runs'), runs, 'nothing is kept of a run that failed');
    same(await measure(page, 1), expected);
  }
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
