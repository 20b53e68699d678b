// The static server and the bundle it serves.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { test } from 'node:test';
import { ROOT, site } from './harness.mjs';

test('the server gives types, refuses what is outside and knows its mount', async (t) => {
  const address = await site(t, { mount: '/some/where/' });
  const page = await fetch(address);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  const html = await page.text();
  const folder = /src="(web-[0-9a-f]+)\/page\.js"/.exec(html)[1];
  const program = await fetch(`${address}${folder}/pkg/mirscope_bg.wasm`, { method: 'HEAD' });
  assert.equal(program.headers.get('content-type'), 'application/wasm');
  assert.equal((await fetch(new URL('/', address))).status, 404);
  assert.equal((await fetch(`${address}none.js`)).status, 404);
  assert.equal((await fetch(address, { method: 'POST' })).status, 405);
  // fetch would tidy the path up before it sends it.
  const status = await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(address);
    request({ hostname, port, path: '/some/where/..%2f..%2fCargo.toml' }, (answer) => resolve(answer.statusCode))
      .on('error', reject).end();
  });
  assert.equal(status, 403);
});

test('the manifest lists the files of demo and study as they are served', async (t) => {
  const address = await site(t);
  const html = await (await fetch(address)).text();
  const folder = /src="(web-[0-9a-f]+)\/page\.js"/.exec(html)[1];
  const manifest = await (await fetch(`${address}${folder}/manifest.json`)).json();
  const program = await (await fetch(`${address}${folder}/pkg/mirscope_bg.wasm`)).arrayBuffer();
  assert.equal(manifest.wasm_bytes, program.byteLength);
  for (const part of ['demo', 'study']) {
    for (const { path, bytes } of manifest[part]) {
      const served = Buffer.from(await (await fetch(`${address}assets/${part}/${path}`)).arrayBuffer());
      assert.equal(served.length, bytes, path);
      assert.ok(served.equals(await readFile(`${ROOT}/assets/${part}/${path}`)), path);
    }
  }
  // What the app shows of the studies before anything is measured.
  for (const [name, source] of [['study', 'study/results'], ['papers', 'papers/results'], ['real', 'real/points']]) {
    const served = await (await fetch(`${address}${folder}/${name}.json`)).text();
    assert.ok(served === await readFile(`${ROOT}/assets/${source}.json`, 'utf8'), name);
  }
});

test('the page allows no script but its own', async () => {
  const html = await readFile(`${ROOT}/index.html`, 'utf8');
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)[1];
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'(;|$)/);
  assert.doesNotMatch(policy, /'unsafe-/);
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/, 'no inline script');
  assert.doesNotMatch(html, /\s(on\w+|style)=/, 'no inline handlers and styles');
});
