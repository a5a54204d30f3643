/** One photograph of the queue, and its place in the list. */
import type { Look } from "../engine/result.ts";
import type { Format, Opened } from "../worker/protocol.ts";
import { elements } from "./elements.ts";
import { text } from "./texts.ts";

let count = 0;

export class Item {
  readonly id = count++;
  readonly look: Look = { strength: 1, keepColors: true };
  /** What the worker said; null until it has. */
  opened: Opened | null = null;
  private readonly button = document.createElement("button");
  private readonly picture = document.createElement("canvas");
  private readonly state = document.createElement("span");

  constructor(
    readonly file: File,
    onSelect: (item: Item) => void,
  ) {
    const name = document.createElement("span");
    for (const part of file.name.split(/(?<=[\s._-])/)) name.append(part, document.createElement("wbr"));
    this.state.className = "state";
    this.button.type = "button";
    this.button.disabled = true;
    this.picture.setAttribute("aria-hidden", "true");
    this.button.append(this.picture, name, this.state);
    this.button.addEventListener("click", () => onSelect(this));
    const entry = document.createElement("li");
    entry.append(this.button);
    elements.queue.append(entry);
    this.show("waiting");
  }

  show(state: "waiting" | "working"): void {
    this.state.textContent = text(state);
  }

  succeed(opened: Opened): void {
    this.opened = opened;
    this.state.textContent = text("colored");
    this.button.disabled = false;
    this.picture.width = opened.thumbnail.width;
    this.picture.height = opened.thumbnail.height;
    this.picture.getContext("2d")?.putImageData(opened.thumbnail, 0, 0);
  }

  fail(reason: string): void {
    this.button.parentElement?.classList.add("failed");
    this.state.textContent = reason;
    this.picture.remove();
  }

  select(on: boolean): void {
    this.button.setAttribute("aria-pressed", String(on));
  }

  /** The result's name: `grandma-color.jpg`, as the command line names it. */
  nameAs(format: Format): string {
    const stem = this.file.name.replace(/\.[^.]*$/, "") || this.file.name;
    return `${stem}-color.${format === "jpeg" ? "jpg" : "png"}`;
  }
}
