import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const WASM = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";

/** Gives the service worker the list of the page's files, whose version is the list's hash. */
function shell(): Plugin {
  return {
    name: "shell",
    enforce: "post",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("the service worker is not in the build");
      const names = Object.keys(bundle).sort();
      const wasm = names.find((name) => name.endsWith(".wasm"));
      const files = names.filter((name) => !["sw.js", "index.html", wasm].includes(name));
      files.push("app.webmanifest", "icon.svg");
      const version = createHash("sha256").update(files.join()).digest("hex").slice(0, 16);
      const list = JSON.stringify({ version, files, wasm });
      worker.code = worker.code.replaceAll("__SHELL__", `(${list})`);
    },
  };
}

export default defineConfig({
  base: "./",
  define: { __WASM_BYTES__: statSync(WASM).size },
  plugins: [shell()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    outDir: "../../toolkit/web/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: { page: "index.html", sw: "src/sw/sw.ts" },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
