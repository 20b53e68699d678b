// Fetched files, kept in the browser's private file system (OPFS), each under the SHA-256 of its
// content. What is kept was checked when it came and is checked again when it is read; what broke
// off is kept apart, and the next attempt asks for the rest only. Where a browser has no such file
// system or no room in it, files are fetched and not kept.

const ROOT = 'mirscope';
const PART = '.part';
/** How often a transfer that broke off is taken up again before the reader is told. */
const ATTEMPTS = 3;

/** The name of a page's folder: several pages can share an origin. */
const pageOf = (base) => encodeURIComponent(new URL(base).pathname);
/** The name of its folder of a hub's files. */
export const hubOf = (base) => `${pageOf(base)} hub`;

export async function folder(base, options, name = pageOf) {
  const root = await navigator.storage.getDirectory();
  return (await root.getDirectoryHandle(ROOT, options)).getDirectoryHandle(name(base), options);
}

/** Bytes kept for the page at `base`; null where the browser keeps none. */
export async function cacheSize(base) {
  if (!navigator.storage?.getDirectory) return null;
  let bytes = 0;
  for (const name of [pageOf, hubOf]) {
    try {
      for await (const file of (await folder(base, {}, name)).values()) bytes += (await file.getFile()).size;
    } catch (error) {
      if (error.name !== 'NotFoundError') return null;
    }
  }
  return bytes;
}

/** Removes what is kept for the page at `base`. */
export async function clearCache(base) {
  if (!navigator.storage?.getDirectory) return;
  for (const name of [pageOf, hubOf]) {
    try {
      const root = await navigator.storage.getDirectory();
      const parent = await root.getDirectoryHandle(ROOT);
      await parent.removeEntry(name(base), { recursive: true });
    } catch (error) {
      if (error.name === 'NotFoundError') continue;
      throw new Error(error.name === 'NoModificationAllowedError'
        ? 'a file in it is being fetched: try again in a moment'
        : `the browser could not empty it (${error.name})`);
    }
  }
}

/** The files of the page at `base`, for a Worker. */
export class Store {
  #base;
  /** Transfers under way, by hash. */
  #transfers = new Map();

  constructor(base) {
    this.#base = base;
  }

  /** Whether fetched files are kept. */
  async keeps() {
    try {
      await folder(this.#base, { create: true });
      return true;
    } catch {
      return false;
    }
  }

  /** Removes all files but those with these hashes. */
  async prune(hashes) {
    try {
      const kept = await folder(this.#base);
      for await (const name of kept.keys()) {
        if (!hashes.includes(name.replace(PART, ''))) await kept.removeEntry(name);
      }
    } catch {
      // Nothing is kept, or it is in use by another tab.
    }
  }

  /**
   * Resolves with the content of `{ address, bytes, sha256 }`; `progress` hears how many bytes are
   * there. Rejects with words where it cannot be had, or is not what it should be.
   */
  fetch(file, progress) {
    const { sha256 } = file;
    if (!this.#transfers.has(sha256)) {
      const heard = new Set();
      const content = this.#get(file, (bytes) => heard.forEach((tell) => tell(bytes)))
        .finally(() => this.#transfers.delete(sha256));
      this.#transfers.set(sha256, { heard, content });
    }
    const { heard, content } = this.#transfers.get(sha256);
    heard.add(progress);
    return content.finally(() => heard.delete(progress));
  }

  async #get(file, progress) {
    const kept = await this.#kept(file);
    if (kept) return kept;
    const part = await Part.open(this.#base, file.sha256 + PART);
    try {
      const content = await this.#transfer(file, part, progress);
      await part.keepAs(file.sha256);
      return content;
    } finally {
      part.close();
    }
  }

  /** The content as it is kept; null where it is not, or no longer what it was. */
  async #kept({ bytes, sha256 }) {
    try {
      const kept = await folder(this.#base);
      const found = await (await kept.getFileHandle(sha256)).getFile();
      const content = new Uint8Array(await found.arrayBuffer());
      if (content.length === bytes && (await hashOf(content)) === sha256) return content;
      await kept.removeEntry(sha256);
    } catch {
      // As good as none.
    }
    return null;
  }

  async #transfer(file, part, progress) {
    for (let attempt = 1; ; attempt++) {
      const before = part.length();
      const resumed = before > 0;
      const broke = await this.#receive(file, part, progress);
      if (broke) {
        if (attempt < ATTEMPTS && part.length() > before) continue;
        throw new Error(`${broke} after ${part.length()} of ${file.bytes} bytes: check the connection and try again`
          + (part.lasts() ? ', it goes on where it stopped' : ''));
      }
      const content = part.read();
      const found = await hashOf(content);
      if (found === file.sha256) return content;
      part.clear();
      // The first part may have come from another version of the file.
      if (resumed && attempt < ATTEMPTS) continue;
      throw new Error(`expected content with the SHA-256 ${file.sha256.slice(0, 12)}…, received ${found.slice(0, 12)}…: the file and the page are of different versions, or it was damaged on its way; it was thrown away, reload the page`);
    }
  }

  /** Receives what `part` lacks; returns what ended it too early, or null. */
  async #receive({ address, bytes }, part, progress) {
    const request = async (headers) => {
      try {
        return await fetch(new URL(address, this.#base), { headers });
      } catch (error) {
        return String(error?.message ?? error);
      }
    };
    if (part.length() >= bytes && part.length() > 0) {
      if (part.length() === bytes) return null;
      part.clear();
    }
    const start = part.length();
    let response = await request(start > 0 ? { range: `bytes=${start}-` } : {});
    if (response.status === 416) {
      part.clear();
      response = await request({});
    }
    if (typeof response === 'string') return `the request failed (${response})`;
    if (!response.ok) {
      throw new Error(`the server answered ${response.status} instead of 200: copy the whole bundle to the host, the folder assets/ included`);
    }
    const continues = response.status === 206
      && response.headers.get('content-range')?.startsWith(`bytes ${part.length()}-`);
    if (!continues) part.clear();
    progress(part.length());
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (part.length() + value.length > bytes) {
          const found = part.length() + value.length;
          part.clear();
          await reader.cancel();
          throw new TooLong(`expected ${bytes} bytes, received ${found} or more: the file and the page are of different versions, reload the page`);
        }
        await part.append(value);
        progress(part.length());
      }
    } catch (error) {
      if (error instanceof TooLong) throw error;
      return 'the transfer broke off';
    }
    return part.length() < bytes ? 'the transfer ended' : null;
  }
}

class TooLong extends Error {}

/** A file under way: in the private file system, or in memory where there is none or no room. */
class Part {
  #folder = null;
  #name;
  #handle = null;
  #memory = [];
  #memoryLength = 0;

