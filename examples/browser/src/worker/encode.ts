/** The coloured photograph as a file, with the original's metadata. */
import { ToolkitError } from "../engine/errors.ts";
import type { Kept, Photo } from "../engine/photo.ts";
import { type Band, bands, type Look, packed } from "../engine/result.ts";
import type { Chroma } from "../engine/upsample.ts";
import type { Bytes } from "../formats/bytes.ts";
import { withMetadata } from "../formats/jpeg.ts";
import { writePng } from "../formats/png.ts";
import type { Format, Saved } from "./protocol.ts";

const QUALITY = 0.92;

/** Write it as `format`; as a PNG where the browser has no canvas of that size. */
export async function encode(
  photo: Photo,
  chroma: Chroma,
  look: Look,
  format: Format,
): Promise<Saved> {
  const { width, height } = photo.gray;
  if (format === "jpeg") {
    try {
      const file = await jpeg(width, height, bands(photo, chroma, look), photo.kept);
      return { file, format };
    } catch (error) {
      if (!(error instanceof ToolkitError)) throw error;
    }
  }
  const channels = photo.alpha ? 4 : 3;
  const rows = packed(bands(photo, chroma, look), channels);
  return { file: await writePng(width, height, channels, rows, photo.kept), format: "png" };
}

async function jpeg(
  width: number,
  height: number,
  all: Iterable<Band>,
  kept: Kept,
): Promise<Blob> {
  const tooLarge = new ToolkitError("canvas", `${width} × ${height}`);
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  if (!pen) throw tooLarge;
  let last = 0;
  for (const { top, rgba } of all) {
    pen.putImageData(new ImageData(rgba, width), 0, top);
    last = rgba.at(-4)!;
  }
  // A canvas over the browser's limit takes pixels without an error and holds none.
  if (pen.getImageData(width - 1, height - 1, 1, 1).data[0] !== last) throw tooLarge;
  const encoded = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY }).catch(() => {
    throw tooLarge;
  });
  const bytes: Bytes = withMetadata(new Uint8Array(await encoded.arrayBuffer()), kept);
  return new Blob([bytes], { type: "image/jpeg" });
}
