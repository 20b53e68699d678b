// The page's side of the engine: starts the Worker, sends commands, notices when it dies.
//
// Page to Worker:  { start: site }, { run: id, command }, { cancel: id }
// Worker to page:  { loading: { done, total } }, { ready: { version } }, { failed: text },
//                  { event, run: id }, { died: text }

/** How long a run may take to answer a cancel before its Worker is ended, in milliseconds. */
const CANCEL_PATIENCE = 4000;

/** An engine in a Worker of its own. `onLoading(done, total)` hears the bytes of its program. */
export class Engine {
  #site;
  #onLoading;
  #worker = null;
  #ready = null;
  #runs = new Map();
  #nextRun = 1;

  constructor(site, onLoading = () => {}) {
    this.#site = site;
    this.#onLoading = onLoading;
  }

  /** Starts the Worker unless it is up; resolves with `{ version }` once it takes commands. */
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
        if (data.loading) this.#onLoading(data.loading.done, data.loading.total);
        else if (data.locked) whenReleased(data.locked, () => lost('it was ended from outside'));
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
   * promise resolves. Rejects with `EngineLost` if the Worker dies. `signal` cancels.
   */
  async run(command, onEvent, signal) {
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
            this.stop();
            onEvent('Cancelled');
            resolve('Cancelled');
          }, CANCEL_PATIENCE);
        };
        worker.postMessage({ run: id, command }, transferables(command));
        if (signal?.aborted) cancel();
        signal?.addEventListener('abort', cancel, { once: true });
      });
    } finally {
      clearTimeout(patience);
      this.#runs.delete(id);
    }
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

/** Whether an event ends its command: all do but `Progress` and `Note`. */
function isLast(event) {
  return typeof event === 'string' || !('Progress' in event || 'Note' in event);
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
