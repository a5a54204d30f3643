/** A ZIP archive of files that are compressed already, so they are stored as they are. */
import { type Bytes, crc32, joined, view } from "./bytes.ts";

const UTF8 = 0x0800;
const VERSION = 20;
/** Half of what 32 bits can count, so that the directory has room too. */
const MOST_BYTES = 2 ** 31;
const MOST_FILES = 65_535;

/** One file after the other into one archive; two with one name become `name`, `name-2`. */
export class Zip {
  private readonly parts: BlobPart[] = [];
  private readonly directory: Bytes[] = [];
  private readonly names = new Set<string>();
  private offset = 0;

  hasRoom(size: number): boolean {
    if (!this.names.size) return true;
    return this.offset + size <= MOST_BYTES && this.names.size < MOST_FILES;
  }

  async add(name: string, file: Blob): Promise<void> {
    const free = freeName(name, this.names);
    const encoded = new TextEncoder().encode(free);
    const facts = new Uint8Array(26);
    const data = view(facts);
    data.setUint16(0, VERSION, true);
    data.setUint16(2, UTF8, true);
    data.setUint16(8, 0x21, true); // 1980-01-01: the time of the work says nothing
    data.setUint32(10, crc32(new Uint8Array(await file.arrayBuffer())), true);
    data.setUint32(14, file.size, true);
    data.setUint32(18, file.size, true);
    data.setUint16(22, encoded.length, true);
    const local = joined(Uint8Array.of(0x50, 0x4b, 3, 4), facts, encoded);
    this.parts.push(local, file);
    this.directory.push(entry(facts, encoded, this.offset));
    this.offset += local.length + file.size;
  }

  finish(): Blob {
    const directory = joined(...this.directory);
    const end = new Uint8Array(22);
    const data = view(end);
    end.set([0x50, 0x4b, 5, 6]);
    data.setUint16(8, this.directory.length, true);
    data.setUint16(10, this.directory.length, true);
    data.setUint32(12, directory.length, true);
    data.setUint32(16, this.offset, true);
    return new Blob([...this.parts, directory, end], { type: "application/zip" });
  }
}

/** `name`, or `name` with the first number that makes it new; it is then taken. */
export function freeName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf(".");
  const [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let free = name;
  for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${stem}-${n}${suffix}`;
  taken.add(free.toLowerCase());
  return free;
}

function entry(facts: Uint8Array, name: Uint8Array, offset: number): Bytes {
  const rest = new Uint8Array(14);
  view(rest).setUint32(10, offset, true);
  const made = Uint8Array.of(0x50, 0x4b, 1, 2, VERSION, 0);
  return joined(made, facts, rest, name);
}
