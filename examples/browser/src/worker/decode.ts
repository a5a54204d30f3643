/** The browser's own decoder: upright, in sRGB, a few rows at a time. */
import { ToolkitError } from "../engine/errors.ts";
import type { Pixels } from "../engine/photo.ts";
import type { Kind } from "../formats/sniff.ts";

const BAND_PIXELS = 2 ** 19;
/** Formats that only some browsers know. */
const RARE: Kind[] = ["tiff", "heic", "avif"];

export async function decode(file: Blob, kind: Kind): Promise<Pixels> {
  const bitmap = await bitmapOf(file, kind);
  const { width, height } = bitmap;
  const step = Math.min(height, Math.max(1, Math.floor(BAND_PIXELS / width)));
  const pen = new OffscreenCanvas(width, step).getContext("2d", { willReadFrequently: true });
  if (!pen || !holdsPixels(pen, width, step)) {
    bitmap.close();
    throw new ToolkitError("canvas", `${width} × ${height}`);
  }
  function* rows() {
    for (let top = 0; top < height; top += step) {
      const count = Math.min(step, height - top);
      pen!.clearRect(0, 0, width, count);
      pen!.drawImage(bitmap, 0, top, width, count, 0, 0, width, count);
      yield pen!.getImageData(0, 0, width, count).data;
    }
  }
  return { width, height, rows, close: () => bitmap.close() };
}

/** Whether it does: over its limit a browser may give a canvas that holds nothing. */
export function holdsPixels(
  pen: OffscreenCanvasRenderingContext2D,
  width: number,
  height: number,
): boolean {
  pen.fillRect(width - 1, height - 1, 1, 1);
  return pen.getImageData(width - 1, height - 1, 1, 1).data[3] === 255;
}

async function bitmapOf(file: Blob, kind: Kind): Promise<ImageBitmap> {
  try {
    const options = { imageOrientation: "from-image", premultiplyAlpha: "none" } as const;
    return await createImageBitmap(file, options);
  } catch {
    throw new ToolkitError(RARE.includes(kind) ? "unsupported" : "undecodable", kind);
  }
}
