// Files made by strangers: whatever they hold, the run ends with a sentence that names the file, and the
// same engine measures again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, alarms, hook, launch, open, openPage, reach, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };

const loops = (count, body) => `{% set ns = namespace(x='x', l=[1]) %}{% for i in range(${count}) %}${body}{% endfor %}`;
const template = (text) => ({ 'chat_template.jinja': () => text });
/** `tokenizer.json` with one part replaced. */
const tokenizer = (part, value) => ({ 'tokenizer.json': (text) => JSON.stringify({ ...JSON.parse(text), [part]: value }) });
const replaceAll = { type: 'Replace', pattern: { String: 'e' }, content: 'ee' };
const config = (more) => ({ 'config.json': (text) => JSON.stringify({ ...JSON.parse(text), ...more }) });

/** What is changed in the demo's checkpoint, and what the page has to say. */
const CASES = [
  ['deep', template(`{{ ${'not '.repeat(20_000)}true }}`), /chat_template\.jinja: /],
  ['blocks', template('{% if true %}'.repeat(5_000) + 'a' + '{% endif %}'.repeat(5_000)), /chat_template\.jinja: /],
  ['recursive', template('{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}'), /chat_template\.jinja: /],
  ['endless', template(loops(9_999, '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}')), /chat_template\.jinja: /],
  ['growing', template(loops(99, '{% set ns.x = ns.x ~ ns.x %}')), /chat_template\.jinja: /],
  ['huge', template("{{ 'x' * 1000000000 }}"), /chat_template\.jinja: /],
  ['refusing', template("{{ raise_exception('one turn only') }}"), /chat_template\.jinja: .*one turn only/],
  ['no-tokenizer', { 'tokenizer.json': () => '[1]' }, /tokenizer\.json: /],
  ['doubling', tokenizer('normalizer', { type: 'Sequence', normalizers: Array(60).fill(replaceAll) }), /tokenizer\.json: /],
  ['table', tokenizer('normalizer', { type: 'Precompiled', precompiled_charsmap: '//8AAAECAwQ=' }), /tokenizer\.json: /],
  ['unknown-token', tokenizer('post_processor', {
    type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<none>', type_id: 0 } }], pair: [], special_tokens: {},
  }), /tokenizer\.json: /],
  ['pointer', {
    'model.safetensors': () => `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5188992\n`,
  }, /model\.safetensors: .*Git LFS/],
  ['web-page', { 'model.safetensors': () => '<!DOCTYPE html>\n<html><body>Sign in</body></html>' }, /model\.safetensors: .*web page/],
  ['empty', { 'model.safetensors': () => '' }, /model\.safetensors: .*empty/],
  ['quantized', config({ quantization_config: { quant_method: 'awq', bits: 4 } }), /awq/i],
];

/** Drops the demo's checkpoint as `name`, each file in `changes` made anew from its text. */
const drop = (page, name, changes) => page.evaluate(
  async ([folder, changed]) => {
    const script = document.querySelector('script[src$="page.js"]').src;
    const { demo } = await (await fetch(new URL('manifest.json', script))).json();
    const files = [];
    for (const { path } of demo.filter((file) => file.path.startsWith('model/'))) {
      const own = path.slice(6);
      const content = changed[own] ?? await (await fetch(`assets/demo/${path}`)).blob();
      files.push({ path: `${folder}/${own}`, file: new File([content], own) });
    }
    window.mirscope.dropFiles(files);
  },
  [name, changes],
);

test('files from strangers end a run with their name, and never the engine', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const [worker] = page.workers();
  const texts = await page.evaluate(async () => {
    const text = async (name) => [name, await (await fetch(`assets/demo/model/${name}`)).text()];
    return Object.fromEntries(await Promise.all(['config.json', 'tokenizer.json', 'chat_template.jinja'].map(text)));
  });
  await page.evaluate(async () => {
    const lines = (await (await fetch('assets/demo/pairs.jsonl')).text()).trim().split('\n').slice(0, 2);
    const files = [{ path: 'data/pairs.jsonl', file: new File([lines.join('\n')], 'pairs.jsonl') }];
    for (const line of lines) {
      const { image } = JSON.parse(line);
      const content = await (await fetch(`assets/demo/${image}`)).blob();
      files.push({ path: `data/${image}`, file: new File([content], image.split('/').pop()) });
    }
    window.mirscope.dropFiles(files);
  });
  await page.waitForFunction(() => window.mirscope.data.pairs === 2);
  const run = async (name, changes) => {
    await drop(page, name, changes);
    await page.waitForFunction((wanted) => window.mirscope.data.model === wanted, name);
    await page.waitForFunction(() => window.mirscope.data.inspected);
    const { refusals } = await hook(page, 'data');
    if (refusals.length > 0) return refusals;
    await page.evaluate(() => window.mirscope.runData());
    await reach(page, 'running');
    await reach(page, 'ready', MEASURED_WITHIN);
    return alarms(page);
  };
  for (const [name, changes, sentence] of CASES) {
    const made = Object.fromEntries(Object.entries(changes).map(([file, change]) => [file, change(texts[file])]));
    const said = await run(name, made);
    t.diagnostic(`${name}: ${said.join(' | ').slice(0, 160)}`);
    assert.equal(said.length, 1, `${name}: ${said.join(' | ')}`);
    assert.match(said[0], sentence, name);
    assert.ok(said[0].length < 1000, `${name} is told in a sentence`);
    assert.equal(page.workers()[0], worker, `${name} leaves the engine as it is`);
  }
  assert.deepEqual(await run('as-it-is', {}), []);
  assert.ok((await hook(page, 'report')).mir > 0);
});
