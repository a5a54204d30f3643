/** A photograph's gray levels, and all that must outlive the colouring. */
import type { Bytes } from "../formats/bytes.ts";
import { orientation } from "../formats/exif.ts";
import { readJpeg } from "../formats/jpeg.ts";
import { readPng } from "../formats/png.ts";
import * as pngRows from "../formats/png_rows.ts";
import { type Kind, sniff } from "../formats/sniff.ts";
import { turned } from "../formats/turn.ts";
import type { Gray } from "./compose.ts";
import { ToolkitError } from "./errors.ts";
import { grayOfRgb } from "./lab.ts";
import { ColorFinder } from "./tint.ts";

export const MAX_MEGAPIXELS = 100;

/** Pixels in sRGB, as R, G, B, A, some rows at a time; `rows` may be asked for again. */
export interface Pixels {
  width: number;
  height: number;
  rows(): Iterable<Uint8Array | Uint8ClampedArray> | AsyncIterable<Uint8Array>;
  close(): void;
}

/** How a browser reads what is not read here: upright and in sRGB. */
export type Decode = (file: Blob, kind: Kind) => Promise<Pixels>;

/** What the result takes over from the file. */
export interface Kept {
  kind: Kind;
  exif?: Uint8Array | null;
  xmp?: Uint8Array | null;
  /** JFIF's five bytes of resolution. */
  density?: Uint8Array | null;
  /** PNG's nine. */
  resolution?: Uint8Array | null;
}

export type Note = "profileApplied" | "sixteenBits" | "captionsDropped" | "metadataDropped";

export interface Photo {
  gray: Gray;
  alpha: Uint8Array | null;
  /** R, G, B of a picture that is in colour already; null for any other. */
  rgb: Uint8Array | null;
  kept: Kept;
  notes: Note[];
}

/** Read a picture file. Throws `ToolkitError`. */
export async function readPhoto(file: Blob, decode: Decode): Promise<Photo> {
  const bytes = await bytesOf(file);
  if (!bytes.length) throw new ToolkitError("empty");
  const kind = sniff(bytes);
  if (!kind) throw new ToolkitError("notAPicture");
  if (kind === "png") return readPngPhoto(file, bytes, decode);
  const notes: Note[] = [];
  let kept: Kept = { kind };
  if (kind === "jpeg") {
    const head = readJpeg(bytes);
    checkSize(head.width, head.height);
    kept = { kind, exif: head.exif, xmp: head.xmp, density: head.density };
    if (head.hasProfile) notes.push("profileApplied");
    if (head.hasCaptions) notes.push("captionsDropped");
  } else notes.push("metadataDropped");
  return gather(await decode(file, kind), kept, notes);
}

async function bytesOf(file: Blob): Promise<Bytes> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new ToolkitError("unreadable"); // it has been moved or deleted since it was chosen
  }
}

async function readPngPhoto(file: Blob, bytes: Bytes, decode: Decode): Promise<Photo> {
  const png = readPng(bytes);
  checkSize(png.width, png.height);
  const kept: Kept = { kind: "png", exif: png.exif, xmp: png.xmp, resolution: png.resolution };
  const notes: Note[] = [];
  if (png.depth === 16) notes.push("sixteenBits");
  if (png.hasProfile) notes.push("profileApplied");
  if (png.hasCaptions) notes.push("captionsDropped");
  if (png.hasProfile || !pngRows.canRead(png)) return gather(await decode(file, "png"), kept, notes);
  const { width, height } = png;
  const pixels = { width, height, rows: () => pngRows.rows(png), close: () => undefined };
  return upright(await gather(pixels, kept, notes), png.exif ? orientation(png.exif) : 1);
}

function checkSize(width: number, height: number): void {
  if (!width || !height) throw new ToolkitError("damaged");
  if (width * height > MAX_MEGAPIXELS * 1e6) {
    throw new ToolkitError("tooLarge", `${width} × ${height}`);
  }
}

async function gather(pixels: Pixels, kept: Kept, notes: Note[]): Promise<Photo> {
  try {
    const { width, height } = pixels;
    checkSize(width, height);
    const gray = new Uint8Array(width * height);
    const finder = new ColorFinder(width, height);
    let alpha: Uint8Array | null = null;
    let at = 0;
    for await (const rows of pixels.rows()) {
      finder.add(rows);
      for (let i = 0; i < rows.length; i += 4, at++) {
        gray[at] = grayOfRgb(rows[i]!, rows[i + 1]!, rows[i + 2]!);
        if (rows[i + 3] === 255 && !alpha) continue;
        alpha ??= new Uint8Array(width * height).fill(255);
        alpha[at] = rows[i + 3]!;
      }
    }
    const rgb = finder.hasColors() ? await colors(pixels) : null;
    return { gray: { width, height, data: gray }, alpha, rgb, kept, notes };
  } finally {
    pixels.close();
  }
}

async function colors(pixels: Pixels): Promise<Uint8Array> {
  const rgb = new Uint8Array(pixels.width * pixels.height * 3);
  let at = 0;
  for await (const rows of pixels.rows()) {
    for (let i = 0; i < rows.length; i += 4) {
      rgb[at++] = rows[i]!;
      rgb[at++] = rows[i + 1]!;
      rgb[at++] = rows[i + 2]!;
    }
  }
  return rgb;
}

function upright(photo: Photo, turn: number): Photo {
  const { gray, alpha, rgb } = photo;
  const { width, height } = gray;
  const sides = turn >= 5 ? { width: height, height: width } : { width, height };
  return {
    ...photo,
    gray: { ...sides, data: turned(gray.data, width, height, turn) },
    alpha: alpha && turned(alpha, width, height, turn),
    rgb: rgb && turned(rgb, width, height, turn, 3),
  };
}
