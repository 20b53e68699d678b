// Checkpoints of the study and documents with several images: the same numbers as natively.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  ARTIFACTS, MEASURED_WITHIN, ROOT, alarms, hook, launch, native, open, openPage, reach, sameReport, screenshot,
  site,
} from './harness.mjs';

const STUDY = `${ROOT}/assets/study`;
/** One of each thing that other checkpoints do not have: kernels, positions, sub-images, MoCa, documents. */
const VARIANTS = ['c-abstractor-16', 'attention-64', 'shuffle-16', 'size-192', 'sub-images-80', 'moca'];
const PAIRS = 2;
/** How far a term and the MIR may be from the native ones. */
const BAR = 1e-4;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: VARIANTS.length * MEASURED_WITHIN };

test('checkpoints of the study measure as they do natively', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const view = await hook(page, 'view');
  await page.evaluate((selected) => window.mirscope.setView(selected), { ...view, tab: 'study', axis: 'connector' });
  await page.waitForFunction(() => window.mirscope.study > 0);
  const { variants } = JSON.parse(await readFile(`${STUDY}/variants.json`, 'utf8'));
  assert.equal(await hook(page, 'study'), variants.length);
  for (const name of VARIANTS) {
    await page.evaluate(([variant, pairs]) => window.mirscope.runVariant(variant, pairs), [name, PAIRS]);
    await reach(page, 'running');
    await reach(page, 'ready', MEASURED_WITHIN);
    assert.deepEqual(await alarms(page), []);
    const report = await hook(page, 'report');
    const pairs = ['--pairs', `${STUDY}/pairs.jsonl`, '--num-pairs', String(PAIRS)];
    sameReport(t, name, report, JSON.parse(await native('measure', '--json', '--model', `${STUDY}/${name}`, ...pairs)), BAR);
  }
  await screenshot(page, 'study-measured');
  const wrong = page.evaluate(() => window.mirscope.runVariant('none-such'));
  await assert.rejects(wrong, /no checkpoint of the study is called none-such/);
});

test('the claims of both protocols and the real parts are shown, without a network but the page', async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const view = await hook(page, 'view');
  const fetched = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname.split('/').pop()));
  await page.evaluate((selected) => window.mirscope.setView(selected), { ...view, tab: 'study' });
  await page.waitForFunction(() => window.mirscope.study > 0 && window.mirscope.papers > 0 && window.mirscope.real > 0);
  // Other files of the page may still be on their way.
  const results = ['papers.json', 'real.json', 'study.json'];
  assert.deepEqual(fetched.filter((name) => results.includes(name)).sort(), results, 'each once, when the tab opens');
  for (const [count, list] of [['study', 'study/variants.json'], ['papers', 'papers/variants.json']]) {
    const { variants } = JSON.parse(await readFile(`${ROOT}/assets/${list}`, 'utf8'));
    assert.equal(await hook(page, count), variants.length, count);
  }
  const { points } = JSON.parse(await readFile(`${ROOT}/assets/real/points.json`, 'utf8'));
  assert.equal(await hook(page, 'real'), points.length);
  await screenshot(page, 'study-claims');
  for (const [name, selected] of [
    ['study-papers', { study_shows: 'settings', protocol: 'two-stages', axis: 'held', variant: 'held-decay' }],
    ['study-real', { study_shows: 'real-parts' }],
  ]) {
    await page.evaluate((wanted) => window.mirscope.setView(wanted), { ...view, tab: 'study', ...selected });
    for (const [field, value] of Object.entries(selected)) {
      await page.waitForFunction(([key, wanted]) => window.mirscope.view[key] === wanted, [field, value]);
    }
    await screenshot(page, name);
  }
  assert.deepEqual(await alarms(page), []);
});

test('a document with two images measures as it does natively', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const pairs = (await readFile(`${STUDY}/pairs.jsonl`, 'utf8')).trim().split('\n').slice(0, 4).map(JSON.parse);
  const folder = '../../../assets/study/';
  const documents = (prefix) => [pairs.slice(0, 2), pairs.slice(2)].map((pages) => JSON.stringify({
    images: pages.map(({ image }) => prefix + image),
    texts: pages.map(({ text }) => text),
  })).join('\n');
  await page.evaluate(async ([list, images]) => {
    const files = [{ path: 'data/pairs.jsonl', file: new File([list], 'pairs.jsonl') }];
    for (const image of images) {
      const content = await (await fetch(`assets/study/${image}`)).blob();
      files.push({ path: `data/${image}`, file: new File([content], image.split('/').pop()) });
    }
    window.mirscope.dropFiles(files);
  }, [documents(''), pairs.map(({ image }) => image)]);
  await page.waitForFunction(() => window.mirscope.data.pairs === 2);
  await page.evaluate(() => window.mirscope.runData());
  await reach(page, 'running');
  await reach(page, 'ready', MEASURED_WITHIN);
  assert.deepEqual(await alarms(page), []);
  const list = `${ARTIFACTS}documents.jsonl`;
  await writeFile(list, documents(folder));
  sameReport(t, 'documents', await hook(page, 'report'), JSON.parse(await native('measure', '--json', '--pairs', list)), BAR);
});
