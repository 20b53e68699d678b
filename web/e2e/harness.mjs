// What the browser tests share: the served page, the browser, pages that report every error.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { serve } from '../tools/serve.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Where tests leave what they made, for people to look at. */
export const ARTIFACTS = fileURLToPath(new URL('artifacts/', import.meta.url));
mkdirSync(ARTIFACTS, { recursive: true });

// Limits against hanging, many times what it takes on a quiet machine: no test asserts by the clock.
/** The slowest thing that a test waits for: a measurement on a software adapter, in milliseconds. */
export const MEASURED_WITHIN = 900_000;
/** The page's program is there and has drawn. */
export const READY_WITHIN = 240_000;

const BASIC_FLAGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
/** WebGPU on the processor: the machine needs no GPU. */
const WEBGPU_FLAGS = [
  '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan',
  '--use-vulkan=swiftshader', '--use-angle=swiftshader',
];

export function launch({ webgpu = true, flags = [] } = {}) {
  return chromium.launch({
    executablePath: process.env.MIRSCOPE_BROWSER || '/usr/bin/chromium',
    args: [...BASIC_FLAGS, ...(webgpu ? WEBGPU_FLAGS : []), ...flags],
    timeout: READY_WITHIN,
  });
}

/** Serves the page's bundle; `options` as for `serve`. Closed when the test `t` ends. */
export async function site(t, options) {
  const server = await serve(`${ROOT}/dist/web`, options);
  t.after(() => server.close());
  return server.address;
}

/**
 * A fresh page that fails the test `t` on any error of page, Worker or console that no pattern in
 * `expected` allows. Closed when the test ends.
 */
export async function openPage(t, browser, { expected = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(READY_WITHIN);
  const errors = [];
  const heard = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) errors.push(text);
  };
  page.on('pageerror', (error) => heard(`page error: ${error.stack ?? error}`));
  page.on('crash', () => heard('the page crashed'));
  page.on('console', (message) => {
    if (message.type() === 'error') heard(`console: ${message.text()} (${message.location().url})`);
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, [], 'errors of page, Worker or console');
  });
  return page;
}

/** Waits until the page's hook is in one of `states`, fails at once in a state that ends waiting. */
export async function reach(page, states, timeout = READY_WITHIN) {
  const ends = ['lost', 'failed', 'unsupported'];
  const wanted = [states].flat();
  await page.waitForFunction((list) => list.includes(window.mirscope?.state), [...wanted, ...ends], { timeout });
  const { state, error } = await page.evaluate(() => ({ state: window.mirscope.state, error: window.mirscope.error }));
  assert.ok(wanted.includes(state), `expected ${wanted.join(' or ')}, the page is ${state}: ${error}`);
}

/** Opens the page at `address` and waits until app and engine are there. */
export async function open(page, address) {
  await page.goto(address);
  await reach(page, 'ready');
  await page.waitForFunction(() => window.mirscope.engine !== 'starting', null, { timeout: READY_WITHIN });
  assert.equal(await hook(page, 'engine'), 'ready');
}

/** A field of the page's hook. */
export const hook = (page, field) => page.evaluate((name) => window.mirscope[name], field);

/** What the app has told the reader as gone wrong. */
export const alarms = async (page) => (await hook(page, 'messages')).filter(([, alarm]) => alarm).map(([text]) => text);

/** Has the app measure the demo; resolves once it does. */
export async function begin(page, numPairs) {
  await page.evaluate((pairs) => window.mirscope.run(pairs), numPairs);
  await reach(page, 'running');
}

const STAGES = ['device', 'fetch', 'load', 'prepare', 'forward', 'metric'];

/** Waits until a stage of the run under way has finished so many units, or a later one began. */
export async function progressed(page, stage, done) {
  await page.waitForFunction(
    ([stages, name, units]) => {
      const { state, stage: [now, finished] = [] } = { ...window.mirscope, stage: window.mirscope.stage ?? [] };
      const further = stages.indexOf(now) - stages.indexOf(name);
      return state !== 'running' || further > 0 || (further === 0 && finished >= units);
    },
    [STAGES, stage, done],
    { timeout: MEASURED_WITHIN },
  );
  assert.equal(await hook(page, 'state'), 'running', `the run ended before ${stage}`);
}

