/**
 * What a model takes and gives, read from the bundle's manifest.
 *
 * Nothing about sizes, filters or scaling is written elsewhere in the page: a field that is
 * missing, or a name that is not known here, is an error and not a default.
 */
import { ToolkitError } from "./errors.ts";

export interface Port {
  name: string;
  channels: number;
}

export interface FixedSize {
  height: number;
  width: number;
}

export interface FlexibleSize {
  multiple_of: number;
  preferred: number;
  minimum: number;
  maximum: number;
}

export type Size = FixedSize | FlexibleSize;

export interface Contract {
  input: Port;
  output: Port;
  size: Size;
  model: string;
  licence: string;
  /** What the network's colours are multiplied with. */
  strength: number;
}

/** One model of a bundle: where its file is, and what it must be. */
export interface Model {
  file: string;
  size: number;
  sha256: string;
  contract: Contract;
  /** The model in whose folder the file lies, if it is not its own. */
  holder: string | null;
}

type Fields = Record<string, unknown>;

const KNOWN: Fields = {
  schema: 1,
  task: "colorize",
  boundary: "tensor",
  resample: "triangle",
  upsample: "bilinear",
  gamut: "chroma",
  white: "D65/2",
};
const INPUT: Fields = { space: "cie-l", dtype: "float32", layout: "NCHW", channels: 1 };
const OUTPUT: Fields = { space: "cie-ab", dtype: "float32", layout: "NCHW", channels: 2 };

/** The model for this page in a bundle's `manifest.json`. Throws `ToolkitError`. */
export function readManifest(manifest: unknown): Model {
  const top = fields(manifest, "manifest");
  expect(top, { schema: 1 }, "manifest");
  for (const [file, raw] of Object.entries(fields(top.files, "files"))) {
    const facts = fields(raw, file);
    if (facts.format !== "onnx") continue;
    if (/[/\\]/.test(file)) fail(`a file outside its folder: ${file}`);
    return {
      file,
      size: integer(facts, "size", file),
      sha256: text(facts, "sha256", file),
      contract: readContract(facts.contract ?? top.contract),
      holder: top.holder === undefined ? null : text(top, "holder", "manifest"),
    };
  }
  return fail("the bundle has no ONNX file");
}

/** Check every field that this program follows. Throws `ToolkitError`. */
export function readContract(raw: unknown): Contract {
  const contract = fields(raw, "contract");
  expect(contract, KNOWN, "contract");
  return {
    input: port(contract.input, INPUT, "input"),
    output: port(contract.output, OUTPUT, "output"),
    size: readSize(contract.size),
    model: text(contract, "model", "contract"),
    licence: text(contract, "licence", "contract"),
    strength: readStrength(fields(contract.extra ?? {}, "extra")),
  };
}

function readStrength(extra: Fields): number {
  const strength = Number(extra.strength ?? 1);
  if (!(strength > 0 && strength <= 2)) fail("extra.strength goes up to 2");
  return strength;
}

function readSize(raw: unknown): Size {
  const size = fields(raw, "size");
  if ("height" in size) {
    expect(size, { fit: "stretch" }, "size");
    return { height: integer(size, "height", "size"), width: integer(size, "width", "size") };
  }
  expect(size, { fit: "keep_aspect" }, "size");
  return {
    multiple_of: integer(size, "multiple_of", "size"),
    preferred: integer(size, "preferred", "size"),
    minimum: integer(size, "minimum", "size"),
    maximum: integer(size, "maximum", "size"),
  };
}

function port(raw: unknown, known: Fields, where: string): Port {
  const found = fields(raw, where);
  expect(found, known, where);
  return { name: text(found, "name", where), channels: integer(found, "channels", where) };
}

function expect(found: Fields, known: Fields, where: string): void {
  for (const [name, value] of Object.entries(known)) {
    if (found[name] !== value) {
      fail(`${where}.${name} is ${JSON.stringify(found[name])}, not ${JSON.stringify(value)}`);
    }
  }
}

function fields(raw: unknown, where: string): Fields {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) fail(`${where} is missing`);
  return raw as Fields;
}

function integer(from: Fields, name: string, where: string): number {
  const value = from[name];
  if (!Number.isInteger(value) || (value as number) < 1) fail(`${where}.${name} is no size`);
  return value as number;
}

function text(from: Fields, name: string, where: string): string {
  const value = from[name];
  return typeof value === "string" ? value : fail(`${where}.${name} is missing`);
}

function fail(reason: string): never {
  throw new ToolkitError("contract", reason);
}
