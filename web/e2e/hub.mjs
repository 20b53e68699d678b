// A checkpoint of a model hub in the browser: fetched by range, compared, kept, and refused in words
// where the hub lies.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  MEASURED_WITHIN, ROOT, alarms, hook, launch, open, openPage, reach, screenshot, site,
} from './harness.mjs';
import { tinyGguf } from './gguf.mjs';
import { COMMIT, ID, lyingHub } from './lying_hub.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const LIMIT = { timeout: MEASURED_WITHIN + 60_000 };
const WEIGHTS = 'model.safetensors';

const repository = () => {
  const folder = `${ROOT}/assets/demo/model`;
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(`${folder}/${name}`)]));
  files.set('README.md', Buffer.from('# Not needed\n'));
  files.set('flax_model.msgpack', Buffer.alloc(1000));
  return files;
};

/** A hub, and a page that believes it. */
async function hubAndPage(t, { expected = [], change = null, files = repository(), others = {} } = {}) {
  const hub = await lyingHub(files, [...files.keys()].filter((name) => /\.(safetensors|gguf)$/.test(name)), others);
  t.after(() => hub.close());
  const address = await site(t, {
    change,
    spoil: (path, bytes) => {
      if (path.endsWith('/')) return Buffer.from(bytes.toString().replace('https://huggingface.co', hub.address));
      if (path.endsWith('/manifest.json')) return Buffer.from(JSON.stringify({ ...JSON.parse(bytes), hub: hub.address }));
      return bytes;
    },
  });
  // What the hub refuses, the console tells as well.
  const page = await openPage(t, browser, { expected: [/Failed to load resource|ERR_/, ...expected] });
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) });
  });
  return { hub, files, address, page };
}

/** Opens a page with nothing but the engine. */
async function bare(page, address) {
  await page.goto(`${address}assets/demo/report.json`);
  return page.evaluate(async ([base]) => {
    const html = await (await fetch(base)).text();
    const folder = new URL(`${/src="(web-[0-9a-f]+)\/page\.js"/.exec(html)[1]}/`, base).href;
    const { Engine } = await import(`${folder}engine.js`);
    const manifest = await (await fetch(`${folder}manifest.json`)).json();
    const module = await WebAssembly.compileStreaming(fetch(`${folder}pkg/mirscope_bg.wasm`));
    window.engine = new Engine({ ...manifest, base, module });
    window.events = [];
    window.carryOut = (command) => {
      window.abort = new AbortController();
      return window.engine.run(command, (event) => window.events.push(event), window.abort.signal);
    };
  }, [address]);
}

/** Carries out a command about the repository. */
const ask = (page, command, id = ID) => page.evaluate(
  ([name, model]) => window.carryOut(name === 'Plan' ? { Plan: model } : { Inspect: { model: { Hub: model } } }),
  [command, { id }],
);
const inspect = (page, id) => ask(page, 'Inspect', id);

