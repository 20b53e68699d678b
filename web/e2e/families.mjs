// A case of every family in the page's Worker: its states are those of transformers, in the browser, too.
import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, ROOT, launch, open, openPage, site } from './harness.mjs';

const FAMILIES = join(ROOT, 'tests/golden/families');

/** One case of each family, one that shows most of what is its own. */
const CASES = {
  decoder: 'gemma3_text_hub',
  gemma3: 'window_bf16',
  idefics3: 'stretched_bf16',
  internvl: 'qk_norm_f16',
  llava: 'llama_dinov2_registers',
  llava_next: 'mistral_wide',
  llava_onevision: 'shrunk',
  llava_original: 'connector',
  nanovlm: 'tiles_bf16',
  paligemma: 'hub_bf16',
  qwen2_5_vl: 'windows_bf16',
  qwen2_vl: 'hub_bf16',
  qwen3_vl: 'document_f16',
  smolvlm: 'split_f16',
  vila: 'document_f16',
};

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** The files in a folder and below it, by path, in base64, which is what can be handed to a page. */
async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(found.map(async (path) => ({
    name: relative(folder, path).replaceAll('\\', '/'),
    content: await readFile(path, 'base64'),
  })));
}

test('every family has its case in the browser', async () => {
  const entries = await readdir(FAMILIES, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  assert.deepEqual(Object.keys(CASES), folders.sort());
  for (const [family, name] of Object.entries(CASES)) {
    await stat(join(FAMILIES, family, name, 'golden.safetensors'));
  }
});

test("each family's states are those of transformers", { timeout: MEASURED_WITHIN }, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const cases = await Promise.all(Object.entries(CASES).map(async ([family, name]) => ({
    name: family,
    files: await files(join(FAMILIES, family, name)),
  })));
  for (const kernel of ['direct', 'tiled']) {
    const answer = await page.evaluate(async ([list, variant]) => {
      const bytes = (content) => Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
      const handed = list.map(({ name, files }) => ({
        name,
        files: files.map((file) => ({ name: file.name, bytes: bytes(file.content) })),
      }));
      return window.mirscope.carryOut({ Check: { device: { kernel: variant }, states_only: true, cases: handed } });
    }, [cases, kernel]);
    assert.ok(answer.Check, JSON.stringify(answer));
    const { states, seconds } = answer.Check;
    assert.deepEqual(states.map(({ name }) => name), Object.keys(CASES));
    for (const { name, states: compared, error, worst, failure } of states) {
      t.diagnostic(`${name}, ${kernel}: ${compared} states within ${error?.toExponential(1)} (${worst})`);
      assert.equal(failure, null, name);
      assert.ok(compared > 5, name);
      assert.ok(error !== null && error <= 1e-4, `${name}: ${worst} is off by ${error}`);
    }
    t.diagnostic(`all of them, ${kernel}, in ${seconds.toFixed(0)} s`);
  }
});
