/**
 * The photographs of the page: each one's file and what the network said of it. Only the last one
 * that was looked at is held as pixels.
 */
import type { Region } from "../engine/compose.ts";
import { ToolkitError } from "../engine/errors.ts";
import type { Network } from "../engine/network.ts";
import { type Photo, readPhoto } from "../engine/photo.ts";
import { shrink } from "../engine/resample.ts";
import { grayPart, type Look, part } from "../engine/result.ts";
import type { Chroma } from "../engine/upsample.ts";
import { decode } from "./decode.ts";
import { encode } from "./encode.ts";
import type { Format, Opened, Saved, View } from "./protocol.ts";

const PREVIEW = 1600;
const THUMBNAIL = 96;

interface Entry {
  file: File;
  chroma: Chroma | null;
}

export class Album {
  network: Network | null = null;
  private readonly entries = new Map<number, Entry>();
  private current: { id: number; photo: Photo; preview: Photo } | null = null;

  /** Let go of what the model before has said. */
  async replace(network: Network): Promise<void> {
    await this.network?.release();
    this.network = network;
    for (const entry of this.entries.values()) entry.chroma = null;
  }

  async open(id: number, file: File): Promise<Opened> {
    this.entries.set(id, { file, chroma: null });
    try {
      const { photo, preview, chroma } = await this.ready(id);
      const small = smaller(preview, THUMBNAIL);
      const { width, height } = photo.gray;
      return {
        width,
        height,
        inColor: photo.rgb !== null,
        notes: photo.notes,
        format: photo.kept.kind === "png" || photo.alpha ? "png" : "jpeg",
        thumbnail: image(part(small, chroma, { strength: 1, keepColors: true }, whole(small)), small),
      };
    } catch (error) {
      this.entries.delete(id);
      throw error;
    }
  }

  async view(id: number, look: Look, region: Region | null): Promise<View> {
    const { photo, preview, chroma } = await this.ready(id);
    const shown = region ? photo : preview;
    const at = region ?? whole(preview);
    const before = grayPart(shown.gray, at);
    const after = part(shown, chroma, look, at);
    return { before: new ImageData(before, at.width), after: new ImageData(after, at.width) };
  }

  async save(id: number, look: Look, format: Format): Promise<Saved> {
    const { photo, chroma } = await this.ready(id);
    return encode(photo, chroma, look, format);
  }

  private async ready(id: number) {
    const entry = this.entries.get(id);
    if (!entry || !this.network) throw new ToolkitError("bug", `photograph ${id}`);
    if (this.current?.id !== id) {
      this.current = null;
      const photo = await readPhoto(entry.file, decode);
      this.current = { id, photo, preview: smaller(photo, PREVIEW) };
    }
    const { photo, preview } = this.current;
    entry.chroma ??= await this.network.predict(photo.gray);
    return { photo, preview, chroma: entry.chroma };
  }
}

function whole({ gray }: Photo): Region {
  return { left: 0, top: 0, width: gray.width, height: gray.height };
}

function image(rgba: Uint8ClampedArray<ArrayBuffer>, { gray }: Photo): ImageData {
  return new ImageData(rgba, gray.width);
}

/** A copy whose longer side has at most `side` pixels, without its transparency. */
function smaller(photo: Photo, side: number): Photo {
  const { gray, rgb } = photo;
  const scale = Math.min(1, side / Math.max(gray.width, gray.height));
  const width = Math.max(1, Math.round(gray.width * scale));
  const height = Math.max(1, Math.round(gray.height * scale));
  const plane = (values: Uint8Array) =>
    scale === 1 ? values : Uint8Array.from(shrink(values, gray, height, width), (v) => v + 0.5);
  const channel = (c: number) => plane(Uint8Array.from(gray.data, (_, i) => rgb![3 * i + c]!));
  let colors: Uint8Array | null = null;
  if (rgb) {
    const planes = [channel(0), channel(1), channel(2)];
    colors = Uint8Array.from({ length: 3 * width * height }, (_, i) => planes[i % 3]![(i / 3) | 0]!);
  }
  return { ...photo, gray: { width, height, data: plane(gray.data) }, alpha: null, rgb: colors };
}
