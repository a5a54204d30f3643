/** Results as downloads: one file, or all in one archive. */
import { Zip } from "../formats/zip.ts";
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
  say(text(saved.format === format ? "saved" : "asPng", name));
}

/** All that have a result, each in the format of its file; `fail` hears of those without. */
export async function saveAll(
  engine: Engine,
  items: Item[],
  say: (message: string) => void,
  fail: (item: Item, error: unknown) => void,
): Promise<void> {
  const zip = new Zip();
  for (const item of items) {
    if (!item.opened) continue;
    say(text("saving", item.nameAs(item.opened.format)));
    try {
      const saved = await engine.call("save", item.id, item.look, item.opened.format);
      await zip.add(item.nameAs(saved.format), saved.file);
    } catch (error) {
      fail(item, error);
    }
  }
  const name = "photographs-color.zip";
  offer(zip.finish(), name);
  say(text("saved", name));
}

function offer(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), COPIED_MS);
}
