/** Results as downloads: one file, or all in one archive. */
import { freeName, Zip } from "../formats/zip.ts";
import type { Format } from "../worker/protocol.ts";
import type { Engine } from "./engine.ts";
import type { Item } from "./item.ts";
import { text } from "./texts.ts";

/** How long a browser may take to copy a download out of the page's memory. */
const COPIED_MS = 60_000;

export async function saveOne(
  engine: Engine,
  item: Item,
  format: Format,
  say: (message: string) => void,
): Promise<void> {
  say(text("saving", item.nameAs(format)));
  const saved = await engine.call("save", item.id, item.look, format);
  const name = item.nameAs(saved.format);
  offer(saved.file, name);
  say(text(saved.reason ?? "saved", name));
}

/**
 * All that have a result, as `format` or, without one, each in the format of its file; `fail`
 * hears of those without. Several archives where one would be too large.
 */
export async function saveAll(
  engine: Engine,
  items: Item[],
  format: Format | null,
  say: (message: string) => void,
  fail: (item: Item, error: unknown) => void,
): Promise<void> {
  const names = new Set<string>();
  const told: string[] = [];
  let zip = new Zip();
  const finish = () => {
    const name = freeName("photographs-color.zip", names);
    offer(zip.finish(), name);
    told.push(text("saved", name));
    say(told.join(" "));
  };
  for (const item of items) {
    if (!item.opened) continue;
    const wanted = format ?? item.opened.format;
    say(text("saving", item.nameAs(wanted)));
    try {
      const saved = await engine.call("save", item.id, item.look, wanted);
      if (!zip.hasRoom(saved.file.size)) {
        finish();
        zip = new Zip();
      }
      if (saved.reason) told.push(text(saved.reason, item.nameAs(saved.format)));
      await zip.add(item.nameAs(saved.format), saved.file);
    } catch (error) {
      fail(item, error);
    }
  }
  finish();
}

function offer(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), COPIED_MS);
}
