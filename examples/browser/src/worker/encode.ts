/** The coloured photograph as a file, with the original's metadata. */
import { ToolkitError } from "../engine/errors.ts";
import type { Kept, Photo } from "../engine/photo.ts";
import { type Band, bands, type Look, packed } from "../engine/result.ts";
import type { Chroma } from "../engine/upsample.ts";
import type { Bytes } from "../formats/bytes.ts";
import { withMetadata } from "../formats/jpeg.ts";
import { writePng } from "../formats/png.ts";
import { holdsPixels } from "./decode.ts";
import type { Format, NoJpeg, Saved } from "./protocol.ts";

const QUALITY = 0.92;

/** Write it as `format`; as a PNG what no JPEG can hold, or no canvas of this browser. */
export async function encode(
  photo: Photo,
  chroma: Chroma,
  look: Look,
  format: Format,
): Promise<Saved> {
  const { width, height } = photo.gray;
  let reason: NoJpeg | null = null;
  if (format === "jpeg" && photo.alpha) reason = "transparent";
  else if (format === "jpeg") {
    try {
      const file = await jpeg(width, height, bands(photo, chroma, look), photo.kept);
      return { file, format, reason };
    } catch (error) {
      if (!(error instanceof ToolkitError)) throw error;
      reason = "tooLargeForJpeg";
    }
  }
  const channels = photo.alpha ? 4 : 3;
  const rows = packed(bands(photo, chroma, look), channels);
  const file = await writePng(width, height, channels, rows, photo.kept);
  return { file, format: "png", reason };
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
  if (!pen || !holdsPixels(pen, width, height)) throw tooLarge;
  for (const { top, rgba } of all) pen.putImageData(new ImageData(rgba, width), 0, top);
  const encoded = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY }).catch(() => {
    throw tooLarge;
  });
  const bytes: Bytes = withMetadata(new Uint8Array(await encoded.arrayBuffer()), kept);
  return new Blob([bytes], { type: "image/jpeg" });
}
