/** PNG files (ISO/IEC 15948): their chunks, and a writer that never holds the whole picture. */
import { ToolkitError } from "../engine/errors.ts";
import { ascii, type Bytes, crc32, fromAscii, joined, view } from "./bytes.ts";
import { upright } from "./exif.ts";
import { uprightXmp } from "./jpeg.ts";

export const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const XMP = "XML:com.adobe.xmp\0\0\0\0\0";
const TEXTS = ["tEXt", "zTXt", "iTXt"];
const PAETH = 4;

export interface PngHead {
  width: number;
  height: number;
  depth: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha. */
  color: number;
  interlaced: boolean;
  palette: Uint8Array | null;
  transparency: Uint8Array | null;
  exif: Uint8Array | null;
  xmp: Uint8Array | null;
  /** The nine bytes of `pHYs`. */
  resolution: Uint8Array | null;
  hasProfile: boolean;
  /** Texts that are not XMP. */
  hasCaptions: boolean;
  data: Uint8Array[];
}

/** Read the chunks, each with its checksum. Throws `ToolkitError`. */
export function readPng(file: Uint8Array): PngHead {
  const chunks = readChunks(file);
  const first = (name: string) => chunks.find((chunk) => chunk.name === name)?.body ?? null;
  const header = first("IHDR");
  if (header?.length !== 13) throw new ToolkitError("damaged");
  const facts = view(header);
  const xmp = chunks.find(({ name, body }) => name === "iTXt" && isXmp(body))?.body;
  return {
    width: facts.getUint32(0),
    height: facts.getUint32(4),
    depth: header[8]!,
    color: header[9]!,
    interlaced: header[12] !== 0,
    palette: first("PLTE"),
    transparency: first("tRNS"),
    exif: first("eXIf"),
    xmp: xmp?.subarray(XMP.length) ?? null,
    resolution: first("pHYs"),
    hasProfile: first("iCCP") !== null,
    hasCaptions: chunks.some(({ name, body }) => TEXTS.includes(name) && !isXmp(body)),
    data: chunks.filter((chunk) => chunk.name === "IDAT").map((chunk) => chunk.body),
  };
}

function isXmp(body: Uint8Array): boolean {
  return ascii(body, 0, Math.min(XMP.length, body.length)) === XMP;
}

function readChunks(file: Uint8Array): { name: string; body: Uint8Array }[] {
  const chunks = [];
  const data = view(file);
  for (let at = SIGNATURE.length; at + 12 <= file.length; ) {
    const length = data.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > file.length) break;
    const name = ascii(file, at + 4, at + 8);
    if (crc32(file.subarray(at + 4, end)) !== data.getUint32(end)) {
      throw new ToolkitError("damaged");
    }
    if (name === "IEND") return chunks;
    chunks.push({ name, body: file.subarray(at + 8, end) });
    at = end + 4;
  }
  throw new ToolkitError("truncated");
}

/** What is kept of the original in a PNG. */
export interface PngKept {
  exif?: Uint8Array | null;
  xmp?: Uint8Array | null;
  resolution?: Uint8Array | null;
}

/**
 * A PNG of 8 bits from rows that come in parts: `parts` gives some rows at a time, 3 or 4
 * channels for each pixel.
 */
export async function writePng(
  width: number,
  height: number,
  channels: 3 | 4,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  kept: PngKept = {},
): Promise<Blob> {
  const header = new Uint8Array(13);
  view(header).setUint32(0, width);
  view(header).setUint32(4, height);
  header.set([8, channels === 3 ? 2 : 6], 8);
  const out: BlobPart[] = [SIGNATURE, chunk("IHDR", header), chunk("sRGB", new Uint8Array(1))];
  if (kept.resolution) out.push(chunk("pHYs", kept.resolution));
  if (kept.exif) out.push(chunk("eXIf", upright(kept.exif)));
  if (kept.xmp) out.push(chunk("iTXt", joined(fromAscii(XMP), uprightXmp(kept.xmp))));
  const deflate = new CompressionStream("deflate");
  const written = filterRows(width * channels, channels, parts, deflate.writable.getWriter());
  const reader = deflate.readable.getReader();
  for (let got = await reader.read(); !got.done; got = await reader.read()) {
    out.push(chunk("IDAT", got.value));
  }
  await written;
  return new Blob([...out, chunk("IEND", new Uint8Array(0))], { type: "image/png" });
}

async function filterRows(
  stride: number,
  channels: number,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  writer: WritableStreamDefaultWriter<BufferSource>,
): Promise<void> {
  let above = new Uint8Array(stride);
  for await (const part of parts) {
    const rows = part.length / stride;
    const out = new Uint8Array(rows * (stride + 1));
    for (let y = 0; y < rows; y++) {
      const row = new Uint8Array(part.subarray(y * stride, (y + 1) * stride));
      const to = y * (stride + 1);
      out[to] = PAETH;
      for (let i = 0; i < stride; i++) {
        const left = i < channels ? 0 : row[i - channels]!;
        const corner = i < channels ? 0 : above[i - channels]!;
        out[to + 1 + i] = row[i]! - paeth(left, above[i]!, corner);
      }
      above = row;
    }
    await writer.write(out);
  }
  await writer.close();
}

/** The predictor of filter 4. */
export function paeth(left: number, above: number, corner: number): number {
  const p = left + above - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - above), Math.abs(p - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

function chunk(name: string, body: Uint8Array): Bytes {
  const all = new Uint8Array(12 + body.length);
  const data = view(all);
  data.setUint32(0, body.length);
  all.set(fromAscii(name), 4);
  all.set(body, 8);
  data.setUint32(8 + body.length, crc32(all.subarray(4, 8 + body.length)));
  return all;
}
