/** One photograph before and after: the split between them, strength, and 100 %. */
import type { Region } from "../engine/compose.ts";
import type { Format, View } from "../worker/protocol.ts";
import { elements } from "./elements.ts";
import type { Engine } from "./engine.ts";
import type { Item } from "./item.ts";
import { noteText, text } from "./texts.ts";

const { after, before, frame, keep, pictures, split, stage, strength, viewer, zoom } = elements;

export class Viewer {
  item: Item | null = null;
  /** The format that was chosen, for all; before that each keeps its own. */
  format: Format | null = null;
  private painting = false;
  private stale = false;

  constructor(
    private readonly engine: Engine,
    private readonly fail: (error: unknown) => void,
  ) {
    stage.setAttribute("aria-label", text("stage"));
    split.addEventListener("input", () => this.moveSplit());
    strength.addEventListener("input", () => this.changeLook());
    keep.addEventListener("change", () => this.changeLook());
    zoom.addEventListener("click", () => this.toggleZoom());
    elements.format.addEventListener("change", () => {
      this.format = elements.format.value as Format;
    });
    stage.addEventListener("scroll", () => this.zoomed && this.repaint());
    window.addEventListener("resize", () => this.zoomed && this.repaint());
    for (const kind of ["pointerdown", "pointermove"] as const) {
      pictures.addEventListener(kind, (event) => this.drag(event));
    }
    this.moveSplit();
  }

  show(item: Item): void {
    const opened = item.opened;
    if (!opened) return;
    this.item?.select(false);
    this.item = item;
    item.select(true);
    viewer.hidden = false;
    elements["viewer-title"].textContent =
      `${item.file.name} · ${opened.width} × ${opened.height}`;
    before.setAttribute("aria-label", `${item.file.name}: ${text("before")}`);
    after.setAttribute("aria-label", `${item.file.name}: ${text("after")}`);
    strength.value = String(item.look.strength);
    keep.checked = item.look.keepColors;
    elements["keep-control"].hidden = !opened.inColor;
    elements.format.value = this.format ?? opened.format;
    const notes = opened.notes.map(noteText);
    elements.notes.textContent = [...(opened.inColor ? [text("inColor")] : []), ...notes].join(" ");
    this.setZoom(false);
  }

  /** Paint as soon as the worker is free; while it paints, only the last wish counts. */
  repaint(): void {
    this.stale = true;
    if (!this.painting) this.paint().catch(this.fail);
  }

  private get zoomed(): boolean {
    return stage.classList.contains("full");
  }

  private async paint(): Promise<void> {
    this.painting = true;
    stage.setAttribute("aria-busy", "true");
    try {
      while (this.stale && this.item) {
        this.stale = false;
        const { item } = this;
        const region = this.zoomed ? this.visible(item) : null;
        const view = await this.engine.call("view", item.id, { ...item.look }, region);
        if (item === this.item) put(view);
      }
    } finally {
      this.painting = false;
      stage.setAttribute("aria-busy", "false");
    }
  }

  private visible(item: Item): Region {
    const { width, height } = item.opened!;
    const shown = {
      width: Math.min(width, stage.clientWidth),
      height: Math.min(height, stage.clientHeight),
    };
    const left = Math.min(Math.round(stage.scrollLeft), width - shown.width);
    const top = Math.min(Math.round(stage.scrollTop), height - shown.height);
    return { left: Math.max(0, left), top: Math.max(0, top), ...shown };
  }

  private toggleZoom(): void {
    this.setZoom(!this.zoomed);
  }

  private setZoom(on: boolean): void {
    stage.classList.toggle("full", on);
    zoom.setAttribute("aria-pressed", String(on));
    const size = this.item?.opened;
    frame.style.width = on && size ? `${size.width}px` : "";
    frame.style.height = on && size ? `${size.height}px` : "";
    this.repaint();
  }

  private changeLook(): void {
    if (!this.item) return;
    this.item.look.strength = Number(strength.value);
    this.item.look.keepColors = keep.checked;
    this.repaint();
    this.showStrength();
  }

  private showStrength(): void {
    elements["strength-value"].textContent = Number(strength.value).toFixed(2);
  }

  private moveSplit(): void {
    pictures.style.setProperty("--split", `${split.value}%`);
    this.showStrength();
  }

  private drag(event: PointerEvent): void {
    if (this.zoomed || event.buttons !== 1) return;
    const box = pictures.getBoundingClientRect();
    split.value = String(Math.round(((event.clientX - box.left) / box.width) * 100));
    this.moveSplit();
  }
}

function put(view: View): void {
  for (const [canvas, image] of [[before, view.before], [after, view.after]] as const) {
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.getContext("2d")?.putImageData(image, 0, 0);
  }
}
