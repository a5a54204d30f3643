/**
 * sRGB and CIE L*a*b*, with the numbers of `toolkit/lab.py`.
 *
 * IEC 61966-2-1:1999 for the curve (0.04045, 12.92, 0.055, 2.4); CIE 15:2004 for L*a*b*
 * (0.008856, 7.787, 16/116); the matrix and the white D65, 2 degrees, of scikit-image.
 */

const XYZ_FROM_RGB = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
] as const;
const WHITE = [0.95047, 1, 1.08883] as const;
const EPSILON = 0.008856;
const KAPPA = 7.787;
const OFFSET = 16 / 116;
/** Where f changes from the straight toe to the cube, on the way back. */
const F_EPSILON = 0.2068966;
const ENCODE_STEPS = 65_535;

type Matrix = readonly (readonly number[])[];

/** sRGB in 0..1 to linear light in 0..1. */
export function srgbDecode(v: number): number {
  return v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92;
}

/** Linear light in 0..1 to sRGB in 0..1. */
export function srgbEncode(v: number): number {
  return v > 0.0031308 ? 1.055 * v ** (1 / 2.4) - 0.055 : 12.92 * v;
}

/** Linear sRGB from X, Y, Z relative to white; rows are R, G, B. */
export const RGB_FROM_RELATIVE: Matrix = inverse(XYZ_FROM_RGB).map((row) =>
  row.map((value, i) => value * WHITE[i]!),
);

/** L* in 0..100 of a gray value in 0..1. */
export function lOfGray(gray: number): number {
  const y = srgbDecode(gray);
  const f = y > EPSILON ? Math.cbrt(y) : KAPPA * y + OFFSET;
  return Math.min(Math.max(116 * f - 16, 0), 100);
}

/** X/Xn, Y/Yn or Z/Zn from its f value. */
export function relativeFromF(f: number): number {
  if (f > F_EPSILON) return f * f * f;
  return F_EPSILON * F_EPSILON * F_EPSILON + (f - F_EPSILON) / KAPPA;
}

/** (L* + 16) / 116 of each of 256 gray levels. */
export const F_OF_GRAY = Float32Array.from({ length: 256 }, (_, g) => (lOfGray(g / 255) + 16) / 116);

const DECODE = Float32Array.from({ length: 256 }, (_, v) => srgbDecode(v / 255));
const LEVELS = Float32Array.from({ length: ENCODE_STEPS + 1 }, (_, i) =>
  Math.fround(Math.fround(srgbEncode(i / ENCODE_STEPS)) * 255),
);
const WEIGHTS = XYZ_FROM_RGB[1].map(Math.fround) as [number, number, number];

/** The luminance of an sRGB pixel as a gray file stores it, 0..255; R = G = B stays as it is. */
export function grayOfRgb(r: number, g: number, b: number): number {
  if (r === g && g === b) return r;
  const { fround } = Math; // single precision, as the Python runtime, so that no level differs
  let y = fround(DECODE[r]! * WEIGHTS[0]);
  y = fround(y + fround(DECODE[g]! * WEIGHTS[1]));
  y = fround(y + fround(DECODE[b]! * WEIGHTS[2]));
  const index = Math.trunc(fround(fround(y * ENCODE_STEPS) + 0.5));
  return Math.trunc(fround(LEVELS[Math.min(Math.max(index, 0), ENCODE_STEPS)]! + 0.5));
}

/** a* and b* of an sRGB pixel of levels 0..255, and its L*. */
export function labOfRgb(r: number, g: number, b: number): [number, number, number] {
  const linear = [srgbDecode(r / 255), srgbDecode(g / 255), srgbDecode(b / 255)];
  const [x, y, z] = XYZ_FROM_RGB.map((row, i) => {
    const t = (row[0] * linear[0]! + row[1] * linear[1]! + row[2] * linear[2]!) / WHITE[i]!;
    return t > EPSILON ? Math.cbrt(t) : KAPPA * t + OFFSET;
  }) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function inverse(m: Matrix): number[][] {
  const at = (r: number, c: number) => m[(r + 3) % 3]![(c + 3) % 3]!;
  const cofactor = (r: number, c: number) =>
    at(r + 1, c + 1) * at(r + 2, c + 2) - at(r + 1, c + 2) * at(r + 2, c + 1);
  const determinant = [0, 1, 2].reduce((sum, c) => sum + at(0, c) * cofactor(0, c), 0);
  return [0, 1, 2].map((r) => [0, 1, 2].map((c) => cofactor(c, r) / determinant));
}
