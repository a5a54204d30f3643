/** The page: photographs come in, the worker colours them one by one, the viewer shows them. */
import { ToolkitError } from "../engine/errors.ts";
import type { Format } from "../worker/protocol.ts";
import { elements } from "./elements.ts";
import { Engine } from "./engine.ts";
import { listen } from "./intake.ts";
import { Item } from "./item.ts";
import { saveAll, saveOne } from "./saving.ts";
import { errorText, text, translate } from "./texts.ts";
import { Viewer } from "./viewer.ts";

translate();
const items: Item[] = [];
const failed = new Set<Item>();
const engine = new Engine(showProgress);
const viewer = new Viewer(engine, complain);
let working = false;
let model = "";
const started = start();

listen(take, complain);
elements.save.addEventListener("click", () => void busy(save));
elements["save-all"].addEventListener("click", () => void busy(all));
elements.model.addEventListener("change", () => void busy(changeModel));
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("./sw.js").catch(() => undefined); // the page works without it
}

/** Load engine and model; whether that went well. */
async function start(): Promise<boolean> {
  try {
    const models = await engine.start();
    for (const name of models) elements.model.append(new Option(name, name));
    elements["model-control"].hidden = models.length < 2;
    model = elements.model.value;
    say(text("ready"));
    return true;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    elements.loading.hidden = true;
  }
}

function take(files: File[]): void {
  if (!files.length) return;
  elements.intake.classList.add("small");
  elements["queue-section"].hidden = false;
  items.push(...files.map((file) => new Item(file, choose)));
  if (!working) void work();
}

/** Colour what waits, one after the other; one that fails stops no other. */
async function work(): Promise<void> {
  working = true;
  if (await started) {
    for (const item of items) {
      if (!isWaiting(item)) continue;
      item.show("working");
      try {
        item.succeed(await engine.call("open", item.id, item.file));
        say(`${items.filter((each) => each.opened).length} / ${items.length} · ${text("done", item.file.name)}`);
        if (!viewer.item) viewer.show(item);
      } catch (error) {
        failed.add(item);
        item.fail(reason(error));
      }
      elements["save-all"].hidden = items.filter((each) => each.opened).length < 2;
    }
  }
  working = false;
}

/** Show one that was chosen in the list, which may be far below. */
function choose(item: Item): void {
  viewer.show(item);
  elements.viewer.scrollIntoView();
}

function isWaiting(item: Item): boolean {
  return !item.opened && !failed.has(item);
}

async function save(): Promise<void> {
  const { item } = viewer;
  if (item) await saveOne(engine, item, elements.format.value as Format, say);
}

async function all(): Promise<void> {
  await saveAll(engine, items, viewer.format, say, (item, error) => {
    complain(new Error(`${item.file.name}: ${reason(error)}`));
  });
}

async function changeModel(): Promise<void> {
  try {
    await engine.call("use", elements.model.value);
    model = elements.model.value;
    viewer.repaint();
  } catch (error) {
    elements.model.value = model; // the one before is still in use
    throw error;
  } finally {
    elements.loading.hidden = true;
  }
}

/** Do one thing at a time, and tell what went wrong. */
async function busy(task: () => Promise<void>): Promise<void> {
  const controls = [elements.save, elements["save-all"], elements.model];
  for (const control of controls) control.disabled = true;
  elements.alert.hidden = true;
  try {
    await task();
  } catch (error) {
    complain(error);
  } finally {
    for (const control of controls) control.disabled = false;
  }
}

function showProgress(what: "engine" | "model", done: number, total: number): void {
  elements.loading.hidden = done === total;
  elements.progress.value = done / total;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  elements["loading-text"].textContent =
    `${text(what === "engine" ? "loadingEngine" : "loadingModel")}: ` +
    `${megabytes(done)} / ${megabytes(total)} MB`;
}

function say(message: string): void {
  elements.status.textContent = message;
}

function complain(error: unknown): void {
  elements.alert.textContent = reason(error);
  elements.alert.hidden = false;
}

function reason(error: unknown): string {
  if (error instanceof ToolkitError) return errorText(error.code, error.detail);
  return error instanceof Error ? error.message : String(error);
}
