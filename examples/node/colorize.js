// Colorize photographs with an `image` model: pixels in, pixels out, nothing else to compute.
//
//   toolkit export --format onnx:image --out exports/image
//   ONNXRUNTIME_NODE_INSTALL=skip npm ci --prefix examples/node
//   node examples/node/colorize.js exports/image/default-image.onnx coloured examples/*.jpg
//
// ONNXRUNTIME_NODE_INSTALL=skip keeps the package from downloading what only GPUs need.
import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";

process.env.ORT_DISABLE_TELEMETRY ??= "1"; // before the import: it would report home
const { InferenceSession, Tensor } = await import("onnxruntime-node");
const { default: sharp } = await import("sharp");

const [model, folder, ...photographs] = process.argv.slice(2);
if (photographs.length === 0) {
  console.error("usage: node colorize.js MODEL.onnx FOLDER PHOTOGRAPH...");
  process.exit(2);
}

const session = await InferenceSession.create(model, { enableCpuMemArena: false });
mkdirSync(folder, { recursive: true });

let failed = 0;
for (const path of photographs) {
  const result = join(folder, basename(path));
  try {
    if (existsSync(result)) throw new Error(`${result} exists and is not replaced`);
    // Upright, sRGB, three channels: what the model calls `photo`, one byte for each.
    const photo = sharp(path).rotate().removeAlpha().toColourspace("srgb");
    const { data, info } = await photo.raw().toBuffer({ resolveWithObject: true });
    const shape = [1, info.height, info.width, info.channels];
    const { colours } = await session.run({ photo: new Tensor("uint8", data, shape) });
    const raw = { width: info.width, height: info.height, channels: 3 };
    await sharp(colours.data, { raw }).toFile(result);
    console.log(result);
  } catch (error) {
    failed += 1;
    console.error(`error: ${path}: ${error.message}`);
  }
}
process.exit(failed ? 3 : 0);
