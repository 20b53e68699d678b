// The page's side of the engine: starts the Worker, sends commands, notices when it dies.
//
// Page to Worker:  { start: site }, { run: id, command, files: [[number, File]] }, { cancel: id },
//                  { prefetch: true }
// Worker to page:  { ready: { version, adapter } }, { failed: text }, { locked: name },
//                  { event, run: id, heap: bytes }, { died: text }

/** How long a run may take to answer a cancel before its Worker is ended, in milliseconds. */
const CANCEL_PATIENCE = 4000;

/** An engine in a Worker of its own; `site` is the manifest with `base` and the compiled `module`. */
export class Engine {
  #site;
  #worker = null;
  #ready = null;
  #runs = new Map();
  #nextRun = 1;
  /** Bytes of the Worker's program by its last event: as much as it has ever needed. */
  heap = 0;

  constructor(site) {
    this.#site = site;
  }

  /** Starts the Worker unless it is up; resolves with `{ version, adapter }` once it takes commands. */
  start() {
    this.#ready ??= new Promise((resolve, reject) => {
      const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
      this.#worker = worker;
      const lost = (reason) => {
        if (this.#worker !== worker) return;
        this.#worker = null;
        this.#ready = null;
        worker.terminate();
        const error = new EngineLost(reason);
        reject(error);
        for (const run of this.#runs.values()) run.lost(error);
        this.#runs.clear();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        lost(event.message || 'its program could not be loaded');
      };
      worker.onmessageerror = () => lost('a message could not be read');
      worker.onmessage = ({ data }) => {
        this.heap = data.heap ?? this.heap;
        if (data.locked) whenReleased(data.locked, () => lost('it was ended from outside'));
        else if (data.ready) resolve(data.ready);
        else if (data.failed || data.died) lost(data.failed ?? data.died);
        else if (data.event) this.#runs.get(data.run)?.heard(data.event);
      };
      worker.postMessage({ start: this.#site });
    });
    return this.#ready;
  }

  /**
   * Carries out one command; `onEvent` hears every event, the last one included, with which the
   * promise resolves. Rejects with `EngineLost` if the Worker dies. `signal` cancels; `files` are the
   * chosen files that the command names, as pairs of number and `File`.
   */
  async run(command, onEvent, signal, files = []) {
    await this.start();
    const id = this.#nextRun++;
    const worker = this.#worker;
    if (!worker) throw new EngineLost('it ended before it had the command');
    let patience;
    try {
      return await new Promise((resolve, reject) => {
        this.#runs.set(id, {
          heard: (event) => {
            onEvent(event);
            if (isLast(event)) resolve(event);
          },
          lost: reject,
        });
        const cancel = () => {
          worker.postMessage({ cancel: id });
          patience = setTimeout(() => {
            // The kept hidden states went with it: to say that it was cancelled would be half of it.
            this.stop();
            reject(new EngineLost('it did not stop when asked to and was ended'));
          }, CANCEL_PATIENCE);
        };
        worker.postMessage({ run: id, command, files }, transferables(command));
        if (signal?.aborted) cancel();
        signal?.addEventListener('abort', cancel, { once: true });
      });
    } finally {
      clearTimeout(patience);
      this.#runs.delete(id);
    }
  }

  /** Has the Worker fetch the demo's files into the cache, in its own time. */
  prefetch() {
    this.#worker?.postMessage({ prefetch: true });
  }

  /** Ends the Worker at once; the next command starts another. */
  stop() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#ready = null;
  }
}

/** The engine died: its Worker is gone, a new one can be started. */
export class EngineLost extends Error {}

/** Events that do not end their command. */
const NEWS = ['Progress', 'Note', 'Kept', 'Member', 'MemberReport', 'Asked', 'Said'];

/** Whether an event ends its command. */
export function isLast(event) {
  return typeof event === 'string' || !NEWS.some((name) => name in event);
}

/** A Worker holds a lock for as long as it lives: getting it means that the Worker is dead. */
function whenReleased(name, callback) {
  navigator.locks.request(name, { mode: 'exclusive' }, callback);
}

/** The buffers inside a message, to be moved instead of copied. */
export function transferables(value, found = new Set()) {
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  else if (value && typeof value === 'object') {
    for (const part of Object.values(value)) transferables(part, found);
  }
  return [...found];
}
