// The page: says what is going on until the app is drawn, starts the app and the engine's Worker,
// and carries messages between the two.
import init, { start_app } from './pkg/mirscope.js';
import { Engine } from './engine.js';
import { Files } from './files.js';
import { examine } from './support.js';

const find = (id) => document.getElementById(id);
const cover = find('cover');

/**
 * What a test or a curious reader can look at and call. `state` is one of `loading`, `ready`,
 * `running`, `lost`, `failed`, `unsupported`; what the app shows is under the names that the app
 * gives it (see `Shown` in src/app/page/shown.rs).
 */
const hook = {
  state: 'loading',
  error: null,
  version: null,
  adapter: null,
  engine: 'starting',
  /** Whether the engine's Worker is carrying out a command. */
  busy: false,
};
window.mirscope = hook;

const site = { base: new URL('.', document.baseURI).href };
const files = new Files(site.base);
/** The app, once it runs, and what it was to hear before. */
let app = null;
const early = [];
const toApp = (act) => (app ? act(app) : early.push(act));

/** Replaces what the cover says; the canvas comes back with a reload only. */
function say(state, what, list = [], button = null) {
  hook.state = state;
  hook.error = what;
  find('loading').hidden = true;
  find('message-text').textContent = what;
  find('message-list').replaceChildren(...list.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  }));
  find('message-list').hidden = list.length === 0;
  find('reload').hidden = button === null;
  find('reload').textContent = button ?? '';
  find('message').hidden = false;
  cover.hidden = false;
  if (button) find('reload').focus();
}

/** The canvas or the app is gone: only a reload brings them back. */
function lost(reason) {
  if (hook.state === 'lost') return;
  say('lost', `The page stopped: ${reason.split('\n')[0]}`, [
    'What was measured and not saved is gone.',
    'Reloading the page starts it again; fetched files are kept.',
  ], 'Reload the page');
}

/** Milliseconds that a view has to last before the address follows it: a slider that is dragged passes many. */
const SETTLED_AFTER = 300;
let settling = 0;
/** The end of the address as it was written or read last. */
let followed = location.hash;

/** Keeps the address at what is shown, so that a reload or a bookmark opens it again. */
function follow() {
  clearTimeout(settling);
  if (hook.dialog) return;
  settling = setTimeout(() => {
    const { pathname, search, hash } = location;
    const link = hook.link === '#' ? '' : hook.link;
    // Where the reader went elsewhere, the app is about to hear of it.
    if (hash !== followed || link === hash) return;
    try {
      history.replaceState(history.state, '', pathname + search + link);
      followed = location.hash;
    } catch {
      // A page around this one may forbid it, or a browser that was asked too often.
    }
  }, SETTLED_AFTER);
}

/** The reader went to another bookmark of the page, or typed an address; what `follow` writes is not heard here. */
function went() {
  // What was shown until now is not for this address.
  clearTimeout(settling);
  followed = location.hash;
  app.openLink(followed);
}

function changed(shown) {
  const moved = shown.link !== hook.link || shown.dialog !== hook.dialog;
  Object.assign(hook, shown);
  if (moved) follow();
  if (hook.state === 'lost') return;
  hook.state = shown.running ? 'running' : 'ready';
  cover.hidden = true;
}

const mebibytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`;

/** Fetches a file beside this script; fails with words where the host does not have it. */
async function fetchPart(name, options) {
  const response = await fetch(new URL(name, import.meta.url), options);
  if (!response.ok) {
    throw new Error(`${name}: the server answered ${response.status} instead of 200: copy the whole bundle`);
  }
  return response;
}

/** Fetches and compiles the program, and tells how far that is. */
async function fetchProgram(total) {
  const response = await fetchPart('pkg/mirscope_bg.wasm');
  let done = 0;
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        done += chunk.byteLength;
        find('loading-text').textContent = done < total
          ? `Loading: ${mebibytes(done)} of ${mebibytes(total)}`
          : 'Starting';
        find('loading-bar').value = done / total;
        controller.enqueue(chunk);
      },
    }),
  );
  return WebAssembly.compileStreaming(new Response(counted, { headers: { 'content-type': 'application/wasm' } }));
}

/** The engine's side of the app: commands in, events out. */
function workerOf(engine) {
  let abort = null;
  return {
    send(command, ids) {
      abort = new AbortController();
      hook.busy = true;
      engine
        .run(command, (event) => app.event(event), abort.signal, files.handles(ids))
        .catch((error) => app.workerLost(error.message))
        .finally(() => {
          hook.busy = false;
        });
    },
    cancel: () => abort?.abort(),
  };
}

async function startEngine(engine, software) {
  try {
    const { version, adapter } = await engine.start();
    hook.version = version;
    hook.adapter = adapter;
    hook.engine = 'ready';
    if (!adapter) {
      toApp((running) => running.tell('The page found a GPU, but the Worker that the engine runs in found none: reports can be read here, but not measured. Chrome, Edge and Safari offer both.', true));
    } else if (software) {
      toApp((running) => running.tell(`This browser computes without a GPU (${adapter}): everything works and is correct, but slowly.`, false));
    }
    // What a measurement will need is fetched while nobody waits for it, and so is there offline.
    if (!navigator.connection?.saveData) engine.prefetch();
  } catch (error) {
    hook.engine = 'failed';
    toApp((running) => running.tell(`The engine could not be started: ${error.message}. Running again tries once more.`, true));
  }
}

async function start() {
  const support = await examine();
  if (support.missing) {
    say('unsupported', support.missing.what, support.missing.todo);
    return;
  }
  Object.assign(site, await (await fetchPart('manifest.json', { cache: 'no-cache' })).json());
  // Both come at the same time.
  const recording = fetchPart('recorded.cbor').then((response) => response.arrayBuffer());
  recording.catch(() => {
    // It is heard below, after the program.
  });
  site.module = await fetchProgram(site.wasm_bytes);
  await init({ module_or_path: site.module });
  find('loading-text').textContent = 'Starting';
  const engine = new Engine(site);
  const begun = startEngine(engine, support.software);
  const worker = workerOf(engine);
  const page = {
    worker,
    files,
    changed,
    lost,
    recording: new Uint8Array(await recording),
    reducedMotion: matchMedia('(prefers-reduced-motion: reduce)').matches,
  };
  app = await start_app(find('app'), page);
  // The keyboard's first key is for the app, unless a page around it has it.
  if (window.parent === window && document.activeElement === document.body) find('app').focus();
  for (const act of early) act(app);
  files.listen(window, () => app.wake());
  addEventListener('hashchange', went);
  Object.assign(hook, {
    run: (numPairs) => app.run(numPairs),
    runData: () => app.runData(),
    runVariant: (name, numPairs) => app.runVariant(name, numPairs),
    chooseRepository: (id) => app.chooseRepository(id),
    agree: () => app.agree(),
    guess: (letter) => app.guess(letter),
    askBoth: () => app.askBoth(),
    cancel: () => {
      worker.cancel();
      app.cancel();
    },
    select: (layer) => app.select(layer),
    setView: (view) => app.setView(view),
    /** Has the engine carry out a command, which may name `files`; resolves with what it answers. */
    carryOut: (command, files) => engine.run(command, () => {}, undefined, files),
    exportAs: (form) => app.exportAs(form),
    /** A list of `File`s, or of `{ path, file }` for files in folders. */
    dropFiles: (list) => files.drop(list.map((item) => (item instanceof File ? { path: item.name, file: item } : item))),
    pick: (extensions) => files.pick(extensions),
    cacheSize: () => files.cacheSize(),
    clearCache: () => files.clearCache(),
  });
  Object.defineProperty(hook, 'heap', { get: () => engine.heap });
  Object.defineProperty(hook, 'report', { get: () => JSON.parse(app.exportAs('json')) });
  await begun;
}

find('reload').addEventListener('click', () => location.reload());
start().catch((error) => {
  say('failed', `The page could not be started: ${error?.message ?? error}`, [], 'Try again');
});
// After the page itself, so that the first visit is not slowed down by preparing for the second.
window.addEventListener('load', () => {
  navigator.serviceWorker?.register(new URL('sw.js', document.baseURI), { updateViaCache: 'none' }).catch(() => {
    // Without it the page works online only.
  });
});
