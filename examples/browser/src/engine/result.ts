/** The coloured photograph as rows for a file, or a part of it for the screen. */
import { compose, type Gray, type Region } from "./compose.ts";
import type { Photo } from "./photo.ts";
import type { Chroma } from "./upsample.ts";

const BAND_PIXELS = 2 ** 18;

/** How a photograph is to look. */
export interface Look {
  strength: number;
  /** A picture that is in colour already stays as it is. */
  keepColors: boolean;
}

/** The whole photograph in bands of R, G, B, A, from the top; at no time as a whole. */
export function* bands(photo: Photo, chroma: Chroma, look: Look): Generator<Band> {
  const { width, height } = photo.gray;
  const step = Math.max(1, Math.floor(BAND_PIXELS / width));
  for (let top = 0; top < height; top += step) {
    const region = { left: 0, top, width, height: Math.min(step, height - top) };
    yield { top, rgba: part(photo, chroma, look, region) };
  }
}

export interface Band {
  top: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** One region of the photograph at its own size: R, G, B, A. */
export function part(photo: Photo, chroma: Chroma, look: Look, region: Region) {
  const out =
    look.keepColors && photo.rgb
      ? colorPart(photo.rgb, photo.gray.width, region)
      : compose(photo.gray, chroma, look.strength, region);
  if (photo.alpha) {
    for (let i = 3, y = 0; y < region.height; y++) {
      const from = (region.top + y) * photo.gray.width + region.left;
      for (let x = 0; x < region.width; x++, i += 4) out[i] = photo.alpha[from + x]!;
    }
  }
  return out;
}

function colorPart(rgb: Uint8Array, width: number, region: Region) {
  const out = new Uint8ClampedArray(region.width * region.height * 4);
  for (let to = 0, y = 0; y < region.height; y++) {
    let from = 3 * ((region.top + y) * width + region.left);
    for (let x = 0; x < region.width; x++) {
      out[to++] = rgb[from++]!;
      out[to++] = rgb[from++]!;
      out[to++] = rgb[from++]!;
      out[to++] = 255;
    }
  }
  return out;
}

/** A gray picture as R, G, B, A, the whole or one region. */
export function grayPart(gray: Gray, region: Region): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(region.width * region.height * 4);
  for (let y = 0, to = 0; y < region.height; y++) {
    const from = (region.top + y) * gray.width + region.left;
    for (let x = 0; x < region.width; x++, to += 4) {
      const level = gray.data[from + x]!;
      out[to] = out[to + 1] = out[to + 2] = level;
      out[to + 3] = 255;
    }
  }
  return out;
}

/** The bands of a photograph as rows of 3 or 4 channels, as a PNG wants them. */
export function* packed(all: Iterable<Band>, channels: 3 | 4): Generator<Uint8Array> {
  for (const { rgba } of all) {
    if (channels === 4) {
      yield new Uint8Array(rgba.buffer);
      continue;
    }
    const rgb = new Uint8Array((rgba.length / 4) * 3);
    for (let i = 0, to = 0; i < rgba.length; i += 4) {
      rgb[to++] = rgba[i]!;
      rgb[to++] = rgba[i + 1]!;
      rgb[to++] = rgba[i + 2]!;
    }
    yield rgb;
  }
}
