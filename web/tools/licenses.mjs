// Writes the licences of all crates that are part of the programs: node web/tools/licenses.mjs OUT
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node web/tools/licenses.mjs OUT');
  process.exit(2);
}

/** Identities (`name version`) of the crates that end up in a program for `target`. */
function shipped(target) {
  const lines = execFileSync('cargo', ['tree', '--edges', 'normal', '--prefix', 'none', '--target', target], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return lines.split('\n').filter((line) => line).map((line) => line.split(' ').slice(0, 2).join(' v').replace('vv', 'v'));
}

const WASM = 'wasm32-unknown-unknown';
const host = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1];
const wanted = new Set([...shipped(host), ...shipped(WASM)]);
const { packages } = JSON.parse(
  execFileSync('cargo', ['metadata', '--format-version', '1', '--filter-platform', host, '--filter-platform', WASM], { encoding: 'utf8', maxBuffer: 1 << 28 }),
);
/** Crates by the text of their licences: many share one word for word. */
const texts = new Map();
for (const crate of packages) {
  const identity = `${crate.name} v${crate.version}`;
  if (!wanted.has(identity) || crate.source === null) continue;
  const folder = dirname(crate.manifest_path);
  const found = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|copyright|notice|unlicense)/i.test(name)).sort();
  // Fonts have licences of their own, beside them.
  const fonts = join(folder, 'fonts');
  if (existsSync(fonts)) found.push(...readdirSync(fonts).filter((name) => name.endsWith('.txt')).sort().map((name) => join('fonts', name)));
  const text = found
    .map((name) => {
      try {
        const content = readFileSync(join(folder, name), 'utf8').trim();
        return name.startsWith('fonts') ? `${name}:\n\n${content}` : content;
      } catch {
        return null; // a folder of licences: the expression above names them
      }
    })
    .filter((part) => part)
    .join('\n\n');
  // Without a text of its own a crate has to offer one of those that this program comes with.
  if (!text && !/Apache-2\.0/.test(crate.license ?? '')) throw new Error(`${identity} (${crate.license}) ships no text of its licence`);
  const line = `${identity}: ${crate.license ?? 'see its text'}${crate.repository ? `, ${crate.repository}` : ''}`;
  if (!texts.has(text)) texts.set(text, []);
  texts.get(text).push(line);
}
const parts = [...texts].map(([text, crates]) => `${crates.sort().join('\n')}\n\n${text || 'These crates ship no text of their own; that of the Apache License 2.0 is in the file LICENSE-APACHE.'}`);
writeFileSync(out, `Crates that are part of this program, with their licences. So is Rust's standard library:\nMIT OR Apache-2.0, https://github.com/rust-lang/rust\n\n${parts.sort().join(`\n\n${'='.repeat(100)}\n\n`)}\n`);
const count = [...texts.values()].flat().length;
console.error(`${out}: ${count} crates`);
