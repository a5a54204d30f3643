/**
 * `resample: triangle` of the contract: the photograph's gray at the network's size.
 *
 * The gray value as the file stores it is averaged with triangle weights of half width
 * max(1, scale) around each half-pixel centre, the weights renormalised where they reach over an
 * edge, rows first, then columns; L* is taken afterwards.
 */
import type { Size } from "./contract.ts";
import { lOfGray } from "./lab.ts";

export interface Plane {
  width: number;
  height: number;
  data: Float32Array;
}

/** The size at which the network sees a photograph; each side the nearest multiple. */
export function networkSize(size: Size, height: number, width: number): [number, number] {
  if ("height" in size) return [size.height, size.width];
  const { multiple_of: n, preferred, minimum, maximum } = size;
  const short = Math.min(height, width);
  const side = (length: number) => {
    const units = Math.floor((2 * length * preferred + short * n) / (2 * short * n));
    return Math.min(Math.max(units * n, minimum), maximum);
  };
  return [side(height), side(width)];
}

/** L* in 0..100 of a gray picture at the network's size. */
export function lightness(
  gray: Uint8Array,
  from: { width: number; height: number },
  height: number,
  width: number,
): Float32Array {
  const small = shrink(gray, from, height, width);
  return small.map((value) => lOfGray(Math.fround(value) / 255));
}

/** Resample a gray picture with the triangle filter; levels stay on the scale 0..255. */
export function shrink(
  gray: Uint8Array,
  from: { width: number; height: number },
  height: number,
  width: number,
): Float32Array {
  const rows = new Float32Array(height * from.width);
  for (let y = 0; y < height; y++) {
    const { start, weights } = triangleWeights(from.height, height, y);
    const sum = new Float64Array(from.width);
    weights.forEach((weight, k) => {
      const row = (start + k) * from.width;
      for (let x = 0; x < sum.length; x++) sum[x]! += weight * gray[row + x]!;
    });
    rows.set(sum, y * from.width);
  }
  const out = new Float32Array(height * width);
  for (let x = 0; x < width; x++) {
    const { start, weights } = triangleWeights(from.width, width, x);
    for (let y = 0; y < height; y++) {
      const row = y * from.width + start;
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * rows[row + k]!;
      out[y * width + x] = sum;
    }
  }
  return out;
}

/** The weights with which `n` values make value `i` of `size`; they sum to 1. */
export function triangleWeights(n: number, size: number, i: number) {
  const scale = n / size;
  const reach = Math.max(1, scale);
  const centre = (i + 0.5) * scale;
  const start = Math.max(0, Math.floor(centre - reach));
  const stop = Math.min(n, Math.ceil(centre + reach));
  const weights = Float64Array.from({ length: stop - start }, (_, k) =>
    Math.max(0, 1 - Math.abs(start + k + 0.5 - centre) / reach),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return { start, weights: weights.map((w) => w / sum) };
}