/** Kept files: name, size, SHA-256. */
const kept = (page) => page.evaluate(async () => {
  const found = {};
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('mirscope').catch(() => null);
  if (!root) return found;
  for await (const [name, folder] of root.entries()) {
    if (!name.endsWith(' hub')) continue;
    for await (const [file, handle] of folder.entries()) {
      const bytes = await (await handle.getFile()).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      found[file] = { size: bytes.byteLength, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
    }
  }
  return found;
});

/** Removes what is kept. */
const empty = (page) => page.evaluate(async () => {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry('mirscope', { recursive: true }).catch(() => {});
});

test('a plan tells what would be fetched, and fetches nothing', LIMIT, async (t) => {
  const { hub, files, address, page } = await hubAndPage(t);
  await bare(page, address);
  const { Plan: plan } = await ask(page, 'Plan');
  assert.equal(plan.commit, COMMIT);
  assert.equal(plan.licence, 'apache-2.0');
  const paths = plan.files.map(({ path }) => path);
  assert.ok(paths.includes(WEIGHTS) && paths.includes('config.json'));
  assert.ok(!paths.includes('README.md') && !paths.includes('flax_model.msgpack'), paths.join());
  assert.equal(plan.files.at(-1).size, files.get(WEIGHTS).length);
  assert.deepEqual(hub.requests, []);
});

test('a checkpoint is fetched once, kept, and there without a network', LIMIT, async (t) => {
  const { hub, files, address, page } = await hubAndPage(t);
  await bare(page, address);
  const first = await inspect(page);
  assert.equal(first.Inspection?.model.name, `${ID}@${COMMIT.slice(0, 12)}`);
  const asked = hub.requests.map(([path]) => path);
  assert.equal(new Set(asked).size, asked.length, 'each file once');
  assert.ok(!asked.includes('README.md'));
  const events = await page.evaluate(() => window.events);
  const told = events.filter(({ Progress: p }) => p?.stage === 'fetch').map(({ Progress: p }) => p.done);
  assert.ok(told.length > 2 && told.every((done, index) => index === 0 || done >= told[index - 1]), told.join());
  const parts = await kept(page);
  assert.ok(Object.keys(parts).every((name) => !name.endsWith('.part')), Object.keys(parts).join());
  assert.ok(Object.values(parts).some(({ size }) => size === files.get(WEIGHTS).length));
  for (const headers of hub.headers) {
    assert.equal(headers.cookie ?? headers.authorization ?? headers.referer, undefined);
  }
  const before = hub.requests.length;
  await inspect(page);
  assert.equal(hub.requests.length, before, 'what is kept is not fetched again');
  await hub.close();
  await bare(page, address);
  const again = await inspect(page);
  assert.deepEqual(again, first);
});

test('the app names what it would fetch, fetches it and measures', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t);
  await open(page, address);
  await page.evaluate((id) => {
    window.mirscope.setView({ ...window.mirscope.view, tab: 'data' });
    window.mirscope.chooseRepository(id);
  }, ID);
  await page.waitForFunction(() => window.mirscope.data.plan.length > 0);
  const { data } = await page.evaluate(() => window.mirscope);
  assert.ok(data.plan.includes(WEIGHTS) && !data.plan.includes('README.md'), data.plan.join());
  assert.match(data.refusals.join(), /not here yet/);
  assert.deepEqual(hub.requests, []);
  await screenshot(page, 'data-hub');
  await page.evaluate(() => window.mirscope.agree());
  await page.waitForFunction(() => window.mirscope.data.inspected);
  assert.deepEqual((await hook(page, 'data')).refusals, []);
  assert.ok((await page.evaluate(() => window.mirscope.cacheSize())) > 5e6);
  await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    canvas.width = 64;
    canvas.height = 64;
    return new Promise((resolve) => {
      canvas.toBlob((blob) => {
        window.mirscope.dropFiles([new File([blob], 'a.png'), new File(['A square.'], 'a.txt'), new File([blob], 'b.png'), new File(['Another.'], 'b.txt')]);
        resolve();
      });
    });
  });
  await page.waitForFunction(() => window.mirscope.data.images.filter(([, read]) => read).length === 2
    && window.mirscope.data.texts.filter(([, read]) => read).length === 2);
  await page.evaluate(() => window.mirscope.runData());
  await reach(page, 'running');
  await reach(page, 'ready', MEASURED_WITHIN);
  assert.deepEqual(await alarms(page), []);
  const report = await hook(page, 'report');
  assert.equal(report.model.name, `${ID}@${COMMIT.slice(0, 12)}`);
});

