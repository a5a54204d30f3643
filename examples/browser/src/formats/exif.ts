/** EXIF as a TIFF structure: the orientation is read and reset, the gray thumbnail let go. */
import { view } from "./bytes.ts";

const ORIENTATION = 0x0112;

/** The orientation, 1 to 8; 1 where there is none or it makes no sense. */
export function orientation(tiff: Uint8Array): number {
  const value = find(tiff)?.value ?? 1;
  return value >= 1 && value <= 8 ? value : 1;
}

/** A copy for a picture that has been turned upright, without its link to the thumbnail. */
export function upright(tiff: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(tiff);
  const directory = open(copy);
  if (!directory) return new Uint8Array(0); // damaged: dropped
  const { data, little, at, count } = directory;
  const found = find(copy);
  if (found) data.setUint16(found.at + 8, 1, little);
  const next = at + 2 + 12 * count;
  if (next + 4 <= copy.length) data.setUint32(next, 0, little);
  return copy;
}

function find(tiff: Uint8Array): { at: number; value: number } | null {
  const directory = open(tiff);
  if (!directory) return null;
  const { data, little, at, count } = directory;
  for (let i = 0; i < count; i++) {
    const entry = at + 2 + 12 * i;
    if (data.getUint16(entry, little) !== ORIENTATION) continue;
    return { at: entry, value: data.getUint16(entry + 8, little) };
  }
  return null;
}

function open(tiff: Uint8Array) {
  if (tiff.length < 14) return null;
  const data = view(tiff);
  const little = data.getUint16(0) === 0x4949;
  if (!little && data.getUint16(0) !== 0x4d4d) return null;
  const at = data.getUint32(4, little);
  if (at + 2 > tiff.length) return null;
  const count = data.getUint16(at, little);
  return at + 2 + 12 * count <= tiff.length ? { data, little, at, count } : null;
}
