/** The page's elements by their id, each of the type that the markup gives it. */
const TYPES = {
  after: HTMLCanvasElement,
  alert: HTMLElement,
  before: HTMLCanvasElement,
  camera: HTMLInputElement,
  choose: HTMLInputElement,
  examples: HTMLElement,
  format: HTMLSelectElement,
  frame: HTMLElement,
  intake: HTMLElement,
  keep: HTMLInputElement,
  "keep-control": HTMLElement,
  loading: HTMLElement,
  "loading-text": HTMLElement,
  model: HTMLSelectElement,
  "model-control": HTMLElement,
  notes: HTMLElement,
  pictures: HTMLElement,
  progress: HTMLProgressElement,
  queue: HTMLElement,
  "queue-section": HTMLElement,
  save: HTMLButtonElement,
  "save-all": HTMLButtonElement,
  split: HTMLInputElement,
  stage: HTMLElement,
  status: HTMLElement,
  strength: HTMLInputElement,
  "strength-value": HTMLElement,
  viewer: HTMLElement,
  "viewer-title": HTMLElement,
  zoom: HTMLButtonElement,
};

type Elements = { [K in keyof typeof TYPES]: InstanceType<(typeof TYPES)[K]> };

export const elements = Object.fromEntries(
  Object.entries(TYPES).map(([id, type]) => {
    const found = document.getElementById(id);
    if (!(found instanceof type)) throw new Error(`the page has no ${type.name} ${id}`);
    return [id, found];
  }),
) as Elements;
