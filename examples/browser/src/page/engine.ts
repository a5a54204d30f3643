/** The worker, as functions that answer with promises. */
import { type ErrorCode, ToolkitError } from "../engine/errors.ts";
import type { Answer, Calls } from "../worker/protocol.ts";

type Waiting = { resolve: (result: never) => void; reject: (error: ToolkitError) => void };
export type OnProgress = (what: "engine" | "model", done: number, total: number) => void;

const MOST_THREADS = 8;

/**
 * Milliseconds in which the first network must open where there are threads. In Firefox 153 theirs
 * never answer in 1 of 100 loads, and nothing is thrown; the worker's own timers stand still then.
 */
const OPENING = 8_000;

export class Engine {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private calls = 0;
  private onOpening = () => {};

  constructor(private readonly onProgress: OnProgress) {}

  /** Load everything. Where threads cannot be made it is done with one. Answers with the models. */
  async start(): Promise<string[]> {
    const threads = crossOriginIsolated
      ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1)
      : 1;
    try {
      return await this.startWith(threads);
    } catch (error) {
      const again = threads > 1 && error instanceof ToolkitError && error.code === "engine";
      if (!again) throw error;
      return this.startWith(1);
    }
  }

  call<K extends keyof Calls>(name: K, ...values: Parameters<Calls[K]>) {
    const call = this.calls++;
    return new Promise<ReturnType<Calls[K]>>((resolve, reject) => {
      this.waiting.set(call, { resolve, reject });
      this.worker?.postMessage({ call, name, values });
    });
  }

  private async startWith(threads: number): Promise<string[]> {
    this.worker?.terminate();
    this.worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", (event) => this.hear(event.data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.failAll("network", event.message ?? "");
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.onOpening = () => {
      if (threads > 1) timer = setTimeout(() => this.failAll("engine", "no thread answers"), OPENING);
    };
    try {
      const models = await this.call("start", document.baseURI, threads);
      await this.call("use", models[0]!);
      return models;
    } finally {
      clearTimeout(timer);
      this.onOpening = () => {};
    }
  }

  private hear(message: Answer): void {
    if ("what" in message) {
      if (message.what === "opening") this.onOpening();
      else this.onProgress(message.what, message.done, message.total);
      return;
    }
    const waiting = this.waiting.get(message.call);
    this.waiting.delete(message.call);
    if ("error" in message) waiting?.reject(new ToolkitError(message.error, message.detail));
    else waiting?.resolve(message.result as never);
  }

  private failAll(code: ErrorCode, detail: string): void {
    for (const { reject } of this.waiting.values()) reject(new ToolkitError(code, detail));
    this.waiting.clear();
  }
}
