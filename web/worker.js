// The engine's Worker: loads the wasm, carries out one command after the other, hears cancels
// while a command runs (the engine lets the event loop turn between two submissions).
import init, { Engine } from './pkg/mirscope.js';

let engine = null;
let running = null;

self.onmessage = async ({ data }) => {
  if (data.start) await start(data.start);
  else if (data.run) await run(data.run, data.command);
  else if (data.cancel && data.cancel === running) engine.cancel();
};

// A panic or a trap leaves the wasm in an unknown state: this Worker is of no more use.
const died = (text) => self.postMessage({ died: String(text) });
self.addEventListener('unhandledrejection', ({ reason }) => died(reason?.message ?? reason));
self.addEventListener('error', ({ message }) => died(message));

async function start(site) {
  try {
    await holdLock(`mirscope-${crypto.randomUUID()}`);
    await init({ module_or_path: await fetchProgram(site.wasm_bytes) });
    engine = new Engine({ ...site, adapter: await adapterName() }, died);
    self.postMessage({ ready: { version: engine.version } });
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

/** What the browser tells about the adapter, null where it tells nothing. */
async function adapterName() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  const { vendor, architecture, description } = adapter?.info ?? {};
  return [vendor, architecture, description].filter((part) => part).join(' ') || null;
}

/** Fetches the wasm and tells the page how far it is. */
async function fetchProgram(total) {
  const response = await fetch(new URL('pkg/mirscope_bg.wasm', import.meta.url));
  if (!response.ok) {
    throw new Error(`pkg/mirscope_bg.wasm: the server answered ${response.status} instead of 200`);
  }
  let done = 0;
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        done += chunk.byteLength;
        self.postMessage({ loading: { done, total } });
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted, { headers: { 'content-type': 'application/wasm' } });
}

async function run(id, command) {
  running = id;
  try {
    await engine.run(command, (event) => self.postMessage({ event, run: id }));
  } finally {
    running = null;
  }
}
