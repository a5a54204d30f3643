/** The pixels of a PNG as R, G, B, A of 8 bits, some rows at a time, without a canvas. */
import { ToolkitError } from "../engine/errors.ts";
import type { Bytes } from "./bytes.ts";
import { paeth, type PngHead } from "./png.ts";

const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
const BAND = 64;

/** Whether the rows can be read here: the rest is left to the browser's own decoder. */
export function canRead(png: PngHead): boolean {
  return !png.interlaced && !!DEPTHS[png.color]?.includes(png.depth);
}

/** Whether some pixel may be transparent. */
export function hasAlpha(png: PngHead): boolean {
  return png.color >= 4 || png.transparency !== null;
}

/** The rows, at most 64 at a time. Throws `ToolkitError` if they end too early. */
export async function* rows(png: PngHead): AsyncGenerator<Uint8Array> {
  const bits = CHANNELS[png.color]! * png.depth;
  const stride = Math.ceil((png.width * bits) / 8);
  const step = Math.max(1, bits >> 3);
  const expand = expander(png);
  let above = new Uint8Array(stride);
  let band = new Uint8Array(Math.min(BAND, png.height) * png.width * 4);
  let inBand = 0;
  let left = png.height;
  for await (const line of lines(png, stride + 1)) {
    const row = line.slice(1);
    unfilter(line[0]!, row, above, step);
    expand(row, band.subarray(inBand * png.width * 4));
    above = row;
    inBand += 1;
    left -= 1;
    if (inBand < BAND && left > 0) continue;
    yield band.subarray(0, inBand * png.width * 4);
    if (left === 0) return;
    band = new Uint8Array(Math.min(BAND, left) * png.width * 4);
    inBand = 0;
  }
  throw new ToolkitError("truncated");
}

/** What the compressed data hold, cut into lines of `length` bytes. */
async function* lines(png: PngHead, length: number): AsyncGenerator<Uint8Array> {
  const source = new Blob(png.data as Bytes[]).stream();
  const reader = source.pipeThrough(new DecompressionStream("deflate")).getReader();
  let rest = new Uint8Array(0);
  try {
    for (let got = await reader.read(); !got.done; got = await reader.read()) {
      const all = new Uint8Array(rest.length + got.value.length);
      all.set(rest);
      all.set(got.value, rest.length);
      let at = 0;
      for (; at + length <= all.length; at += length) yield all.subarray(at, at + length);
      rest = all.slice(at);
    }
  } catch (error) {
    throw error instanceof ToolkitError ? error : new ToolkitError("damaged");
  } finally {
    reader.cancel().catch(() => undefined); // it has failed already, and the reason is told above
  }
}

function unfilter(kind: number, row: Uint8Array, above: Uint8Array, step: number): void {
  if (kind > 4) throw new ToolkitError("damaged");
  if (kind === 0) return;
  for (let i = 0; i < row.length; i++) {
    const left = i < step ? 0 : row[i - step]!;
    const corner = i < step ? 0 : above[i - step]!;
    const up = above[i]!;
    if (kind === 1) row[i]! += left;
    else if (kind === 2) row[i]! += up;
    else if (kind === 3) row[i]! += (left + up) >> 1;
    else row[i]! += paeth(left, up, corner);
  }
}

type Expand = (row: Uint8Array, out: Uint8Array) => void;

/** From a row as it is stored to R, G, B, A. */
function expander(png: PngHead): Expand {
  const { width, color } = png;
  const sample = sampler(png);
  const alphaOf = keyed(png);
  if (color === 3) return (row, out) => expandPalette(png, (i) => sample(row, i), out);
  const channels = CHANNELS[color]!;
  const gray = channels < 3;
  return (row, out) => {
    for (let x = 0, i = 0; x < width; x++, i += channels) {
      out[4 * x] = sample(row, i);
      out[4 * x + 1] = gray ? out[4 * x]! : sample(row, i + 1);
      out[4 * x + 2] = gray ? out[4 * x]! : sample(row, i + 2);
      out[4 * x + 3] = color >= 4 ? sample(row, i + channels - 1) : alphaOf(row, i);
    }
  };
}

/** Value `i` of a row, of 8 bits; 16 bits of a gray picture are rounded, as the runtime does. */
function sampler(png: PngHead): (row: Uint8Array, i: number) => number {
  const { depth, color } = png;
  if (depth === 8) return (row, i) => row[i]!;
  if (depth === 16 && color !== 0) return (row, i) => row[2 * i]!;
  if (depth === 16) return (row, i) => Math.trunc((deep(row, i) + 128) / 257);
  const top = 2 ** depth - 1;
  const scale = color === 3 ? 1 : 255 / top;
  return (row, i) => {
    const bit = i * depth;
    return ((row[bit >> 3]! >> (8 - depth - (bit & 7))) & top) * scale;
  };
}

/** Alpha of a picture in which one value stands for clear. */
function keyed(png: PngHead): (row: Uint8Array, i: number) => number {
  const key = png.transparency;
  if (!key || png.color === 3) return () => 255;
  const channels = CHANNELS[png.color]!;
  const wanted = Array.from({ length: channels }, (_, c) => deep(key, c));
  const plain = sampler({ ...png, color: 3 });
  const value = png.depth === 16 ? deep : plain;
  return (row, i) => (wanted.every((want, c) => value(row, i + c) === want) ? 0 : 255);
}

function expandPalette(png: PngHead, index: (i: number) => number, out: Uint8Array): void {
  const palette = png.palette ?? new Uint8Array(0);
  for (let x = 0; x < png.width; x++) {
    const at = index(x);
    out.set(palette.subarray(3 * at, 3 * at + 3), 4 * x);
    out[4 * x + 3] = png.transparency?.[at] ?? 255;
  }
}

function deep(row: Uint8Array, i: number): number {
  return (row[2 * i]! << 8) | row[2 * i + 1]!;
}
