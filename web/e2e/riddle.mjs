// The riddle that the page opens with, on the keyboard alone; both models are asked in the page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, READY_WITHIN, alarms, hook, launch, open, openPage, screenshot, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: 2 * MEASURED_WITHIN + READY_WITHIN };

test('a riddle is guessed with a key, and both models answer here as they were recorded', LIMIT, async (t) => {
  const page = await openPage(t, browser, { viewport: { width: 1280, height: 720 } });
  await open(page, await site(t));
  const before = await hook(page, 'riddle');
  assert.deepEqual([before.part, before.guessed], ['riddle', null]);
  await screenshot(page, 'riddle');
  await page.locator('#app').focus();
  await page.keyboard.press('a');
  await page.waitForFunction(() => window.mirscope.riddle.guessed !== null);
  await screenshot(page, 'riddle-guessed');
  await page.evaluate(() => window.mirscope.askBoth());
  await page.waitForFunction(() => {
    const { asking, answers } = window.mirscope.riddle;
    return !asking && answers.length === 2;
  }, null, { timeout: 2 * MEASURED_WITHIN });
  const { answers } = await hook(page, 'riddle');
  t.diagnostic(answers.map(([text, right]) => `${text} (${right ? 'right' : 'wrong'})`).join(', '));
  assert.deepEqual(answers.map(([, right]) => right), [true, false]);
  assert.deepEqual(await alarms(page), []);
  await screenshot(page, 'riddle-asked');
});

test('a view is shown alone where the address says so', LIMIT, async (t) => {
  const page = await openPage(t, browser, { viewport: { width: 640, height: 480 } });
  await open(page, `${await site(t)}#embed=scrubber&training_step=5`);
  const { embed, training_step: step } = await hook(page, 'view');
  assert.deepEqual([embed, step], ['scrubber', 5]);
  await screenshot(page, 'embedded');
});
