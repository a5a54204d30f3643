/** Pictures upright, by their EXIF orientation. */

/** A picture of `width` x `height` after the turn that `orientation` (1 to 8) asks for. */
export function turned(
  pixels: Uint8Array,
  width: number,
  height: number,
  orientation: number,
  channels = 1,
): Uint8Array {
  if (orientation === 1) return pixels;
  const out = new Uint8Array(pixels.length);
  const [outWidth, outHeight] = orientation >= 5 ? [height, width] : [width, height];
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const [fromX, fromY] = SOURCE[orientation]!(x, y, width - 1, height - 1);
      const from = (fromY * width + fromX) * channels;
      const to = (y * outWidth + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = pixels[from + c]!;
    }
  }
  return out;
}

/** Where the upright pixel (x, y) lies in the stored picture whose last column and row are w, h. */
const SOURCE: Record<number, (x: number, y: number, w: number, h: number) => [number, number]> = {
  2: (x, y, w) => [w - x, y],
  3: (x, y, w, h) => [w - x, h - y],
  4: (x, y, _w, h) => [x, h - y],
  5: (x, y) => [y, x],
  6: (x, y, _w, h) => [y, h - x],
  7: (x, y, w, h) => [w - y, h - x],
  8: (x, y, w) => [w - y, x],
};
