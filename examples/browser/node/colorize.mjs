// The page's engine without a browser: colour PNG files with Node and onnxruntime-web.
//
//   node node/colorize.mjs ../../exports/default photo.png photo-color.png [strength]
//
// Node has no decoder for other formats; a server that wants JPEG hands in its own `decode`.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import {
  bands,
  checkHash,
  Network,
  packed,
  readManifest,
  readPhoto,
  ToolkitError,
  writePng,
} from "../build/engine/index.js";

const [bundle, source, target, strength = "1"] = process.argv.slice(2);
if (!target) {
  console.error("usage: node colorize.mjs BUNDLE PHOTO.png RESULT.png [STRENGTH]");
  process.exit(2);
}

async function decode(_file, kind) {
  throw new ToolkitError("unsupported", kind);
}

try {
  const model = readManifest(JSON.parse(await readFile(join(bundle, "manifest.json"), "utf8")));
  const data = new Uint8Array(await readFile(join(bundle, model.file)));
  await checkHash(data, model.sha256, model.file);
  const network = await Network.open(ort, data, model.contract);
  const photo = await readPhoto(new Blob([await readFile(source)]), decode);
  const chroma = await network.predict(photo.gray);
  const look = { strength: Number(strength), keepColors: true };
  const { width, height } = photo.gray;
  const channels = photo.alpha ? 4 : 3;
  const rows = packed(bands(photo, chroma, look), channels);
  const png = await writePng(width, height, channels, rows, photo.kept);
  await writeFile(target, new Uint8Array(await png.arrayBuffer()), { flag: "wx" });
} catch (error) {
  console.error(`error: ${source}: ${error.message}`);
  process.exit(error instanceof ToolkitError ? 4 : 1);
}