  static async open(base, name) {
    const part = new Part();
    part.#name = name;
    try {
      part.#folder = await folder(base, { create: true });
      const file = await part.#folder.getFileHandle(name, { create: true });
      part.#handle = await file.createSyncAccessHandle();
    } catch {
      part.#handle = null;
    }
    return part;
  }

  /** Whether what is here will be there on the next visit. */
  lasts() {
    return this.#handle !== null;
  }

  length() {
    return this.#handle ? this.#handle.getSize() : this.#memoryLength;
  }

  async append(bytes) {
    if (this.#handle) {
      try {
        const at = this.#handle.getSize();
        if (this.#handle.write(bytes, { at }) === bytes.length) return;
        this.#handle.truncate(at);
      } catch {
        // No room.
      }
      await this.#moveToMemory();
    }
    this.#memory.push(bytes.slice());
    this.#memoryLength += bytes.length;
  }

  /** Gives the room in the file system back. */
  async #moveToMemory() {
    const content = this.read();
    this.close();
    await this.#folder.removeEntry(this.#name).catch(() => {});
    this.#memory = [content];
    this.#memoryLength = content.length;
  }

  read() {
    if (this.#handle) {
      const content = new Uint8Array(this.#handle.getSize());
      this.#handle.read(content, { at: 0 });
      return content;
    }
    const content = new Uint8Array(this.#memoryLength);
    let at = 0;
    for (const bytes of this.#memory) {
      content.set(bytes, at);
      at += bytes.length;
    }
    return content;
  }

  clear() {
    this.#handle?.truncate(0);
    this.#memory = [];
    this.#memoryLength = 0;
  }

  /** Makes the file one that is found from now on: its content was checked. */
  async keepAs(name) {
    if (!this.#handle) return;
    const content = this.read();
    this.#handle.flush();
    this.close();
    try {
      const file = await this.#folder.getFileHandle(this.#name);
      if (file.move) {
        await file.move(name);
        return;
      }
      const target = await this.#folder.getFileHandle(name, { create: true });
      const handle = await target.createSyncAccessHandle();
      handle.truncate(0);
      handle.write(content, { at: 0 });
      handle.close();
      await this.#folder.removeEntry(this.#name);
    } catch {
      // It is fetched again next time; a file written in part does not pass its check.
    }
  }

  close() {
    this.#handle?.close();
    this.#handle = null;
  }
}

async function hashOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
