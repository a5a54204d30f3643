/** Large files, kept after the first visit so that the page works without a network. */
import { download, type Progress } from "../engine/download.ts";
import type { Bytes } from "../formats/bytes.ts";
import { FILES } from "../sw/names.ts";

/** Fetch a large file; `check` throws if it is not the right one. Only a right one is kept. */
export async function fetchKept(
  url: string,
  size: number,
  progress: Progress,
  check: (data: Bytes) => Promise<void>,
): Promise<Bytes> {
  const store = await open();
  const kept = await store?.match(url);
  if (kept) {
    const data = new Uint8Array(await kept.arrayBuffer());
    try {
      await check(data);
      progress(size, size);
      return data;
    } catch {
      await store?.delete(url); // damaged on this machine's disk: fetched anew
    }
  }
  const data = await download(url, size, progress);
  await check(data);
  await keep(store, url, data);
  return data;
}

async function open(): Promise<Cache | null> {
  return caches.open(FILES).catch(() => null); // private windows may have none
}

async function keep(store: Cache | null, url: string, data: Bytes): Promise<void> {
  if (!store) return;
  const { pathname } = new URL(url);
  try {
    for (const old of await store.keys()) {
      if (new URL(old.url).pathname === pathname) await store.delete(old);
    }
    await store.put(url, new Response(data, { headers: { "Content-Type": typeOf(pathname) } }));
  } catch {
    // The browser gives no room: the page works, but not without a network.
  }
}

function typeOf(pathname: string): string {
  return pathname.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
}
