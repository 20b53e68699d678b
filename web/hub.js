// Files of a model hub, streamed into the browser's private file system (OPFS) and kept there under
// the hash of their content. A file bears its final name only after length and hash were compared;
// what broke off, or was ended with its page, goes on where it stopped, and its hash is taken again
// from the first byte. Nothing is ever held in memory as a whole.
import { folder, hubOf } from './store.js';

const PART = '.part';
/** Requests in a row that bring nothing before the reader is told. */
const ATTEMPTS = 3;
/** Between two of them, in milliseconds, times the number of the attempt. */
const PAUSE = 500;
/** How long a server may be silent, in milliseconds. */
const SILENCE = 60_000;
/** How long a page that was just closed may hold on to its files, in milliseconds. */
const RELEASE = 4000;
/** Bytes that are hashed or copied at once. */
const BLOCK = 4 << 20;
/** Bytes that tell what came. */
const BEGINNING = 512;
/** Longest list of files, in bytes. */
const LONGEST_LIST = 32 << 20;

/** Why a file cannot be had, for `Fault` in src/platform/web/hub.rs. */
export class Fault extends Error {
  constructor(kind, more = {}) {
    super(kind);
    this.fault = { kind, ...more };
  }
}

/** Whether these bytes are the text of a JSON value. */
function isJson(bytes) {
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** The files kept for the page at `base`; `Hasher` and `standIn` are the program's. */
export class Hub {
  #base;
  #Hasher;
  #standIn;
  #abort = new AbortController();

  constructor(base, { Hasher, standIn }) {
    this.#base = base;
    this.#Hasher = Hasher;
    this.#standIn = standIn;
  }

  /** Ends what is under way. */
  cancel() {
    this.#abort.abort();
  }

  /** What comes now is not meant by an earlier cancel. */
  begin() {
    this.#abort = new AbortController();
  }

  /**
   * The answer of a hub, kept under `name`. Where `offline` says so or nobody answers, it is the one that
   * was kept last.
   */
  async answer(address, name, offline) {
    const kept = async (otherwise) => {
      try {
        const file = await (await (await this.#folder()).getFileHandle(name)).getFile();
        return new Uint8Array(await file.arrayBuffer());
      } catch {
        throw otherwise;
      }
    };
    if (offline) return kept(new Fault('nothing_kept'));
    let response;
    try {
      response = await this.#request(address);
    } catch (error) {
      if (error.fault?.kind !== 'network') throw error;
      return kept(error);
    }
    refuse(response);
    let answer = new Uint8Array(0);
    const whole = await this.#read(response, (bytes) => {
      if (answer.length + bytes.length > LONGEST_LIST) throw new Fault('length', { found: LONGEST_LIST });
      answer = joined([answer, bytes]);
    });
    if (!whole) return kept(unreachable());
    // What else answers in the hub's place, as a network's page to sign in does, is not kept over a good list.
    if (isJson(answer)) {
      await this.#keepAnswer(name, answer).catch(() => {
        // It is asked for again next time.
      });
    }
    return answer;
  }

  async #keepAnswer(name, answer) {
    const kept = await this.#folder();
    const handle = await open(kept, name + PART);
    try {
      handle.truncate(0);
      handle.write(answer, { at: 0 });
      handle.flush();
    } finally {
      handle.close();
    }
    await rename(kept, name + PART, name);
  }

  /** Bytes that are here of each file of a list of `{ digits }`, those of an interrupted transfer included. */
  async here(files) {
    const kept = await this.#folder();
    const size = async (name) => {
      try {
        return (await (await kept.getFileHandle(name)).getFile()).size;
      } catch {
        return 0;
      }
    };
    const sizes = [];
    for (const { digits } of files) sizes.push((await size(digits)) || (await size(digits + PART)));
    return sizes;
  }

  /**
   * Resolves with the `File` of `{ address, bytes, digits, kind }`, fetched where it is not kept yet;
   * `kind` names its hash. `progress` hears how many of its bytes are there.
   */
  async fetch(file, progress) {
    const kept = await this.#folder();
    const found = async () => {
      const handle = await kept.getFileHandle(file.digits).catch(() => null);
      return handle && handle.getFile();
    };
    const there = await found();
    if (there && there.size === file.bytes) return there;
    const name = file.digits + PART;
    const handle = await open(kept, name);
    try {
      await makeRoom(file.bytes - handle.getSize());
      await new Transfer(handle, file, {
        request: (headers) => this.#request(file.address, headers),
        read: (response, take) => this.#read(response, take),
        hasher: () => new this.#Hasher(file.kind, file.bytes),
        standIn: this.#standIn,
        signal: this.#abort.signal,
        progress,
      }).run();
      handle.flush();
    } finally {
      handle.close();
    }
    await rename(kept, name, file.digits);
    return found();
  }

  async #folder() {
    try {
      return await folder(this.#base, { create: true }, hubOf);
    } catch (error) {
      throw new Fault('cache', { reason: `this browser keeps no files for pages here (${error?.name}); a private window may be why` });
    }
  }

  async #request(address, headers = {}) {
    const { signal } = this.#abort;
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(), SILENCE);
    const end = () => silent.abort();
    signal.addEventListener('abort', end);
    try {
      // Nothing tells the hub who asks, or from where.
      return await fetch(address, {
        headers, credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store', signal: silent.signal,
      });
    } catch {
      throw stopped(signal) ?? (silent.signal.aborted ? new Fault('silent', { seconds: SILENCE / 1000 }) : unreachable());
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  /** Hands the answer's bytes to `take`; resolves with whether they ended as they should. */
  async #read(response, take) {
    const { signal } = this.#abort;
    const reader = response.body.getReader();
    let end;
    const aborted = new Promise((resolve) => {
      end = () => resolve(null);
    });
    signal.addEventListener('abort', end);
    try {
      for (;;) {
        let timer;
        const outcome = await Promise.race([
          reader.read().catch(() => null),
          aborted,
          new Promise((resolve) => {
            timer = setTimeout(resolve, SILENCE, null);
          }),
        ]);
        clearTimeout(timer);
        if (signal.aborted) throw stopped(signal);
        if (!outcome) return false;
        if (outcome.done) return true;
        await take(outcome.value);
      }
    } finally {
      signal.removeEventListener('abort', end);
      // Where it has ended there is nothing to cancel.
      reader.cancel().catch(() => {});
    }
  }
}

