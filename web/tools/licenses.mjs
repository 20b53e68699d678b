// Writes the licences of all crates that are part of the programs: node web/tools/licenses.mjs OUT
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
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
  const text = found
    .map((name) => {
      try {
        return readFileSync(join(folder, name), 'utf8').trim();
      } catch {
        return null; // a folder of licences: the expression above names them
      }
    })
    .filter((part) => part)
    .join('\n\n');
  const line = `${identity}: ${crate.license ?? 'see its text'}${crate.repository ? `, ${crate.repository}` : ''}`;
  if (!texts.has(text)) texts.set(text, []);
  texts.get(text).push(line);
}
const parts = [...texts].map(([text, crates]) => `${crates.sort().join('\n')}\n\n${text || '(the crate ships no text of its own)'}`);
writeFileSync(out, `Crates that are part of this program, with their licences.\n\n${parts.sort().join(`\n\n${'='.repeat(100)}\n\n`)}\n`);
const count = [...texts.values()].flat().length;
console.error(`${out}: ${count} crates`);
