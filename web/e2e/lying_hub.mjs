// A model hub on this machine, which lies as it is told to.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';
export const ID = 'someone/some-model';

/** What a hub lets pages see. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'ETag, X-Error-Code, Content-Range, Accept-Ranges',
};

/**
 * Serves `files`, a `Map` of paths and `Buffer`s: `large` names those that Git LFS keeps. Files come from
 * another address than the one that is asked, as a hub's do. `lie` may be changed at any time:
 * - `api` or `file(path, start)`: `{ status, headers, text }` to answer with instead;
 * - `loop`: redirects without end; `ignoreRange`: answers from the first byte on; `wrongRange`: from another;
 * - `content(path)`: other bytes than the list of files says; `version(path)`: the file's etag;
 * - `cut(path, start)`: bytes after which the connection is cut; `slow`: milliseconds between 64 KiB.
 * `requests` collects `[path, first byte]`. `others` are more repositories, by their ids, of small files.
 */
export function lyingHub(files, large, others = {}) {
  const hub = { lie: {}, requests: [], headers: [] };
  const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
  const blob = (bytes) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const list = (id, held) => ({
    id,
    sha: COMMIT,
    gated: false,
    siblings: [...held].map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      blobId: blob(bytes),
      ...(large.includes(rfilename) && { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 134 } }),
    })),
    cardData: { license: 'apache-2.0' },
  });

  const server = createServer(async (request, response) => {
    const { lie } = hub;
    const { pathname } = new URL(request.url, 'http://localhost');
    const answer = (status, headers, body) => response.writeHead(status, { ...CORS, ...headers }).end(body);
    hub.headers.push(request.headers);
    if (pathname.startsWith('/api/models/')) {
      const told = lie.api;
      if (told) return answer(told.status ?? 200, told.headers, told.text ?? '');
      const [other, held] = Object.entries(others).find(([id]) => pathname.startsWith(`/api/models/${id}/`)) ?? [ID, files];
      return answer(200, { 'content-type': 'application/json' }, JSON.stringify(list(other, held)));
    }
    if (lie.loop) return answer(302, { location: `${pathname}` });
    const resolve = `/${ID}/resolve/${COMMIT}/`;
    if (pathname.startsWith(resolve)) {
      return answer(302, { location: `/store/${pathname.slice(resolve.length)}?signature=secret` });
    }
    for (const [id, held] of Object.entries(others)) {
      const content = held.get(pathname.slice(`/${id}/resolve/${COMMIT}/`.length));
      if (pathname.startsWith(`/${id}/`) && content) {
        hub.requests.push([`${id}/${pathname.split('/').at(-1)}`, 0]);
        return answer(200, { etag: `"${blob(content)}"` }, content);
      }
    }
    const path = decodeURIComponent(pathname.slice('/store/'.length));
    const bytes = lie.content?.(path) ?? files.get(path);
    if (!bytes) return answer(404, { 'x-error-code': 'EntryNotFound' });
    const range = lie.ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const start = range ? Number(range[1]) : 0;
    hub.requests.push([path, range ? start : 0]);
    const told = lie.file?.(path, start);
    if (told) return answer(told.status ?? 200, told.headers, told.text ?? '');
    if (range && start >= bytes.length) return answer(416, { 'content-range': `bytes */${bytes.length}` });
    const first = range && lie.wrongRange ? start + 1 : start;
    response.writeHead(range ? 206 : 200, {
      ...CORS,
      etag: `"${lie.version?.(path) ?? sha256(bytes)}"`,
      'content-length': bytes.length - first,
      ...(range && { 'content-range': `bytes ${first}-${bytes.length - 1}/${bytes.length}` }),
    });
    const cut = lie.cut?.(path, start) ?? null;
    const end = cut === null ? bytes.length : Math.min(bytes.length, first + cut);
    for (let at = first; at < end && !response.destroyed; at += 65_536) {
      response.write(bytes.subarray(at, Math.min(end, at + 65_536)));
      if (lie.slow) await new Promise((resume) => setTimeout(resume, lie.slow));
    }
    // Cut off, not ended: the reader was promised more.
    if (cut === null) response.end();
    else setTimeout(() => response.destroy(), 30);
    return null;
  });
  return new Promise((resolved) => {
    server.listen(0, '127.0.0.1', () => {
      hub.address = `http://localhost:${server.address().port}`;
      hub.close = () => {
        server.closeAllConnections();
        return new Promise((closed) => server.close(closed));
      };
      resolved(hub);
    });
  });
}
