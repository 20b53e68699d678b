// The service worker: the page works without a network after the first visit. web/tools/bundle.mjs
// puts a line `const BUNDLE = { version, files }` before this and the whole at the top of the page's
// folder, whose requests it then answers. Files of the demo are not its business: the engine's
// Worker keeps them (store.js).

/** All caches of this folder's page; other pages of the same origin have others. */
const OURS = `mirscope ${new URL(self.registration.scope).pathname} `;
const CACHE = OURS + BUNDLE.version;
const PAGE = new URL('./', self.location).href;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    // The page itself could come from a cache on the way that is older than this script.
    await cache.add(new Request(PAGE, { cache: 'reload' }));
    await cache.addAll(BUNDLE.files.map((name) => new URL(name, PAGE).href));
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(PAGE)) return;
  const path = request.url.slice(PAGE.length).replace(/[?#].*/, '');
  if (request.mode === 'navigate' && ['', 'index.html'].includes(path)) event.respondWith(page(request));
  else if (BUNDLE.files.includes(path)) event.respondWith(part(request));
});

/** The newest page there is: it names the version of all other files. */
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

/** A file of this version: its address names its content. */
async function part(request) {
  const kept = await (await caches.open(CACHE)).match(request, { ignoreSearch: true });
  return kept ?? fetch(request);
}
