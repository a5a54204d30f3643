/** The network: a photograph's L* in, its a* and b* out. The runtime is handed in. */
import type { Env, InferenceSession, TensorConstructor } from "onnxruntime-common";
import type { Gray } from "./compose.ts";
import type { Contract } from "./contract.ts";
import { ToolkitError } from "./errors.ts";
import { lightness, networkSize } from "./resample.ts";
import type { Chroma } from "./upsample.ts";

/** The part of onnxruntime that is used: that of `onnxruntime-web` and `-node` alike. */
export interface Runtime {
  env: Env;
  InferenceSession: { create: (data: Uint8Array, options: object) => Promise<InferenceSession> };
  Tensor: TensorConstructor;
}

export class Network {
  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    readonly contract: Contract,
  ) {}

  /** Make the model ready. Throws `ToolkitError` if the runtime refuses it. */
  static async open(runtime: Runtime, data: Uint8Array, contract: Contract): Promise<Network> {
    try {
      const options = { executionProviders: ["wasm"], logSeverityLevel: 4 };
      const session = await runtime.InferenceSession.create(data, options);
      return new Network(runtime, session, contract);
    } catch (error) {
      throw new ToolkitError("engine", String(error));
    }
  }

  /** a* and b* of a photograph, in CIE units at the network's size. Throws `ToolkitError`. */
  async predict(gray: Gray): Promise<Chroma> {
    const { input, output, size, strength } = this.contract;
    const [height, width] = networkSize(size, gray.height, gray.width);
    const values = lightness(gray.data, gray, height, width);
    const tensor = new this.runtime.Tensor("float32", values, [1, 1, height, width]);
    const { data, dims } = await this.run({ [input.name]: tensor }, output.name);
    if (dims.length !== 4 || dims[1] !== 2 || !dims[2] || !dims[3] || !data.every(Number.isFinite)) {
      throw new ToolkitError("engine", `its output has the shape ${dims.join(" x ")}`);
    }
    const colours = strength === 1 ? data : data.map((value) => value * strength);
    return { height: dims[2], width: dims[3], data: colours };
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private async run(feeds: InferenceSession.FeedsType, name: string) {
    try {
      const result = (await this.session.run(feeds))[name];
      if (result?.type !== "float32") throw new Error(`no output ${name}`);
      return { data: result.data as Float32Array, dims: result.dims };
    } catch (error) {
      throw new ToolkitError("engine", String(error));
    }
  }
}
