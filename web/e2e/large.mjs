// A checkpoint of half a gigabyte in a tab: its weights pass through the program, and never lie in it.
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readFileSync, closeSync, ftruncateSync, cpSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  MEASURED_WITHIN, ROOT, alarms, begin, hook, launch, open, openPage, progressed, reach, site,
} from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Bytes that the program may take. */
const MOST = 256 * 1024 * 1024;
/** Words of the vocabulary: an embedding of 512 MB, most of which takes no room on disk. */
const WORDS = 2_000_000;

/** The demo's checkpoint with that vocabulary. */
function enlarged() {
  const folder = mkdtempSync(join(tmpdir(), 'mirscope-large-'));
  const model = join(folder, 'large');
  cpSync(`${ROOT}/assets/demo/model`, model, { recursive: true });
  const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
  config.text_config.vocab_size = WORDS;
  writeFileSync(join(model, 'config.json'), JSON.stringify(config));
  const weights = join(model, 'model.safetensors');
  const bytes = readFileSync(weights);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, headerEnd));
  const table = header['language_model.model.embed_tokens.weight'];
  assert.equal(table.data_offsets[0], 0, 'the table comes first');
  const was = table.data_offsets[1];
  table.shape[0] = WORDS;
  const grown = (WORDS * table.shape[1] * 2) - was;
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') entry.data_offsets = entry.data_offsets.map((at) => (at === 0 ? 0 : at + grown));
  }
  let text = JSON.stringify(header);
  text += ' '.repeat(8 - (text.length % 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(weights, 'w');
  const data = writeSync(file, Buffer.concat([size, Buffer.from(text)]));
  writeSync(file, bytes, headerEnd, was, data);
  writeSync(file, bytes, headerEnd + was, bytes.length - headerEnd - was, data + was + grown);
  ftruncateSync(file, data + bytes.length - headerEnd + grown);
  closeSync(file);
  return { model, bytes: bytes.length + grown, remove: () => rmSync(folder, { recursive: true }) };
}

test('half a gigabyte of weights opens in a small heap', { timeout: MEASURED_WITHIN }, async (t) => {
  const { model, bytes, remove } = enlarged();
  t.after(remove);
  assert.ok(bytes > 500e6);
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  await begin(page, 1);
  await reach(page, 'ready', MEASURED_WITHIN);
  const before = await hook(page, 'heap');
  const chooser = page.waitForEvent('filechooser');
  const chosen = page.evaluate(async () => {
    const input = document.createElement('input');
    input.type = 'file';
    input.webkitdirectory = true;
    const files = new Promise((resolve) => {
      input.addEventListener('change', () => resolve([...input.files].map((file) => ({ path: file.webkitRelativePath, file }))));
    });
    input.click();
    window.mirscope.dropFiles(await files);
  });
  await (await chooser).setFiles(model);
  await chosen;
  await page.waitForFunction(() => window.mirscope.data.model === 'large' && window.mirscope.data.inspected);
  const began = Date.now();
  await page.evaluate(() => window.mirscope.runData());
  await reach(page, 'running');
  await progressed(page, 'prepare', 0);
  const seconds = (Date.now() - began) / 1000;
  const heap = await hook(page, 'heap');
  await page.evaluate(() => window.mirscope.cancel());
  await reach(page, 'ready');
  assert.deepEqual(await alarms(page), []);
  t.diagnostic(`${bytes} bytes of weights in ${seconds.toFixed(1)} s: the program grew from ${before} to ${heap} bytes`);
  assert.ok(heap > 0 && heap < MOST, `the program has ${heap} bytes`);
});
