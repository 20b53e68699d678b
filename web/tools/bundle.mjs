// Puts the page together: node web/tools/bundle.mjs PKG OUT
//
// PKG holds what wasm-bindgen wrote, OUT becomes a folder for any static host. Scripts, styles and
// wasm go into a folder named after their content, so that no cache mixes two versions.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const [pkg, out] = process.argv.slice(2);
if (!pkg || !out) {
  console.error('usage: node web/tools/bundle.mjs PKG OUT');
  process.exit(2);
}

/** All files below a folder, as sorted paths with `/`. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join('/'))
    .sort();
}

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** Sources by their path in the versioned folder. */
const sources = new Map();
for (const name of readdirSync('web').sort()) {
  if (/\.(js|css|svg)$/.test(name)) sources.set(name, join('web', name));
}
for (const name of filesBelow(pkg)) {
  if (/\.(js|wasm)$/.test(name)) sources.set(`pkg/${name}`, join(pkg, name));
}
const demo = filesBelow('assets/demo').map((path) => {
  const bytes = readFileSync(join('assets/demo', path));
  return { path, bytes: bytes.length, hash: hashOf(bytes) };
});
/** The stages of the connector's training, for the page to choose from; none without a demo. */
const index = 'assets/demo/connectors/index.json';
const connectors = existsSync(index)
  ? JSON.parse(readFileSync(index, 'utf8')).map(({ name, description }) => ({ name, description }))
  : [];
const manifest = JSON.stringify({
  wasm_bytes: statSync(sources.get('pkg/mirscope_bg.wasm')).size,
  connectors,
  demo,
});
const everything = createHash('sha256').update(manifest);
for (const [name, source] of sources) everything.update(name).update(readFileSync(source));
const versioned = `web-${everything.digest('hex').slice(0, 12)}`;

rmSync(out, { recursive: true, force: true });
for (const [name, source] of sources) {
  const target = join(out, versioned, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target);
}
writeFileSync(join(out, versioned, 'manifest.json'), manifest);
writeFileSync(join(out, 'index.html'), readFileSync('index.html', 'utf8').replaceAll('="web/', `="${versioned}/`));
if (demo.length > 0) cpSync('assets/demo', join(out, 'assets/demo'), { recursive: true });
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE', 'assets/LICENSES.md']) {
  if (existsSync(name)) cpSync(name, join(out, name), { recursive: true });
}
const size = filesBelow(out).reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
console.error(`${out}: ${(size / 1048576).toFixed(1)} MiB, ${demo.length} files of the demo`);
