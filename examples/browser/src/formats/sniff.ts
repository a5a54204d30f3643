/** What kind of picture a file is, by its first bytes and not by its name. */
import { ascii } from "./bytes.ts";

export type Kind = "jpeg" | "png" | "webp" | "gif" | "bmp" | "avif" | "heic" | "tiff";

export function sniff(file: Uint8Array): Kind | null {
  const head = ascii(file, 0, Math.min(file.length, 12));
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && head.slice(8) === "WEBP") return "webp";
  if (head.startsWith("GIF8")) return "gif";
  if (head.startsWith("BM")) return "bmp";
  if (/^....ftyp(avif|avis)/s.test(head)) return "avif";
  if (/^....ftyp(heic|heix|hevc|mif1|msf1)/s.test(head)) return "heic";
  return /^(II\*\0|MM\0\*)/.test(head) ? "tiff" : null;
}
