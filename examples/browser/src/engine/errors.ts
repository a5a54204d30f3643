/** What can go wrong, by name: the page says each in the reader's language. */
export type ErrorCode =
  | "notAPicture"
  | "unsupported"
  | "empty"
  | "unreadable"
  | "truncated"
  | "damaged"
  | "undecodable"
  | "tooLarge"
  | "canvas"
  | "noModel"
  | "network"
  | "hash"
  | "contract"
  | "engine"
  | "simd"
  | "memory"
  | "bug";

export class ToolkitError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly detail = "",
  ) {
    super(detail ? `${code}: ${detail}` : code);
  }
}