test('a tokenizer comes from the repository that the configuration names', LIMIT, async (t) => {
  const folder = `${ROOT}/tests/golden/families/nanovlm/first_f32`;
  const read = (...names) => new Map(names.map((name) => [name, readFileSync(`${folder}/${name}`)]));
  const lender = 'HuggingFaceTB/cosmo2-tokenizer';
  const { hub, address, page } = await hubAndPage(t, {
    files: read('config.json', WEIGHTS),
    others: { [lender]: read('tokenizer.json', 'tokenizer_config.json') },
  });
  await bare(page, address);
  const { Plan: plan } = await ask(page, 'Plan');
  const lent = plan.files.filter((file) => file.lender);
  assert.deepEqual(lent.map(({ path, lender: { id } }) => [path, id]), [
    ['tokenizer.json', lender], ['tokenizer_config.json', lender],
  ]);
  const image = [...readFileSync(`${folder}/image.png`)];
  const command = (model) => ({
    Ask: {
      model,
      question: 'What is it?',
      images: [{ Bytes: { name: 'image.png', bytes: image } }],
      max_tokens: 4,
    },
  });
  const asked = (model) => page.evaluate((text) => {
    const { Ask: request } = JSON.parse(text);
    const bytes = (file) => ({ ...file, bytes: new Uint8Array(file.bytes) });
    request.images = request.images.map(({ Bytes: file }) => ({ Bytes: bytes(file) }));
    if (request.model.Files) request.model.Files = request.model.Files.map(bytes);
    return window.carryOut({ Ask: request });
  }, JSON.stringify(command(model)));
  const found = await asked({ Hub: { id: ID } });
  assert.equal(found.Failed, undefined);
  assert.equal(found.Answer.tokens.length, 4);
  const names = ['config.json', WEIGHTS, 'tokenizer.json', 'tokenizer_config.json'];
  const whole = [...read(...names)].map(([name, bytes]) => ({ name, bytes: [...bytes] }));
  const expected = await asked({ Files: whole });
  assert.deepEqual(found.Answer.tokens, expected.Answer?.tokens);
  assert.ok(hub.requests.some(([path]) => path === `${lender}/tokenizer.json`));
});

test('of a repository of GGUF files one is fetched, and another one by its name', LIMIT, async (t) => {
  const model = tinyGguf();
  const { hub, address, page } = await hubAndPage(t, {
    files: new Map([
      ['config.json', Buffer.from('{}')],
      ['tiny-Q4_K_M.gguf', model],
      ['tiny-F16.gguf', Buffer.concat([model, Buffer.alloc(64)])],
    ]),
  });
  await bare(page, address);
  const { Plan: plan } = await ask(page, 'Plan');
  assert.deepEqual(plan.files.map(({ path }) => path), ['tiny-Q4_K_M.gguf']);
  const short = COMMIT.slice(0, 12);
  assert.match(plan.notes[0], new RegExp(`tiny-F16\\.gguf \\(1 MiB\\); .* name it as ${ID}/tiny-F16\\.gguf`));
  const first = await inspect(page);
  assert.equal(first.Inspection?.model.name, `${ID}/tiny-Q4_K_M.gguf@${short}`, JSON.stringify(first));
  const other = await inspect(page, `${ID}/tiny-F16.gguf`);
  assert.equal(other.Inspection?.model.name, `${ID}/tiny-F16.gguf@${short}`, JSON.stringify(other));
  const { Failed: failed } = await inspect(page, `${ID}/none.gguf`);
  assert.match(failed ?? '', /expected none\.gguf among its files, found tiny-F16\.gguf \(1 MiB\), tiny-Q4_K_M/);
  assert.ok(hub.requests.every(([path]) => path.endsWith('.gguf')));
});

