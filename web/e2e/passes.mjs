// Forward passes in the browser: the logits and features of the native program.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, ROOT, launch, native, open, openPage, passes, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a checkpoint that is handed over gives the native logits and features', { timeout: MEASURED_WITHIN }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mirscope-passes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const model = join(ROOT, 'assets/demo/model');
  const input = {
    // Few rows, and so many that products take the tile of SwiftShader's own.
    prompts: [24, 512].map((count) => [...Array(count).keys()].map((i) => 5 + (7 * i) % 500)),
    images: [[...Array(3 * 128 * 128).keys()].map((i) => Math.sin(i / 50))],
  };
  writeFileSync(join(folder, 'input.json'), JSON.stringify(input));
  await native('passes', '--model', model, '--input', join(folder, 'input.json'), '--out', join(folder, 'out.json'));
  const expected = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'));

  const page = await openPage(t, browser);
  await open(page, await site(t));
  const found = await passes(page, model, input);
  assert.equal(found.passes.length, 3);
  for (const [index, { tokens, output }] of found.passes.entries()) {
    const other = expected.passes[index];
    assert.deepEqual([tokens, output.length], [other.tokens, other.output.length]);
    const largest = Math.max(...other.output.map(Math.abs));
    const off = Math.max(...output.map((value, at) => Math.abs(value - other.output[at]))) / largest;
    t.diagnostic(`${tokens ?? 'image'}: ${off.toExponential(1)} apart`);
    assert.ok(off < 1e-4, `${tokens}: ${off}`);
  }
});
