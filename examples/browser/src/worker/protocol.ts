/** What the page asks of the worker, and what it hears back. */
import type { Region } from "../engine/compose.ts";
import type { ErrorCode } from "../engine/errors.ts";
import type { Note } from "../engine/photo.ts";
import type { Look } from "../engine/result.ts";

export type Format = "jpeg" | "png";

export interface Opened {
  width: number;
  height: number;
  inColor: boolean;
  notes: Note[];
  format: Format;
  thumbnail: ImageData;
}

export interface View {
  before: ImageData;
  after: ImageData;
}

export type NoJpeg = "transparent" | "tooLargeForJpeg";

export interface Saved {
  file: Blob;
  format: Format;
  /** Why it is a PNG where a JPEG was asked for. */
  reason: NoJpeg | null;
}

/** The worker's functions; each answers with a promise. */
export interface Calls {
  /** Load the engine; `base` is the page's address. Answers with the names of the models. */
  start(base: string, threads: number): string[];
  /** Use another model from now on. */
  use(model: string): void;
  /** Read a photograph, run the network, and remember both under `id`. */
  open(id: number, file: File): Opened;
  /** Paint the whole photograph small, or one region at its own size. */
  view(id: number, look: Look, region: Region | null): View;
  save(id: number, look: Look, format: Format): Saved;
}

export type Call = {
  [K in keyof Calls]: { call: number; name: K; values: Parameters<Calls[K]> };
}[keyof Calls];

export type Answer =
  | { call: number; result: unknown }
  | { call: number; error: ErrorCode; detail: string }
  | { what: "engine" | "model"; done: number; total: number }
  | { what: "opening" };