/** Each lie, and what is told of it. */
const LIES = [
  ['401', { api: { status: 401 } }, /status 401/],
  ['403', { api: { status: 403 } }, /status 403/],
  ['404', { api: { status: 404, headers: { 'x-error-code': 'RepoNotFound' } } }, /no such repository/],
  ['404 of a revision', { api: { status: 404, headers: { 'x-error-code': 'RevisionNotFound' } } }, /no such revision/],
  ['429', { api: { status: 429 } }, /status 429/],
  ['a page instead of a list', { api: { text: '<!DOCTYPE html><html>Log in</html>' } }, /web page/],
  ['an empty list', { api: { text: '' } }, /empty/],
  ['403 of a file', { file: (path) => (path === WEIGHTS ? { status: 403 } : null) }, /model\.safetensors: .*status 403/],
  ['500 of a file', { file: (path) => (path === WEIGHTS ? { status: 503 } : null) }, /model\.safetensors: .*status 503/],
  ['redirects without end', { loop: true }, /cannot be reached/],
  ['a web page in a file\'s place', { file: (path) => (path === WEIGHTS ? { text: '<!DOCTYPE html><html><body>Sorry</body></html>' } : null) }, /model\.safetensors: .*web page/],
  ['a pointer in a file\'s place', {
    content: (path) => (path === WEIGHTS ? Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5188992\n`) : null),
  }, /model\.safetensors: .*LFS/],
  ['another length', { content: (path) => (path === WEIGHTS ? Buffer.alloc(4096, 7) : null) }, /model\.safetensors: expected [\d\u2009, ]+ bytes .*found an answer of/],
  ['a longer file', { content: (path) => (path === WEIGHTS ? Buffer.alloc(6_000_000, 7) : null) }, /model\.safetensors: expected [\d\u2009, ]+ bytes/],
  ['other content', { content: (path) => (path === 'config.json' ? Buffer.alloc(1543, 32) : null) }, /config\.json: .*git hash/],
  ['other content, large', { content: (path) => (path === WEIGHTS ? Buffer.alloc(5188992, 7) : null) }, /model\.safetensors: .*SHA-256/],
  ['a connection that is cut without progress', { cut: (path) => (path === WEIGHTS ? 0 : null) }, /model\.safetensors: .*(closed after|cannot be reached)/],
  ['another range', {
    wrongRange: true, cut: (path, start) => (path === WEIGHTS && start === 0 ? 1_000_000 : null),
  }, /model\.safetensors: .*(bytes from|connection closed)/],
];

test('each lie has its sentence, and nothing of it is kept', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t);
  await bare(page, address);
  for (const [name, lie, sentence] of LIES) {
    await empty(page);
    hub.lie = lie;
    const { Failed: failed } = await inspect(page);
    assert.match(failed ?? 'no failure', sentence, name);
    assert.match(failed, new RegExp(`^${ID}: `), name);
    assert.doesNotMatch(failed, /signature|localhost:\d+\/store|https?:\/\//, name);
    const left = Object.keys(await kept(page)).filter((file) => file.length === 64);
    assert.deepEqual(left, [], `${name}: no weights are kept`);
    t.diagnostic(failed);
  }
  hub.lie = {};
  const outcome = await inspect(page);
  assert.equal(outcome.Failed, undefined);
});

test('a transfer that is cut goes on, and one whose range is ignored begins anew', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t);
  await bare(page, address);
  const ofWeights = () => hub.requests.filter(([path]) => path === WEIGHTS).map(([, start]) => start);
  hub.lie = { cut: (path) => (path === WEIGHTS ? 1_300_000 : null) };
  assert.equal((await inspect(page)).Failed, undefined);
  const starts = ofWeights();
  assert.ok(starts.length >= 4 && starts.every((start, index) => index === 0 || start > starts[index - 1]), starts.join());
  await empty(page);
  hub.requests = [];
  let cuts = 2;
  hub.lie = {
    ignoreRange: true,
    cut: (path) => {
      if (path !== WEIGHTS || cuts === 0) return null;
      cuts -= 1;
      return 2_000_000;
    },
  };
  assert.equal((await inspect(page)).Failed, undefined);
  assert.ok(ofWeights().length >= 2);
});

test('a file that changes while it comes is told', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t);
  await bare(page, address);
  let version = 0;
  hub.lie = {
    content: (path) => (path === WEIGHTS ? Buffer.alloc(5188992, version) : null),
    version: () => `v${version += 1}`,
    cut: (path, start) => (path === WEIGHTS && start === 0 && version < 3 ? 1_000_000 : null),
  };
  const { Failed: failed } = await inspect(page);
  assert.match(failed ?? '', /changed during the download/);
});

test('a cancelled transfer stops at once, and goes on the next time', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t);
  await bare(page, address);
  hub.lie = { slow: 100 };
  const outcome = page.evaluate(async (id) => {
    const run = window.carryOut({ Inspect: { model: { Hub: { id } } } });
    const size = () => window.events.findLast(({ Progress: p }) => p?.stage === 'fetch')?.Progress.done ?? 0;
    while (size() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    window.abort.abort();
    return run;
  }, ID);
  assert.equal(await outcome, 'Cancelled');
  hub.lie = {};
  hub.requests = [];
  assert.equal((await inspect(page)).Failed, undefined);
  const [[path, start]] = hub.requests;
  assert.deepEqual([path, start > 0], [WEIGHTS, true]);
});

test('a full disk is told, and what came before is kept', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t);
  await bare(page, address);
  const devtools = await page.context().newCDPSession(page);
  const allow = (quotaSize) => devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(address).origin, quotaSize });
  // Browsers need not say how much room there is.
  await allow(2_500_000);
  const { Failed: refused } = await inspect(page);
  assert.match(refused ?? 'no failure', /model\.safetensors: (no room is left in the browser's|.* MiB are needed in the browser's)/);
  await allow(100_000_000);
  assert.equal((await inspect(page)).Failed, undefined);
  const starts = hub.requests.filter(([path]) => path === WEIGHTS).map(([, start]) => start);
  assert.ok(starts.at(-1) > 0 || starts.length === 1, starts.join());
});

test('storage that says it is too small is asked for nothing', LIMIT, async (t) => {
  const { hub, address, page } = await hubAndPage(t, {
    change: (path, text) => (path.endsWith('/hub.js')
      ? `StorageManager.prototype.estimate = async () => ({ quota: 3_000_000, usage: 100_000 });\n${text}`
      : text),
  });
  await bare(page, address);
  const { Failed: refused } = await inspect(page);
  assert.match(refused ?? 'no failure', /model\.safetensors: 5 MiB are needed in the browser's storage .* 3 MiB are free/);
  assert.ok(hub.requests.every(([path]) => path !== WEIGHTS));
});

test('a page that is killed at any moment leaves nothing wrong behind', LIMIT, async (t) => {
  const kills = 20;
  const { hub, files, address, page: first } = await hubAndPage(t);
  let state = 12345;
  const random = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
  hub.lie = { slow: 20 };
  const resumed = [];
  let page = first;
  for (let kill = 0; kill < kills; kill++) {
    await bare(page, address);
    // Begins with the first request; the transfer takes about two seconds.
    page.evaluate((id) => window.carryOut({ Inspect: { model: { Hub: { id } } } }), ID).catch(() => {});
    const before = hub.requests.length;
    while (hub.requests.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    resumed.push(hub.requests.at(-1));
    await new Promise((resolve) => setTimeout(resolve, random() * (kill % 4 === 3 ? 2500 : 600)));
    const context = page.context();
    const next = await context.newPage();
    await page.close({ runBeforeUnload: false });
    page = next;
    if (kill % 4 === 3) {
      // From the beginning again.
      await bare(page, address);
      const ended = await inspect(page);
      assert.equal(ended.Failed, undefined);
      await compare();
      await empty(page);
    }
  }
  async function compare() {
    const found = await kept(page);
    const names = Object.keys(found).filter((name) => !name.startsWith('list of'));
    assert.ok(names.every((name) => !name.endsWith('.part')), names.join());
    const sizes = names.map((name) => found[name].size).sort((a, b) => a - b);
    const wanted = [...files].filter(([name]) => !['README.md', 'flax_model.msgpack'].includes(name)).map(([, bytes]) => bytes.length);
    assert.deepEqual(sizes, wanted.sort((a, b) => a - b));
    const weights = names.find((name) => name.length === 64);
    assert.equal(found[weights].sha256, weights);
  }
  hub.lie = {};
  await bare(page, address);
  assert.equal((await inspect(page)).Failed, undefined);
  await compare();
  t.diagnostic(`${kills} kills; requests began at ${resumed.map(([path, start]) => `${path}:${start}`).join(', ')}`);
});
