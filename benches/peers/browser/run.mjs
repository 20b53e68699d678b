// One program's passes in Chromium: node run.mjs mirscope FOLDER OUT.json
//                                   node run.mjs webgpu|wasm FOLDER OUT.json PACKAGES LIMIT
// FOLDER is a prepared and exported checkpoint, PACKAGES the folder whose node_modules has onnxruntime-web,
// LIMIT the seconds that an input may take.
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { READY_WITHIN, ROOT, launch, open, passes } from '../../../web/e2e/harness.mjs';
import { serve } from '../../../web/tools/serve.mjs';

const OWN = fileURLToPath(new URL('.', import.meta.url));
const TYPES = { '.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };
/** Without these a page gets no threads. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};

const [program, folder, out, packages, limit] = process.argv.slice(2);

/** Serves the page, the package and the checkpoint to this machine alone. */
async function site() {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname.slice(1) || 'index.html';
    const [top, ...rest] = path.split('/');
    const roots = { ort: join(packages, 'node_modules/onnxruntime-web/dist'), case: folder };
    const file = roots[top] ? join(roots[top], rest.join('/')) : join(OWN, path);
    const found = await stat(file).catch(() => null);
    if (!found?.isFile() || path.includes('..')) return response.writeHead(404, ISOLATED).end();
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { ...ISOLATED, 'content-type': type, 'content-length': found.size });
    createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** onnxruntime-web, by one of its providers. */
async function onnxruntime(page) {
  const server = await site();
  await page.goto(server.address);
  await page.waitForFunction(() => window.ready);
  const told = await page.evaluate(([provider, seconds]) => window.passes(provider, seconds), [program, Number(limit)]);
  server.close();
  const device = program === 'wasm' ? `wasm, ${told.threads} threads` : await adapter(page);
  return { program: `onnxruntime-web, ${program}`, device, ...told };
}

/** This project's page: the engine in its Worker. */
async function mirscope(page) {
  const server = await serve(`${ROOT}/dist/web`);
  await open(page, server.address);
  const told = await passes(page, folder, JSON.parse(await readFile(join(folder, 'input.json'), 'utf8')));
  await server.close();
  return told;
}

/** What the browser calls its adapter. */
const adapter = (page) => page.evaluate(async () => {
  const { info } = await navigator.gpu.requestAdapter();
  return [info.vendor, info.architecture, info.description].filter(Boolean).join(' ');
});

const browser = await launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.setDefaultNavigationTimeout(READY_WITHIN);
  page.on('pageerror', (error) => console.error(String(error)));
  page.on('console', (message) => console.error(message.text()));
  const crashed = new Promise((_, reject) => page.on('crash', () => reject(new Error('the page crashed'))));
  const told = await Promise.race([program === 'mirscope' ? mirscope(page) : onnxruntime(page), crashed]);
  const where = `Chromium ${browser.version()}`;
  await writeFile(out, JSON.stringify({ where, ...told }));
} finally {
  await browser.close();
}