/** One file on its way into an open handle. */
class Transfer {
  #handle;
  #file;
  #with;
  #hasher = null;
  /** The version of the file by the server's own word. */
  #version = null;
  #changed = false;

  constructor(handle, file, means) {
    this.#handle = handle;
    this.#file = file;
    this.#with = means;
  }

  async run() {
    try {
      await this.#all();
    } finally {
      this.#hasher?.free();
    }
  }

  async #all() {
    const { bytes, digits } = this.#file;
    this.#restart(this.#handle.getSize() <= bytes);
    let restarts = 0;
    // A server that has it begin anew again and again brings nothing either.
    let most = this.#handle.getSize();
    for (let idle = 0; ;) {
      const before = this.#handle.getSize();
      let fault = null;
      if (before < bytes || bytes === 0) {
        fault = await this.#receive().catch((error) => {
          if (!passes(error)) throw error;
          return error;
        });
      }
      const after = this.#handle.getSize();
      if (after < bytes) {
        idle = after > most ? 0 : idle + 1;
        most = Math.max(most, after);
        if (idle >= ATTEMPTS) throw fault ?? new Fault('truncated', { found: after, tries: idle });
        if (idle > 0) await this.#pause(idle * PAUSE);
        continue;
      }
      const found = this.#hasher.finish();
      this.#hasher = null;
      if (found === digits) return;
      // The first part may be of another version, or damaged.
      this.#restart(false);
      restarts += 1;
      most = 0;
      if (restarts > 1) throw new Fault(this.#changed ? 'changed' : 'hash', { found });
    }
  }

  /** Begins the hash anew, with what is here or with nothing. */
  #restart(keep) {
    if (!keep) this.#handle.truncate(0);
    this.#hasher?.free();
    this.#hasher = this.#with.hasher();
    const block = new Uint8Array(BLOCK);
    const size = this.#handle.getSize();
    for (let at = 0; at < size;) {
      const read = this.#handle.read(block, { at });
      if (read === 0) throw new Fault('cache', { reason: 'what was kept cannot be read' });
      this.#hasher.update(block.subarray(0, read));
      at += read;
    }
    this.#with.progress(size);
  }

  /** Receives what is missing; resolves with what ended it too early, or null. */
  async #receive() {
    const { bytes } = this.#file;
    const start = this.#handle.getSize();
    const response = await this.#with.request(start > 0 ? { range: `bytes=${start}-` } : {});
    if (response.status === 416) {
      response.body?.cancel().catch(() => {});
      this.#restart(false);
      return null;
    }
    refuse(response);
    const version = response.headers.get('etag');
    const range = response.headers.get('content-range');
    if (version && this.#version && version !== this.#version) {
      this.#changed = true;
      if (start > 0) {
        response.body?.cancel().catch(() => {});
        this.#version = version;
        this.#restart(false);
        return null;
      }
    }
    this.#version = version ?? this.#version;
    // Not every server lets a page see where its answer begins; the hash tells in the end.
    if (response.status === 206 && range && !range.startsWith(`bytes ${start}-`)) {
      response.body?.cancel().catch(() => {});
      this.#restart(false);
      return new Fault('range', { found: start });
    }
    if (start > 0 && response.status !== 206) this.#restart(false);
    const length = Number(response.headers.get('content-length')) || null;
    let beginning = [];
    const write = (part) => {
      const at = this.#handle.getSize();
      if (at + part.length > bytes) {
        this.#restart(false);
        throw new Fault('length', { found: at + part.length });
      }
      this.#write(part, at);
      this.#hasher.update(part);
      this.#with.progress(at + part.length);
    };
    const first = this.#handle.getSize() === 0;
    const flush = (ended) => {
      const part = joined(beginning);
      beginning = null;
      const found = this.#with.standIn(ended ? part.length : Math.max(length ?? bytes, part.length), part.subarray(0, BEGINNING));
      if (found) throw new Fault('stand_in', { found });
      if (part.length > 0) write(part);
    };
    const whole = await this.#with.read(response, (part) => {
      if (!first || !beginning) return write(part);
      beginning.push(part);
      if (joined(beginning).length >= BEGINNING) flush(false);
      return null;
    });
    if (first && beginning && whole) flush(true);
    const size = this.#handle.getSize();
    if (whole && first && size < bytes && length === size) {
      this.#restart(false);
      throw new Fault('length', { found: size });
    }
    return null;
  }

  #write(part, at) {
    try {
      if (this.#handle.write(part, { at }) === part.length) return;
    } catch {
      // No room, as below.
    }
    this.#handle.truncate(at);
    throw new Fault('full');
  }

  #pause(milliseconds) {
    const { signal } = this.#with;
    return new Promise((resolve, reject) => {
      setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => reject(stopped(signal)), { once: true });
    });
  }
}

