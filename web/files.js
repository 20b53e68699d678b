// Files that a person hands over: dialogs, drops, folders. The app gets lists of
// `{ id, path, size }`; bytes are read only when it asks for them, and those of weights by the
// engine's Worker alone, to which the browser hands the file itself.
import { cacheSize, clearCache } from './store.js';

/** Most files of one choice or drop, and the deepest folder looked into. */
const MAX_FILES = 20000;
const MAX_DEPTH = 4;

/** The chosen files of a page whose folder is at the address `base`. */
export class Files {
  #base;
  #files = new Map();
  /** The number of each file by what tells it from others. */
  #numbers = new Map();
  #dropped = [];
  #next = 1;
  #heard = () => {};

  constructor(base) {
    this.#base = base;
  }

  /** Opens a dialog for files with these extensions, or for a folder where there are none. */
  pick(extensions) {
    return new Promise((resolve) => {
      const input = document.createElement('input');
      input.type = 'file';
      input.hidden = true;
      input.multiple = true;
      if (extensions.length === 0) input.webkitdirectory = true;
      else input.accept = extensions.map((extension) => `.${extension}`).join(',');
      const done = () => {
        const list = [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
        input.remove();
        resolve(this.#list(list.filter(({ path }) => !isHidden(path))));
      };
      input.addEventListener('change', done);
      input.addEventListener('cancel', done);
      document.body.append(input);
      input.click();
    });
  }

  /** What was dropped since the last call. */
  dropped() {
    return this.#dropped.splice(0);
  }

  /** Takes a list of `{ path, file }` as if it had been dropped. */
  drop(list) {
    this.#dropped.push(...this.#list(list));
    this.#heard();
  }

  /** The bytes of a file. */
  async read(id) {
    const file = this.#files.get(id);
    if (!file) throw new Error('expected a file that was chosen on this page, found none: choose it again');
    try {
      return new Uint8Array(await file.arrayBuffer());
    } catch (error) {
      throw new Error(`it can no longer be read (${error.name}): it was moved or changed since it was chosen; choose it again`);
    }
  }

  /** Hands bytes to the browser's downloads. */
  save(name, bytes) {
    const address = URL.createObjectURL(new Blob([bytes]));
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    // The browser has taken hold of it by then.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  /** The text of results that ship with this page, `study`, `papers` or `real`; null where it has none. */
  async shipped(name) {
    const response = await fetch(new URL(`${name}.json`, import.meta.url));
    if (!response.ok) throw new Error(`${name}.json: the server answered ${response.status} instead of 200: copy the whole bundle`);
    const text = await response.text();
    return text.trim() === 'null' ? null : text;
  }

  cacheSize() {
    return cacheSize(this.#base);
  }

  clearCache() {
    return clearCache(this.#base);
  }

  /** Pairs of number and `File`, for the Worker. */
  handles(ids) {
    return [...ids].filter((id) => this.#files.has(id)).map((id) => [id, this.#files.get(id)]);
  }

  /** Takes what is dropped on `target`; `heard` is told when it is there. */
  listen(target, heard) {
    this.#heard = heard;
    target.addEventListener('dragover', (event) => event.preventDefault());
    // Before the canvas gets it: egui would take no folders. The end of the drag is told in its way.
    target.addEventListener('drop', (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      event.target.dispatchEvent(new DragEvent('dragleave', { bubbles: true }));
      collect(event.dataTransfer).then((list) => this.drop(list));
    }, { capture: true });
  }

  #list(list) {
    return list.slice(0, MAX_FILES).map(({ path, file }) => {
      const same = [path, file.size, file.lastModified].join(' ');
      const id = this.#numbers.get(same) ?? this.#next++;
      this.#numbers.set(same, id);
      this.#files.set(id, file);
      return { id, path, size: file.size };
    });
  }
}

const isHidden = (path) => path.split('/').some((part) => part.startsWith('.'));

/** All files of a drop, those in its folders included, sorted by path. */
async function collect(transfer) {
  // Entries have to be taken before anything is awaited: then the browser empties the list.
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const roots = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const list = [];
  for (const root of roots) {
    if (root instanceof File) list.push({ path: root.name, file: root });
    else if (root) await walk(root, list, 0);
  }
  return list.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(entry, list, depth) {
  if (list.length >= MAX_FILES || entry.name.startsWith('.')) return;
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    // What cannot be looked at could not be read either.
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) list.push({ path, file });
  } else if (depth <= MAX_DEPTH) {
    const reader = entry.createReader();
    for (;;) {
      const part = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (part.length === 0) return;
      for (const inner of part) await walk(inner, list, depth + 1);
    }
  }
}
