// The demo asked about its pictures in the page: by a click, and on the keyboard alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, READY_WITHIN, hook, launch, open, openPage, screenshot, site } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + READY_WITHIN };

/** Opens the tab and waits until questions can be clicked. */
async function openTab(page, address) {
  await open(page, `${address}#tab=ask`);
  await page.waitForFunction(() => window.mirscope.ask.offered.length > 0, null, { timeout: READY_WITHIN });
}

/** Waits for so many answers and gives them. */
async function answers(page, number) {
  await page.waitForFunction(
    (turns) => {
      const { asking, turns: { length }, refused } = window.mirscope.ask;
      return refused || (length === turns && !asking);
    },
    number,
    { timeout: MEASURED_WITHIN },
  );
  const { turns, refused } = await hook(page, 'ask');
  assert.equal(refused, null);
  return turns;
}

const offered = async (page, question) => (await hook(page, 'ask')).offered.find((other) => other.question === question);

test('a clicked question is answered, with the right answer beside it', LIMIT, async (t) => {
  const page = await openPage(t, browser, { viewport: { width: 1280, height: 900 } });
  await openTab(page, await site(t));
  const first = 'How many objects are there?';
  const { center } = await offered(page, first);
  await page.mouse.click(...center);
  await page.waitForFunction(() => window.mirscope.ask.turns.length === 1);
  const [[question, answer, right, isRight]] = await answers(page, 1);
  t.diagnostic(`${question} ${answer} (${right})`);
  assert.equal(question, first);
  assert.match(answer, /^(one|two|three|four)$/);
  assert.equal(right, 'four');
  assert.equal(isRight, answer === right);
  assert.ok((await hook(page, 'ask')).looks > 0, 'it is known where the answer looks');
  await screenshot(page, 'ask');
  await page.emulateMedia({ colorScheme: 'dark' });
  await screenshot(page, 'ask-dark');
  await page.setViewportSize({ width: 390, height: 844 });
  await screenshot(page, 'ask-phone');
});

/** Presses a key and waits until what it does is drawn. */
async function press(page, key) {
  await page.keyboard.press(key);
  await page.evaluate(() => new Promise((drawn) => {
    requestAnimationFrame(() => requestAnimationFrame(drawn));
  }));
}

/** Moves the keyboard to an offered question, from behind: they stand near the end of the tab. */
async function moveTo(page, question) {
  for (let presses = 0; !(await offered(page, question)).focused; presses++) {
    assert.ok(presses < 120, `“${question}” can be reached`);
    await press(page, 'Shift+Tab');
  }
}

test('the demo is asked on the keyboard alone, and goes on with the conversation', LIMIT, async (t) => {
  const page = await openPage(t, browser, { viewport: { width: 1280, height: 900 } });
  await openTab(page, await site(t));
  const wanted = 'What is the background?';
  await page.locator('#app').focus();
  await moveTo(page, wanted);
  await screenshot(page, 'ask-keyboard');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.mirscope.ask.turns.length === 1);
  await answers(page, 1);
  // Behind the offered questions stands the line to type one.
  await moveTo(page, 'Describe the picture.');
  await press(page, 'Tab');
  await page.keyboard.type('Is there a penguin?');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.mirscope.ask.turns.length === 2);
  const [, [question, answer, right]] = await answers(page, 2);
  assert.deepEqual([question, right], ['Is there a penguin?', 'no']);
  assert.match(answer, /^(yes|no)$/);
});