/** Has the app measure the demo and waits for its report. */
export async function measure(page, numPairs) {
  const before = (await hook(page, 'runs')).length;
  await begin(page, numPairs);
  await reach(page, 'ready', MEASURED_WITHIN);
  assert.deepEqual(await alarms(page), []);
  assert.equal((await hook(page, 'runs')).length, before + 1);
  return hook(page, 'report');
}

/** Fails where a report of the browser is further than `bar` from the native program's. */
export function sameReport(t, name, report, expected, bar) {
  t.diagnostic(`${name}: MIR ${report.mir} in the browser, ${expected.mir} natively`);
  assert.equal(report.data.num_pairs, expected.data.num_pairs, name);
  assert.ok(Math.abs(report.mir - expected.mir) < bar, `${name}: ${report.mir} against ${expected.mir}`);
  assert.equal(report.layers.length, expected.layers.length, name);
  let worst = 0;
  for (const [index, layer] of report.layers.entries()) {
    const other = expected.layers[index];
    const where = `${name}, layer ${layer.layer}`;
    assert.deepEqual([layer.layer, layer.n_vision, layer.n_text], [other.layer, other.n_vision, other.n_text], where);
    const off = Math.abs(layer.frechet - other.frechet) / Math.max(Math.abs(other.frechet), Number.MIN_VALUE);
    worst = Math.max(worst, off);
    assert.ok(off < bar, `${where}: ${layer.frechet} against ${other.frechet}`);
    for (const part of ['location', 'spread', 'shape']) {
      // A part can be next to nothing: it counts in relation to the whole.
      const difference = Math.abs(layer[part] - other[part]);
      assert.ok(difference < bar * other.frechet, `${where}, ${part}: ${layer[part]} against ${other[part]}`);
    }
  }
  t.diagnostic(`${name}: terms differ by ${worst.toExponential(1)} at most`);
}

/** A picture of the window, once what was asked for has been drawn. */
export async function screenshot(page, name) {
  await page.evaluate(() => new Promise((drawn) => {
    requestAnimationFrame(() => requestAnimationFrame(drawn));
  }));
  await page.screenshot({ path: `${ARTIFACTS}/${name}.png` });
}

/** Hands the checkpoint in `folder` to the page's engine, and resolves with its forward passes over `input`. */
export async function passes(page, folder, { prompts, images }) {
  await page.evaluate(() => {
    const input = Object.assign(document.createElement('input'), { type: 'file', multiple: true, id: 'checkpoint' });
    document.body.append(input);
  });
  const names = ['config.json', 'model.safetensors'];
  await page.locator('#checkpoint').setInputFiles(names.map((name) => `${folder}/${name}`));
  const answer = await page.evaluate(([ids, pixels]) => {
    const files = [...document.querySelector('#checkpoint').files];
    const picked = files.map((file, id) => ({ path: `checkpoint/${file.name}`, size: file.size, place: { Page: id } }));
    const command = { Passes: { model: { Picked: picked }, prompts: ids, images: pixels } };
    return window.mirscope.carryOut(command, files.map((file, id) => [id, file]));
  }, [prompts, images]);
  assert.ok(answer.Passes, JSON.stringify(answer));
  return answer.Passes;
}

/** Runs the native program; resolves with what it printed. */
export async function native(...parameters) {
  const program = process.env.MIRSCOPE_BINARY;
  assert.ok(program, 'MIRSCOPE_BINARY names the native program: run the tests with ./dev test');
  const { stdout } = await promisify(execFile)(program, parameters, {
    cwd: ARTIFACTS,
    maxBuffer: 1 << 26,
    timeout: MEASURED_WITHIN,
  });
  return stdout;
}
