// What can be dragged, on the keyboard alone: the training's scrubber, the held ellipse, a followed patch. All of
// it comes from the recording.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { READY_WITHIN, alarms, drawn, hook, launch, open, openPage, screenshot, shows, site, tabTo } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: 2 * READY_WITHIN };

const view = (page) => hook(page, 'view');

/** Opens another view of the page by its link. */
async function goTo(page, link, tab) {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, link);
  await page.waitForFunction((name) => window.mirscope.view.tab === name, tab);
  await drawn(page);
}

/** Presses a key, and waits until these fields of the selection are these. */
async function press(page, key, fields) {
  await drawn(page);
  await page.keyboard.press(key);
  await shows(page, fields);
}

test('the training is scrubbed, the ellipse dragged and a patch followed by keys', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await open(page, `${await site(t)}#part=steps`);
  assert.equal(await hook(page, 'focused'), '');

  await tabTo(page, 'Step of the training');
  assert.equal(await hook(page, 'playing'), false, 'the first key stops what plays by itself');
  const { training_step: first } = await view(page);
  for (let step = first + 1; step < 8; step += 1) await press(page, 'ArrowRight', { training_step: step });
  for (const step of [6, 5]) await press(page, 'ArrowLeft', { training_step: step });
  await screenshot(page, 'keyboard-training');

  await goTo(page, '#tab=ellipses', 'what-if');
  const { ellipse: held } = await view(page);
  await tabTo(page, 'Plane with two ellipses');
  for (const key of [...Array(6).fill('ArrowRight'), 'ArrowDown', 'ArrowDown', 'Minus', '[']) await page.keyboard.press(key);
  await page.waitForFunction((turn) => window.mirscope.view.ellipse.turn === turn, held.turn + 5);
  const { ellipse: dragged } = await view(page);
  const close = (found, expected) => assert.ok(Math.abs(found - expected) < 2e-3, `${found} for ${expected}`);
  close(dragged.x, held.x + 0.3);
  close(dragged.y, held.y - 0.1);
  close(dragged.length, held.length / 1.06);
  close(dragged.width, held.width / 1.06);
  await screenshot(page, 'keyboard-ellipse');

  await goTo(page, '#tab=eyes&follow=2', 'eyes');
  const { patch } = await view(page);
  await press(page, 'ArrowRight', { follow: 3, pair: 0 });
  await press(page, 'ArrowRight', { follow: 4, layer: 1, pair: 0 });
  await press(page, 'ArrowRight', { follow: 5, layer: 2, pair: 0 });
  await press(page, 'ArrowLeft', { follow: 4, layer: 1 });
  assert.equal((await view(page)).patch, patch);
  await screenshot(page, 'keyboard-follow');
  assert.deepEqual(await alarms(page), []);
});
