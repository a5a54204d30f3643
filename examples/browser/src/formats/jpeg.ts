/** The parts of a JPEG file around its picture (ITU-T T.81): size, EXIF, XMP, resolution. */
import { ToolkitError } from "../engine/errors.ts";
import { ascii, type Bytes, fromAscii, joined, view } from "./bytes.ts";
import { upright } from "./exif.ts";

export interface JpegHead {
  width: number;
  height: number;
  exif: Uint8Array | null;
  xmp: Uint8Array | null;
  /** The JFIF segment's unit and densities, 5 bytes. */
  density: Uint8Array | null;
  hasProfile: boolean;
  /** IPTC data or a comment. */
  hasCaptions: boolean;
}

const NOTHING: JpegHead = {
  width: 0,
  height: 0,
  exif: null,
  xmp: null,
  density: null,
  hasProfile: false,
  hasCaptions: false,
};
const EXIF = "Exif\0\0";
const XMP = "http://ns.adobe.com/xap/1.0/\0";
const JFIF = "JFIF\0";
const ICC = "ICC_PROFILE\0";
const IPTC = "Photoshop 3.0\0";
const NO_FRAME = [0xc4, 0xc8, 0xcc];

/** Read the segments and check that the picture has an end. Throws `ToolkitError`. */
export function readJpeg(file: Uint8Array): JpegHead {
  const head: JpegHead = { ...NOTHING };
  let at = 2;
  let done = false;
  while (at + 1 < file.length) {
    if (file[at] !== 0xff || file[at + 1] === 0 || inPicture(file[at + 1]!)) at += 1;
    else if (file[at + 1] === 0xd9) return finished(head);
    else {
      const length = at + 3 < file.length ? view(file).getUint16(at + 2) : 0;
      const body = file.subarray(at + 4, at + 2 + Math.max(2, length));
      if (!done) readSegment(file[at + 1]!, body, head);
      done ||= file[at + 1] === 0xda;
      at += 2 + Math.max(2, length);
    }
  }
  throw new ToolkitError("truncated");
}

/** Put what is kept of the original into a new JPEG; its own JFIF segment gets the density. */
export function withMetadata(encoded: Uint8Array, original: Partial<JpegHead>): Bytes {
  let from = 2;
  const segments: Uint8Array[] = [encoded.subarray(0, 2)];
  if (encoded[3] === 0xe0) {
    from = 4 + view(encoded).getUint16(4);
    const jfif = new Uint8Array(encoded.subarray(2, from));
    if (original.density) jfif.set(original.density, 11);
    segments.push(jfif);
  }
  if (original.exif) segments.push(segment(EXIF, upright(original.exif)));
  if (original.xmp) segments.push(segment(XMP, uprightXmp(original.xmp)));
  return joined(...segments, encoded.subarray(from));
}

/** XMP of a picture that has been turned upright. */
export function uprightXmp(xmp: Uint8Array): Bytes {
  const text = new TextDecoder().decode(xmp);
  const reset = text.replace(/(tiff:Orientation(?:=["']|>))[2-8]/g, "$11");
  return new TextEncoder().encode(reset) as Bytes;
}

function inPicture(marker: number): boolean {
  return marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

function finished(head: JpegHead): JpegHead {
  if (!head.width || !head.height) throw new ToolkitError("damaged");
  return head;
}

function readSegment(marker: number, body: Uint8Array, head: JpegHead): void {
  const starts = (name: string) => ascii(body, 0, Math.min(name.length, body.length)) === name;
  if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.includes(marker) && body.length >= 6) {
    head.height = view(body).getUint16(1);
    head.width = view(body).getUint16(3);
  } else if (marker === 0xe1 && starts(EXIF)) head.exif ??= body.subarray(EXIF.length);
  else if (marker === 0xe1 && starts(XMP)) head.xmp ??= body.subarray(XMP.length);
  else if (marker === 0xe0 && starts(JFIF)) head.density ??= body.subarray(7, 12);
  else if (marker === 0xe2 && starts(ICC)) head.hasProfile = true;
  else if (marker === 0xfe || (marker === 0xed && starts(IPTC))) head.hasCaptions = true;
}

function segment(name: string, body: Uint8Array): Uint8Array {
  const length = 2 + name.length + body.length;
  if (!body.length || length > 65_535) return new Uint8Array(0);
  return joined(Uint8Array.of(0xff, 0xe1, length >> 8, length & 255), fromAscii(name), body);
}
