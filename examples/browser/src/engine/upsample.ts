/** `upsample: bilinear` of the contract: half-pixel centres, edges clamped. */

/** a* and b* in CIE units at the network's size, one plane after the other. */
export interface Chroma {
  width: number;
  height: number;
  data: Float32Array;
}

/** For each of `size` places the two of `n` around it, and how near it is to the second. */
export function places(n: number, size: number) {
  const before = new Int32Array(size);
  const after = new Int32Array(size);
  const near = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const at = Math.min(Math.max((i + 0.5) * (n / size) - 0.5, 0), n - 1);
    before[i] = Math.floor(at);
    after[i] = Math.min(before[i]! + 1, n - 1);
    near[i] = at - before[i]!;
  }
  return { before, after, near };
}

/** The rows of one plane at the photograph's size; only two wide rows are held. */
export class Bilinear {
  private readonly rows;
  private readonly columns;
  private readonly wide = new Map<number, Float32Array>();

  constructor(
    private readonly chroma: Chroma,
    private readonly plane: 0 | 1,
    height: number,
    width: number,
    private readonly left: number,
    private readonly count: number,
  ) {
    this.rows = places(chroma.height, height);
    this.columns = places(chroma.width, width);
  }

  /** Put columns `left` to `left + count` of row `y` into `out`. */
  row(y: number, out: Float32Array): void {
    const above = this.widened(this.rows.before[y]!);
    const below = this.widened(this.rows.after[y]!);
    const near = this.rows.near[y]!;
    for (let x = 0; x < out.length; x++) out[x] = above[x]! + (below[x]! - above[x]!) * near;
  }

  private widened(row: number): Float32Array {
    const found = this.wide.get(row);
    if (found) return found;
    const { before, after, near } = this.columns;
    const { width, height, data } = this.chroma;
    const base = (this.plane * height + row) * width;
    const wide = new Float32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const x = this.left + i;
      const from = data[base + before[x]!]!;
      wide[i] = from + (data[base + after[x]!]! - from) * near[x]!;
    }
    for (const old of this.wide.keys()) if (old < row - 1 || old > row + 1) this.wide.delete(old);
    this.wide.set(row, wide);
    return wide;
  }
}
