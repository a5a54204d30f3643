/** The engine in a worker: one call after the other, so that one picture is held at a time. */
import { readManifest } from "../engine/contract.ts";
import { checkHash, downloadJson } from "../engine/download.ts";
import { type ErrorCode, ToolkitError } from "../engine/errors.ts";
import { Network, type Runtime } from "../engine/network.ts";
import { Album } from "./album.ts";
import type { Answer, Call, Calls } from "./protocol.ts";
import { loadRuntime } from "./runtime.ts";
import { fetchKept } from "./store.ts";

type Handlers = {
  [K in keyof Calls]: (...values: Parameters<Calls[K]>) => Promise<ReturnType<Calls[K]>>;
};

const album = new Album();
let runtime: Runtime;
let base: string;

const handlers: Handlers = {
  async start(page, threads) {
    base = page;
    const names = await downloadJson(new URL("models.json", base).href);
    if (!Array.isArray(names) || !names.length) throw new ToolkitError("noModel");
    runtime = await loadRuntime(threads, progress("engine"));
    return names.map(String);
  },
  async use(name) {
    const folder = new URL(`models/${encodeURIComponent(name)}/`, base);
    const model = readManifest(await downloadJson(new URL("manifest.json", folder).href));
    const holder = new URL(`models/${encodeURIComponent(model.holder ?? name)}/`, base);
    const url = new URL(encodeURIComponent(model.file), holder);
    url.searchParams.set("v", model.sha256.slice(0, 16));
    const check = (data: Uint8Array<ArrayBuffer>) => checkHash(data, model.sha256, model.file);
    const data = await fetchKept(url.href, model.size, progress("model"), check);
    answer({ what: "opening" });
    await album.replace(await Network.open(runtime, data, model.contract));
  },
  open: (id, file) => album.open(id, file),
  view: (id, look, region) => album.view(id, look, region),
  save: (id, look, format) => album.save(id, look, format),
};

function progress(what: "engine" | "model") {
  return (done: number, total: number) => answer({ what, done, total });
}

function answer(message: Answer): void {
  self.postMessage(message);
}

async function handle({ call, name, values }: Call): Promise<void> {
  try {
    const handler = handlers[name] as (...all: unknown[]) => Promise<unknown>;
    answer({ call, result: await handler(...values) });
  } catch (error) {
    const [code, detail] = reason(error);
    answer({ call, error: code, detail });
  }
}

function reason(error: unknown): [ErrorCode, string] {
  if (error instanceof ToolkitError) return [error.code, error.detail];
  if (error instanceof RangeError) return ["memory", error.message]; // an array too large
  return ["bug", String(error)];
}

let queue = Promise.resolve();
self.addEventListener("message", (event: MessageEvent<Call>) => {
  queue = queue.then(() => handle(event.data));
});
