// Files from the visitor: dropped and chosen, listed by the app, read where they lie.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  MEASURED_WITHIN, READY_WITHIN, ROOT, alarms, hook, launch, open, openPage, reach, screenshot, site,
} from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };

/** Waits until the app has read so many of the visitor's images and texts. */
const brought = (page, images, texts) => page.waitForFunction(
  ([wantedImages, wantedTexts]) => {
    const done = (items) => items.filter(([, read, wrong]) => read || wrong).length;
    const { data } = window.mirscope;
    return done(data.images) === wantedImages && done(data.texts) === wantedTexts;
  },
  [images, texts],
  { timeout: READY_WITHIN },
);

test('dropped images and texts are listed, with what is wrong with them', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(64, 64);
    const brush = canvas.getContext('2d');
    brush.fillStyle = 'teal';
    brush.fillRect(8, 8, 40, 40);
    const transfer = new DataTransfer();
    for (const type of ['png', 'jpeg', 'webp']) {
      transfer.items.add(new File([await canvas.convertToBlob({ type: `image/${type}` })], `square.${type}`));
    }
    transfer.items.add(new File(['not an image'], 'broken.png'));
    transfer.items.add(new File(['A teal square.'], 'square.txt'));
    document.querySelector('#app').dispatchEvent(
      new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }),
    );
  });
  await brought(page, 4, 1);
  const { images, texts } = await hook(page, 'data');
  const wrong = images.filter(([, , reason]) => reason).map(([path]) => path);
  assert.deepEqual(wrong, ['broken.png']);
  assert.deepEqual(texts.map(([path, read]) => [path, read]), [['square.txt', true]]);
  assert.equal((await hook(page, 'view')).tab, 'data', 'what was dropped is shown');
  await screenshot(page, 'data-dropped');
});

test('a folder from the dialog is a checkpoint, and measures with dropped pairs', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  await page.evaluate(async () => {
    const script = document.querySelector('script[src$="page.js"]').src;
    const { demo } = await (await fetch(new URL('manifest.json', script))).json();
    const take = async (path, name) => {
      const content = await (await fetch(`assets/demo/${path}`)).blob();
      return { path: name, file: new File([content], name.split('/').pop()) };
    };
    const files = [];
    for (const { path } of demo) {
      if (path.startsWith('model/')) files.push(await take(path, `mine/${path.slice(6)}`));
    }
    const lines = (await (await fetch('assets/demo/pairs.jsonl')).text()).trim().split('\n').slice(0, 2);
    for (const line of lines) {
      const { image } = JSON.parse(line);
      files.push(await take(image, `data/${image}`));
    }
    const list = new File([lines.join('\n')], 'pairs.jsonl');
    window.mirscope.dropFiles([...files, { path: 'data/pairs.jsonl', file: list }]);
  });
  await page.waitForFunction(() => window.mirscope.data.pairs === 2 && window.mirscope.data.model === 'mine');
  await page.evaluate(() => window.mirscope.runData());
  await reach(page, 'running');
  await reach(page, 'ready', MEASURED_WITHIN);
  assert.deepEqual(await alarms(page), []);
  const report = await hook(page, 'report');
  assert.equal(report.model.name, 'mine');
  assert.ok(report.mir > 0);
});

test('the dialog for folders hands over what is in them', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const chooser = page.waitForEvent('filechooser');
  const chosen = page.evaluate(() => window.mirscope.pick([]));
  await (await chooser).setFiles(`${ROOT}/assets/demo/model`);
  const files = await chosen;
  assert.ok(files.some(({ path }) => path === 'model/config.json'), JSON.stringify(files));
  assert.ok(files.every(({ size }) => size > 0));
});
