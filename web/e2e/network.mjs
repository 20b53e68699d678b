// Nothing leaves the machine: whatever the page does, it asks its own host alone.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { after, before, test } from 'node:test';
import { MEASURED_WITHIN, READY_WITHIN, ROOT, drawn, hook, launch, measure, open, openPage, site } from './harness.mjs';

/**
 * What the browser asked for, whoever in it asked: it knows no other way out than this proxy. On its own behalf a
 * browser asks its maker's servers, too, which no flag ends for good.
 */
const asked = [];
const MAKERS = /^(connect |http:\/\/)([a-z0-9-]+\.)+(google|googleapis|gvt1|gstatic)\.com[:/]/;
/** The one host that the proxy knows. */
let own;
let proxy;
let browser;
before(async () => {
  proxy = createServer((from, to) => {
    asked.push(from.url);
    const address = new URL(from.url);
    if (address.origin !== own) return to.writeHead(502).end();
    const { method, headers } = from;
    const passed = request(address, { method, headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    passed.on('error', () => to.destroy());
    return from.pipe(passed);
  });
  for (const event of ['connect', 'upgrade']) {
    proxy.on(event, (from, socket) => {
      asked.push(`${event} ${from.url}`);
      socket.destroy();
    });
  }
  await new Promise((listening) => proxy.listen(0, '127.0.0.1', listening));
  const flags = [`--proxy-server=http://127.0.0.1:${proxy.address().port}`, '--proxy-bypass-list=<-loopback>'];
  browser = await launch({ flags });
});
after(async () => {
  await browser?.close();
  proxy?.closeAllConnections();
  proxy?.close();
});

const LIMIT = { timeout: MEASURED_WITHIN + READY_WITHIN };
const TABS = ['start', 'alignment', 'eyes', 'ask', 'what-if', 'compare', 'study', 'data', 'reference'];

test('a whole session asks the page\'s own host and nobody else', LIMIT, async (t) => {
  const address = await site(t);
  own = new URL(address).origin;
  const page = await openPage(t, browser, { expected: [/Content Security Policy|ERR_/] });
  // What the page and its Workers ask for, by the browser's own account.
  const told = [];
  page.context().on('request', (other) => told.push(other.url()));
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.requestWillBeSent', (event) => told.push(event.request.url));
  session.on('Network.webSocketCreated', (event) => told.push(event.url));
  await open(page, address);
  const report = await measure(page, 2);
  assert.equal(report.data.num_pairs, 2);
  const view = await hook(page, 'view');
  for (const tab of TABS) {
    await page.evaluate((selected) => window.mirscope.setView(selected), { ...view, tab });
    await page.waitForFunction((name) => window.mirscope.view.tab === name, tab);
    await drawn(page);
  }
  await page.evaluate((selected) => window.mirscope.setView(selected), { ...view, tab: 'ask' });
  await page.waitForFunction(() => window.mirscope.ask.offered.length > 0);
  await drawn(page);
  const [{ center }] = await hook(page, 'ask').then(({ offered }) => offered);
  await page.mouse.click(...center);
  await page.waitForFunction(() => window.mirscope.ask.turns.length === 1 && !window.mirscope.ask.asking, null, { timeout: MEASURED_WITHIN });
  for (const form of ['json', 'csv', 'svg', 'html']) {
    assert.ok((await page.evaluate((name) => window.mirscope.exportAs(name), form)).length > 0);
  }

  const strangers = (list) => list.filter((url) => !url.startsWith(`${own}/`) && !/^(data|blob):/.test(url));
  assert.deepEqual(strangers(told), []);
  const others = () => strangers(asked).filter((url) => !MAKERS.test(url));
  assert.deepEqual(others(), []);
  for (const [list, name] of [[told, 'the browser tells of'], [asked, 'the proxy saw']]) {
    t.diagnostic(`${name} ${list.length} requests`);
    assert.ok(list.some((url) => /assets\/demo\/.*\.safetensors/.test(url)), `${name} no request of the Worker`);
    assert.ok(list.some((url) => url.endsWith('.wasm')), `${name} no request of the page`);
  }

  // Both would have noticed a Worker that asks somebody else, and the page's policy forbids the page to.
  await page.workers()[0].evaluate(() => fetch('http://other.invalid/worker').catch(() => {}));
  assert.deepEqual(strangers(told), ['http://other.invalid/worker']);
  assert.deepEqual(others(), ['http://other.invalid/worker']);
  const refused = await page.evaluate(() => fetch('http://other.invalid/page').then(() => 'answered', () => 'refused'));
  assert.equal(refused, 'refused');
  assert.deepEqual(others(), ['http://other.invalid/worker']);
});

test('the page is served with the policy that it was written with', async (t) => {
  const policy = (html) => /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)[1];
  const served = await (await fetch(await site(t))).text();
  assert.equal(policy(served), policy(await readFile(`${ROOT}/index.html`, 'utf8')));
});
