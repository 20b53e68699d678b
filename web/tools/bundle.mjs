// Puts the page together: node web/tools/bundle.mjs PKG OUT [LIMIT]
//
// PKG holds what wasm-bindgen wrote, OUT becomes a folder for any static host. Scripts, styles and
// wasm go into a folder named after their content, so that no cache mixes two versions. LIMIT is the
// most bytes that the program may take as gzip.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const [pkg, out, limit] = process.argv.slice(2);
if (!pkg || !out) {
  console.error('usage: node web/tools/bundle.mjs PKG OUT [LIMIT]');
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

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Sources by their path in the versioned folder. */
const sources = new Map();
for (const name of readdirSync('web').sort()) {
  // The service worker has to lie at the top: it answers for what is below it only.
  if (/\.(js|css|svg)$/.test(name) && name !== 'sw.js') sources.set(name, join('web', name));
}
for (const name of filesBelow(pkg)) {
  if (/\.(js|wasm)$/.test(name)) sources.set(`pkg/${name}`, join(pkg, name));
}
/** The files below a folder of `assets`, as the manifest lists them. */
const listed = (folder) => filesBelow(folder).map((path) => {
  const bytes = readFileSync(join(folder, path));
  return { path, bytes: bytes.length, sha256: hashOf(bytes) };
});
/** What the app opens with: fetched with the program, not with the demo's files. */
const RECORDING = 'recorded.cbor';
const demo = listed('assets/demo').filter(({ path }) => path !== RECORDING);
// What the app shows of the studies comes with the app; tables and figures are for readers of files.
const shipped = new Map([
  ['study.json', 'assets/study/results.json'],
  ['papers.json', 'assets/papers/results.json'],
  ['real.json', 'assets/real/points.json'],
  [RECORDING, join('assets/demo', RECORDING)],
].map(([name, source]) => [name, existsSync(source) ? readFileSync(source) : 'null\n']));
const variants = 'assets/study/variants.json';
const leftOut = (existsSync(variants) ? JSON.parse(readFileSync(variants, 'utf8')).variants : [])
  .filter((variant) => variant.left_out)
  .map((variant) => `${variant.folder}/`);
const study = listed('assets/study')
  .filter(({ path }) => !['.', 'figures/', 'results.', ...leftOut].some((start) => path.startsWith(start)));
const version = /^version = "(.*)"$/m.exec(readFileSync('Cargo.toml', 'utf8'))[1];
const program = readFileSync(sources.get('pkg/mirscope_bg.wasm'));
const manifest = JSON.stringify({
  version,
  wasm_bytes: program.length,
  demo,
  study,
});
const everything = createHash('sha256').update(manifest);
for (const [name, text] of shipped) everything.update(name).update(text);
for (const [name, source] of sources) everything.update(name).update(readFileSync(source));
everything.update(readFileSync('index.html')).update(readFileSync('web/sw.js'));
const versioned = `web-${everything.digest('hex').slice(0, 12)}`;

rmSync(out, { recursive: true, force: true });
for (const [name, source] of sources) {
  const target = join(out, versioned, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target);
}
writeFileSync(join(out, versioned, 'manifest.json'), manifest);
for (const [name, text] of shipped) writeFileSync(join(out, versioned, name), text);
writeFileSync(join(out, 'index.html'), readFileSync('index.html', 'utf8').replaceAll('="web/', `="${versioned}/`));
const shell = {
  version: versioned,
  files: [...sources.keys(), 'manifest.json', ...shipped.keys()].map((name) => `${versioned}/${name}`),
};
writeFileSync(join(out, 'sw.js'), `const BUNDLE = ${JSON.stringify(shell)};\n${readFileSync('web/sw.js', 'utf8')}`);
for (const { path } of demo) cpSync(join('assets/demo', path), join(out, 'assets/demo', path));
for (const { path } of study) cpSync(join('assets/study', path), join(out, 'assets/study', path));
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE', 'assets/LICENSES.md']) {
  if (existsSync(name)) cpSync(name, join(out, name), { recursive: true });
}

const mebibytes = (bytes) => (bytes / 1048576).toFixed(2);
const size = filesBelow(out).reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
const packed = gzipSync(program, { level: 9 }).length;
console.error(`${out}: ${mebibytes(size)} MiB, ${demo.length} files of the demo, ${study.length} of the study`);
console.error(`mirscope_bg.wasm: ${mebibytes(program.length)} MiB, ${mebibytes(packed)} MiB as gzip`);
if (limit && packed > Number(limit)) {
  console.error(`the program is too large: ${packed} bytes as gzip, at most ${limit} are allowed`);
  process.exit(1);
}
