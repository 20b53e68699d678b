// The engine's Worker: carries out one command after the other, hears cancels while a command runs
// (the engine lets the event loop turn between two submissions).
import init, { Engine, Hasher, standIn } from './pkg/mirscope.js';
import { Hub } from './hub.js';
import { compileInBackground } from './pipelines.js';
import { Store } from './store.js';

let engine = null;
/** The program's memory, which only grows. */
let memory = null;
let running = null;
let store = null;
let hub = null;
let demo = [];
let study = [];
/** Files that were chosen on the page, or fetched from a hub, by number. */
const chosen = new Map();
/** The first number of the fetched ones: the page counts from 1. */
const FETCHED = 2 ** 31;
/** Their numbers, by their hash. */
const fetched = new Map();

self.onmessage = async ({ data }) => {
  if (data.start) await start(data.start);
  else if (data.run) await run(data.run, data.command, data.files);
  else if (data.cancel && data.cancel === running) cancel();
  else if (data.prefetch) await prefetch();
};

// A panic or a trap leaves the wasm in an unknown state: this Worker is of no more use.
const died = (text) => self.postMessage({ died: String(text) });
self.addEventListener('unhandledrejection', ({ reason }) => died(reason?.message ?? reason));
self.addEventListener('error', ({ message }) => died(message));

async function start(site) {
  try {
    await holdLock(`mirscope-${crypto.randomUUID()}`);
    const adapter = await adapterName();
    const compiled = compileInBackground(self);
    store = new Store(site.base);
    hub = new Hub(site.base, { Hasher, standIn });
    demo = site.demo;
    study = site.study;
    ({ memory } = await init({ module_or_path: site.module }));
    const functions = { read, fetch: fetchAsset, compiled, died, hubAnswer, hubHere, hubFetch };
    engine = new Engine({ base: site.base, demo, study, adapter, hub: site.hub }, functions);
    self.postMessage({ ready: { version: site.version, adapter } });
  } catch (error) {
    self.postMessage({ failed: error?.message ?? String(error) });
  }
}

/** Takes a lock that the browser releases when this Worker ends, however it ends. */
function holdLock(name) {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, () => {
        self.postMessage({ locked: name });
        resolve();
        return new Promise(() => {});
      })
      .catch(reject);
  });
}

/** What the browser tells about the adapter; null where there is none. */
async function adapterName() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { vendor, architecture, description } = adapter.info ?? {};
  return [vendor, architecture, description].filter((part) => part).join(' ') || 'a GPU without a name';
}

/** Bytes of a chosen file: a Worker may wait for them. */
function read(id, start, end) {
  const file = chosen.get(id);
  if (!file) throw new Error('expected a file that was chosen on this page, found none: choose it again');
  try {
    return new Uint8Array(new FileReaderSync().readAsArrayBuffer(file.slice(start, end)));
  } catch (error) {
    throw new Error(`it can no longer be read (${error.name}): it was moved or changed since it was chosen; choose it again`);
  }
}

const fetchAsset = (path, bytes, sha256, progress) =>
  store.fetch({ address: `assets/${path}?${sha256.slice(0, 16)}`, bytes, sha256 }, progress);

const hubAnswer = (address, name, offline) => hub.answer(address, name, offline);
const hubHere = (files) => hub.here(files);

/** Fetches a file of a hub; resolves with the number by which it is read. */
async function hubFetch(file, progress) {
  const content = await hub.fetch(file, progress);
  if (!fetched.has(file.digits)) fetched.set(file.digits, FETCHED + fetched.size);
  const number = fetched.get(file.digits);
  chosen.set(number, content);
  return number;
}

function cancel() {
  engine.cancel();
  hub.cancel();
}

/** Fetches the demo into the cache, one file at a time; what fails is fetched when it is needed. */
async function prefetch() {
  if (!(await store.keeps())) return;
  await store.prune([...demo, ...study].map(({ sha256 }) => sha256));
  for (const { path, bytes, sha256 } of demo) {
    // Whoever measures has the connection for himself.
    while (running !== null) await new Promise((resolve) => setTimeout(resolve, 500));
    try {
      await fetchAsset(`demo/${path}`, bytes, sha256, () => {});
    } catch {
      return;
    }
  }
}

async function run(id, command, files) {
  running = id;
  hub.begin();
  for (const [number, file] of files) chosen.set(number, file);
  try {
    await engine.run(command, (event) => self.postMessage({ event, run: id, heap: memory.buffer.byteLength }));
  } finally {
    running = null;
  }
}
