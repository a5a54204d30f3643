/** Files of the page's own host: with true progress, kept for use without a network. */
import type { Bytes } from "../formats/bytes.ts";
import { ToolkitError } from "./errors.ts";

export type Progress = (done: number, total: number) => void;

/** Fetch `url`, whose size is known, from the store or the host. Throws `ToolkitError`. */
export async function download(url: string, size: number, progress: Progress): Promise<Bytes> {
  const response = await answer(url);
  if (!response.ok || !response.body) throw new ToolkitError("network", `${url}: ${response.status}`);
  const all = new Uint8Array(size);
  let done = 0;
  const reader = response.body.getReader();
  for (let got = await reader.read(); !got.done; got = await reader.read()) {
    if (done + got.value.length > size) throw new ToolkitError("hash", url);
    all.set(got.value, done);
    done += got.value.length;
    progress(done, size);
  }
  if (done !== size) throw new ToolkitError("network", url);
  return all;
}

/** Fetch and read JSON. Throws `ToolkitError`. */
export async function downloadJson(url: string): Promise<unknown> {
  const response = await answer(url);
  if (!response.ok) throw new ToolkitError("network", `${url}: ${response.status}`);
  return response.json().catch(() => {
    throw new ToolkitError("contract", `${url} is not JSON`);
  });
}

/** Throws `ToolkitError` if `data` are not what `sha256` says. */
export async function checkHash(data: Bytes, sha256: string, name: string): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new ToolkitError("hash", name);
}

async function answer(url: string): Promise<Response> {
  try {
    return await fetch(url);
  } catch {
    throw new ToolkitError("network", url);
  }
}
