/** The engine without a page: what `node/colorize.mjs` uses. */
export { writePng } from "../formats/png.ts";
export { readContract, readManifest } from "./contract.ts";
export { checkHash } from "./download.ts";
export { ToolkitError } from "./errors.ts";
export { Network } from "./network.ts";
export { readPhoto } from "./photo.ts";
export { bands, packed } from "./result.ts";
