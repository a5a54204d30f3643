/** onnxruntime-web: its script as it is published, and its one WebAssembly file. */
import scriptUrl from "../../node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs?url";
import wasmUrl from "../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm?url";
import type { Progress } from "../engine/download.ts";
import { ToolkitError } from "../engine/errors.ts";
import type { Runtime } from "../engine/network.ts";
import { fetchKept } from "./store.ts";

declare const __WASM_BYTES__: number;

/** A function with one 128-bit instruction: a browser without SIMD refuses it. */
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
);

export async function loadRuntime(threads: number, progress: Progress): Promise<Runtime> {
  if (!WebAssembly.validate(SIMD)) throw new ToolkitError("simd");
  const script = new URL(scriptUrl, self.location.href).href;
  const wasm = new URL(wasmUrl, self.location.href).href;
  const loading = import(/* @vite-ignore */ script) as Promise<Runtime>;
  const [runtime, binary] = await Promise.all([
    loading.catch(() => {
      throw new ToolkitError("network", scriptUrl);
    }),
    fetchKept(wasm, __WASM_BYTES__, progress, async () => undefined),
  ]);
  runtime.env.wasm.wasmBinary = binary;
  runtime.env.wasm.numThreads = threads;
  return runtime;
}
