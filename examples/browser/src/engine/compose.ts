/**
 * The photograph's own light with the network's a* and b*: upsampling, gamut, sRGB.
 *
 * `gamut: chroma`: a colour is in sRGB if each linear value lies in -0.0001..1.0001. Where
 * (L*, a*, b*) is not, t starts at 0; for step = 1/2, 1/4 ... 1/1024, t grows by step if
 * L*, (t + step) a*, (t + step) b* is in sRGB. The colour is L*, t a*, t b*. Strength multiplies
 * a* and b* before.
 */
import { F_OF_GRAY, RGB_FROM_RELATIVE, relativeFromF, srgbEncode } from "./lab.ts";
import { Bilinear, type Chroma } from "./upsample.ts";

export interface Gray {
  width: number;
  height: number;
  data: Uint8Array;
}

/** A part of a photograph, in its pixels. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

const HALVINGS = 10;
const SLACK = 1e-4;
/** Steps of the table for the sRGB curve: a fifth of a level where it is steepest. */
const STEPS = 2 ** 14;
const CODES = Uint8Array.from({ length: STEPS }, (_, i) =>
  Math.round(srgbEncode((i + 0.5) / STEPS) * 255),
);
const [RED, GREEN, BLUE] = RGB_FROM_RELATIVE as [number[], number[], number[]];
const [RX, RY, RZ] = RED as [number, number, number];
const [GX, GY, GZ] = GREEN as [number, number, number];
const [BX, BY, BZ] = BLUE as [number, number, number];

/** Colour one region of a photograph: R, G, B, 255 for each pixel. */
export function compose(
  gray: Gray,
  chroma: Chroma,
  strength: number,
  region: Region = { left: 0, top: 0, width: gray.width, height: gray.height },
): Uint8ClampedArray<ArrayBuffer> {
  const { left, top, width, height } = region;
  const out = new Uint8ClampedArray(width * height * 4);
  const planes = ([0, 1] as const).map(
    (plane) => new Bilinear(chroma, plane, gray.height, gray.width, left, width),
  );
  const a = new Float32Array(width);
  const b = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    planes[0]!.row(top + y, a);
    planes[1]!.row(top + y, b);
    paintRow(gray.data, (top + y) * gray.width + left, a, b, strength, out, y * width * 4);
  }
  return out;
}

function paintRow(
  gray: Uint8Array,
  from: number,
  a: Float32Array,
  b: Float32Array,
  strength: number,
  out: Uint8ClampedArray,
  to: number,
): void {
  for (let i = 0; i < a.length; i++, to += 4) {
    const fy = F_OF_GRAY[gray[from + i]!]!;
    const y = relativeFromF(fy);
    const dx = (a[i]! * strength) / 500;
    const dz = (b[i]! * strength) / -200;
    let x = relativeFromF(fy + dx);
    let z = relativeFromF(fy + dz);
    if (!inGamut(x, y, z)) {
      const t = largestChroma(fy, y, dx, dz);
      x = relativeFromF(fy + dx * t);
      z = relativeFromF(fy + dz * t);
    }
    out[to] = code(RX * x + RY * y + RZ * z);
    out[to + 1] = code(GX * x + GY * y + GZ * z);
    out[to + 2] = code(BX * x + BY * y + BZ * z);
    out[to + 3] = 255;
  }
}

function largestChroma(fy: number, y: number, dx: number, dz: number): number {
  let t = 0;
  for (let i = 0, step = 0.5; i < HALVINGS; i++, step /= 2) {
    const more = t + step;
    if (inGamut(relativeFromF(fy + dx * more), y, relativeFromF(fy + dz * more))) t = more;
  }
  return t;
}

function inGamut(x: number, y: number, z: number): boolean {
  const r = RX * x + RY * y + RZ * z;
  const g = GX * x + GY * y + GZ * z;
  const b = BX * x + BY * y + BZ * z;
  return Math.min(r, g, b) >= -SLACK && Math.max(r, g, b) <= 1 + SLACK;
}

function code(linear: number): number {
  return CODES[Math.min(Math.max(Math.trunc(linear * STEPS), 0), STEPS - 1)]!;
}
