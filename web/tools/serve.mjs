// A small static server for this machine alone: node web/tools/serve.mjs FOLDER [--port N]
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.jpg': 'image/jpeg',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
};

/**
 * Serves `folder` on 127.0.0.1 below the path `mount`; port 0 takes any free one. `before(path)` is
 * awaited for each request and may return a status to answer with instead of the file;
 * `change(path, text)` may return another text for a script; `cut(path, start)` may return after how
 * many bytes, of those asked for, the connection is cut. `spoil(path, bytes)` may
 * change any file's bytes. Resolves with `{ address, close }`.
 */
export function serve(folder, { port = 0, mount = '/', before = async () => null, change = null, cut = () => null, spoil = null } = {}) {
  const root = resolve(folder);
  const server = createServer(async (request, response) => {
    const answer = (status, text) => response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET and HEAD only');
      const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
      const refused = await before(path);
      if (refused) return answer(refused, 'refused');
      if (!path.startsWith(mount)) return answer(404, `nothing here: the page is at ${mount}`);
      const file = normalize(join(root, path.slice(mount.length) || 'index.html'));
      if (!file.startsWith(root + sep)) return answer(403, 'outside of the folder');
      const found = await stat(file).catch(() => null);
      if (!found?.isFile()) return answer(404, `no such file: ${path}`);
      if (change && file.endsWith('.js')) {
        const text = change(path, await readFile(file, 'utf8'));
        return response.writeHead(200, { 'content-type': TYPES['.js'] }).end(text);
      }
      if (spoil) {
        const bytes = spoil(path, await readFile(file));
        return response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(bytes);
      }
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
      const start = range ? Number(range[1]) : 0;
      if (range && start >= found.size) {
        return response.writeHead(416, { 'content-range': `bytes */${found.size}` }).end();
      }
      response.writeHead(range ? 206 : 200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
        'content-length': found.size - start,
        'accept-ranges': 'bytes',
        ...(range && { 'content-range': `bytes ${start}-${found.size - 1}/${found.size}` }),
        'cache-control': 'no-cache',
      });
      if (request.method === 'HEAD') return response.end();
      const last = cut(path, start);
      const content = createReadStream(file, { start, end: last === null ? Infinity : start + last - 1 });
      content.on('error', () => response.destroy()).pipe(response, { end: last === null });
      // Cut off, not ended: the reader was promised more.
      if (last !== null) content.on('end', () => setTimeout(() => response.destroy(), 50));
    } catch {
      answer(400, 'not understood');
    }
  });
  return new Promise((resolved, rejected) => {
    server.on('error', rejected);
    server.listen(port, '127.0.0.1', () =>
      resolved({
        address: `http://localhost:${server.address().port}${mount}`,
        close: () => {
          server.closeAllConnections();
          return new Promise((closed) => server.close(closed));
        },
      }),
    );
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, option, port = '8080'] = process.argv.slice(2);
  if (!folder || (option && option !== '--port') || !/^\d+$/.test(port)) {
    console.error('usage: node web/tools/serve.mjs FOLDER [--port N]');
    process.exit(2);
  }
  try {
    const { address } = await serve(folder, { port: Number(port) });
    console.log(`Serving ${folder} on ${address} (Ctrl+C ends it)`);
  } catch (error) {
    console.error(
      error.code === 'EADDRINUSE'
        ? `port ${port} is taken: choose another with --port N`
        : `the server could not start: ${error.message}`,
    );
    process.exit(1);
  }
}
