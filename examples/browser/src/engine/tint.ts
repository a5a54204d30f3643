/** Whether a picture in RGB has colours of its own, or only a tint like sepia. */
import { labOfRgb } from "./lab.ts";

const SIDE = 160;
const TONES = 8;
const LEVEL = 8;
const SHARE = 0.05;

/**
 * Looks at the rows of a picture as they come, at a longer side of at most 160 pixels (box
 * filter). It is in colour if more than 5 % of it is at least 8 CIE units of a*b* away from the
 * median of what is as light.
 */
export class ColorFinder {
  private readonly width;
  private readonly height;
  private readonly column: Int32Array;
  private readonly sums: Float64Array;
  private readonly counts: Int32Array;
  private y = 0;

  constructor(
    private readonly fullWidth: number,
    private readonly fullHeight: number,
  ) {
    const scale = Math.min(1, SIDE / Math.max(fullWidth, fullHeight));
    this.width = Math.max(1, Math.round(fullWidth * scale));
    this.height = Math.max(1, Math.round(fullHeight * scale));
    this.column = Int32Array.from({ length: fullWidth }, (_, x) => cell(x, fullWidth, this.width));
    this.sums = new Float64Array(this.width * this.height * 3);
    this.counts = new Int32Array(this.width * this.height);
  }

  /** Take in the next rows: R, G, B, A for each pixel. */
  add(rgba: Uint8Array | Uint8ClampedArray): void {
    for (let at = 0; at < rgba.length; this.y++) {
      const row = cell(this.y, this.fullHeight, this.height) * this.width;
      for (let x = 0; x < this.fullWidth; x++, at += 4) {
        const to = row + this.column[x]!;
        this.counts[to]! += 1;
        this.sums[3 * to]! += rgba[at]!;
        this.sums[3 * to + 1]! += rgba[at + 1]!;
        this.sums[3 * to + 2]! += rgba[at + 2]!;
      }
    }
  }

  hasColors(): boolean {
    const tones: [number, number][][] = Array.from({ length: TONES }, () => []);
    this.counts.forEach((count, i) => {
      const mean = (channel: number) => Math.round(this.sums[3 * i + channel]! / count);
      const [l, a, b] = labOfRgb(mean(0), mean(1), mean(2));
      tones[Math.min(Math.trunc((l * TONES) / 100), TONES - 1)]!.push([a, b]);
    });
    let away = 0;
    for (const tone of tones) {
      const a = median(tone.map((color) => color[0]));
      const b = median(tone.map((color) => color[1]));
      away += tone.filter((color) => Math.hypot(color[0] - a, color[1] - b) > LEVEL).length;
    }
    return away / this.counts.length > SHARE;
  }
}

/** The cell of a box filter into which value `i` of `n` falls. */
function cell(i: number, n: number, cells: number): number {
  const near = Math.min(Math.floor(((i + 0.5) * cells) / n), cells - 1);
  const edge = (k: number) => Math.floor((k * n) / cells + 0.5);
  if (i < edge(near)) return near - 1;
  return i >= edge(near + 1) ? near + 1 : near;
}

/** The middle value; of an even number the upper one, as the Python runtime takes it. */
function median(values: number[]): number {
  return values.sort((p, q) => p - q)[values.length >> 1]!;
}
