/**
 * The page without a network, and isolated also where its host sends no headers.
 *
 * The page's files are named by their hash, so a kept one is never old. The start page and what
 * says which models there are come from the network while there is one.
 */
import { FILES, SHELL } from "./names.ts";

declare const self: ServiceWorkerGlobalScope;
/** Written by the build: the page's files, a name for this list, and the one large file. */
declare const __SHELL__: { version: string; files: string[]; wasm: string };

const shell = SHELL + __SHELL__.version;
/** What cross-origin isolation needs; without it WebAssembly has one thread. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) {
    event.respondWith(respond(event.request));
  }
});

async function install(): Promise<void> {
  const store = await caches.open(shell);
  await store.addAll(["./", "models.json", ...__SHELL__.files]);
  const names = (await (await store.match("models.json"))!.json()) as string[];
  await store.addAll(names.map((name) => `models/${encodeURIComponent(name)}/manifest.json`));
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(SHELL) && name !== shell) await caches.delete(name);
  }
  const files = await caches.open(FILES);
  for (const { url } of await files.keys()) {
    if (url.endsWith(".wasm") && !url.endsWith(__SHELL__.wasm)) await files.delete(url);
  }
  await self.clients.claim();
}

async function respond(request: Request): Promise<Response> {
  const changes = request.mode === "navigate" || /\.json$/.test(new URL(request.url).pathname);
  const response = changes ? await fresh(request) : await kept(request);
  if (response.type === "error" || response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const { status, statusText } = response;
  const empty = [101, 204, 205, 304].includes(status);
  return new Response(empty ? null : response.body, { status, statusText, headers });
}

async function fresh(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok) await (await caches.open(shell)).put(request, response.clone());
    return response;
  } catch {
    const options = { ignoreSearch: true };
    const start = request.mode === "navigate" ? await caches.match("./", options) : undefined;
    return start ?? (await caches.match(request, options)) ?? Response.error();
  }
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
