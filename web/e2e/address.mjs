// The address says what is shown, so that a reload and a bookmark show it again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { READY_WITHIN, hook, launch, open, openPage, reach, shows, site, tabTo } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: 2 * READY_WITHIN };

const says = (page, hash) => page.waitForFunction((expected) => location.hash === expected, hash);
/** Has the app select something. */
const show = (page, changes) => page.evaluate((changed) => {
  window.mirscope.setView({ ...window.mirscope.view, ...changed });
}, changes);
test('the address follows the view; a reload, a bookmark and Back show what they say', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await open(page, await site(t));
  const entries = await page.evaluate(() => history.length);
  assert.equal(new URL(page.url()).hash, '');
  await show(page, { tab: 'alignment', run: 'Demo, halfway', layer: 3, scale: 'linear' });
  await says(page, '#tab=alignment&run=Demo%2C%20halfway&layer=3&scale=linear');
  await page.reload();
  await reach(page, 'ready');
  await shows(page, { tab: 'alignment', run: 'Demo, halfway', layer: 3, scale: 'linear' });
  assert.equal(await hook(page, 'current'), 3);
  assert.equal(await page.evaluate(() => history.length), entries, 'following adds no entries');
  // A bookmark of the same page is no new visit.
  await page.evaluate(() => {
    location.hash = '#tab=compare&layer=2';
  });
  await shows(page, { tab: 'compare', run: '', layer: 2 });
  await page.goBack();
  await shows(page, { tab: 'alignment', run: 'Demo, halfway', layer: 3 });
  // Nothing selected is no end of the address.
  await page.evaluate(() => window.mirscope.setView({}));
  await says(page, '');
});

test('a menu that is open holds the address', LIMIT, async (t) => {
  const page = await openPage(t, browser);
  await open(page, `${await site(t)}#tab=alignment`);
  await tabTo(page, 'Export');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.mirscope.dialog);
  await page.evaluate(() => window.mirscope.select(4));
  await shows(page, { layer: 4 });
  // Many times as long as the address takes otherwise.
  await page.waitForTimeout(2000);
  assert.equal(new URL(page.url()).hash, '#tab=alignment');
  await page.keyboard.press('Escape');
  await says(page, '#tab=alignment&layer=4');
});

test('a view that is shown alone says where it is, too', LIMIT, async (t) => {
  const page = await openPage(t, browser, { viewport: { width: 640, height: 480 } });
  await open(page, `${await site(t)}#embed=scrubber`);
  await show(page, { training_step: 4 });
  await says(page, '#training_step=4&embed=scrubber');
  await page.reload();
  await reach(page, 'ready');
  await shows(page, { training_step: 4, embed: 'scrubber' });
});
