// Files from the visitor: dropped, in folders, read by the engine's Worker.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, openPage, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: 120_000 };

test('dropped files reach the app as a list, unread', LIMIT, async (t) => {
  const address = await site(t);
  const page = await openPage(t, browser);
  await open(page, address);
  const picture = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(32, 32);
    canvas.getContext('2d').fillRect(4, 4, 20, 20);
    const file = new File([await canvas.convertToBlob()], 'square.png', { type: 'image/png' });
    const transfer = new DataTransfer();
    transfer.items.add(file);
    document.querySelector('#app').dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    return file.size;
  });
  assert.ok(picture > 0);
});