function stopped(signal) {
  return signal.aborted ? new Fault('cancelled') : null;
}

/** What a page hears of a server that cannot be reached is next to nothing. */
function unreachable() {
  return new Fault('network', {
    reason: navigator.onLine === false ? 'this computer has no network' : 'no answer that a page may read',
  });
}

/** Throws where an answer carries nothing. */
function refuse({ ok, status, headers, body }) {
  if (ok) return;
  body?.cancel().catch(() => {});
  throw new Fault('status', { status, code: headers.get('x-error-code'), wait: headers.get('retry-after') });
}

/** Whether the same request may work a moment later. */
function passes({ fault }) {
  return ['network', 'silent'].includes(fault?.kind) || (fault?.kind === 'status' && fault.status >= 500);
}

function joined(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Fails where the browser will not give the page so much room. */
async function makeRoom(needed) {
  const { quota, usage } = (await navigator.storage.estimate?.().catch(() => null)) ?? {};
  if (quota !== undefined && needed > quota - usage) {
    throw new Fault('no_room', { needed, free: Math.max(0, quota - usage) });
  }
}

/** Opens a file for this Worker alone. */
async function open(kept, name) {
  for (const begin = Date.now(); ;) {
    try {
      const file = await kept.getFileHandle(name, { create: true });
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (error?.name === 'QuotaExceededError') throw new Fault('full');
      if (error?.name !== 'NoModificationAllowedError') {
        throw new Fault('cache', { reason: `the browser refuses a file of its own (${error?.name})` });
      }
      if (Date.now() - begin > RELEASE) throw new Fault('busy');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Gives a file another name, which it has only when it is whole. */
async function rename(kept, name, target) {
  const file = await kept.getFileHandle(name);
  if (file.move) {
    await file.move(target);
    return;
  }
  const from = await file.createSyncAccessHandle();
  const to = await open(kept, target);
  try {
    // Its size is right with the last block.
    to.truncate(0);
    const block = new Uint8Array(BLOCK);
    for (let at = 0; at < from.getSize();) {
      const read = from.read(block, { at });
      if (to.write(block.subarray(0, read), { at }) !== read) throw new Fault('full');
      at += read;
    }
    to.flush();
  } catch (error) {
    to.truncate(0);
    throw error;
  } finally {
    from.close();
    to.close();
  }
  await kept.removeEntry(name);
}
