/** A `.tflite` in LiteRT.js, on the CPU. */
import {type CompiledModel, loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';
import {type About, readMetadata} from './core/metadata.ts';
import {runtimeFile} from './core/runtime_file.ts';
import {Problem} from './core/words.ts';

const SIGNATURE = 'inspect';

/** What the network says of one prepared image. */
export interface Outputs {
  score: number;
  /** height * width, at least 0, row by row. */
  map: Float32Array<ArrayBuffer>;
  /** height * width * channels, 0 to 255. */
  reconstruction: Uint8Array<ArrayBuffer>;
}

let runtime: Promise<unknown> | null = null;

/** A model that is ready to run. */
export class Model {
  readonly about: About;
  private readonly compiled: CompiledModel;

  private constructor(about: About, compiled: CompiledModel) {
    this.about = about;
    this.compiled = compiled;
  }

  /**
   * Loads a model and runs it once.
   *
   * @param file the bytes of a `.tflite`.
   * @param wasm the folder with LiteRT's WebAssembly.
   * @throws Problem the file is not what it should be, or LiteRT.js cannot run it.
   */
  static async load(file: Uint8Array<ArrayBuffer>, wasm: string): Promise<Model> {
    const about = await readMetadata(file);
    runtime ??= loadRuntime(wasm);
    try {
      await runtime;
    } catch {
      runtime = null;
      throw new Problem('LiteRT could not be loaded. Reload the page; WebAssembly with SIMD is needed.');
    }
    let model: Model;
    try {
      model = new Model(about, await loadAndCompile(file, {accelerator: 'wasm'}));
    } catch (error) {
      throw new Problem(`LiteRT cannot run the model (${reason(error)}). Choose another file of the export.`);
    }
    const {height, width, channels} = about.input;
    try {
      const {map, reconstruction, score} = await model.run(new Uint8Array(height * width * channels));
      if (map.length !== height * width || reconstruction.length !== height * width * channels || Number.isNaN(score)) {
        throw new Error('its outputs are not those of its metadata');
      }
    } catch (error) {
      model.delete();
      throw new Problem(`The model does not do what its metadata say (${reason(error)}). Export the run again.`);
    }
    return model;
  }

  /** Runs the network on height * width * channels values, 0 to 255. One call at a time. */
  async run(image: Uint8Array<ArrayBuffer>): Promise<Outputs> {
    const {height, width, channels} = this.about.input;
    const tensor = new Tensor(image, [1, height, width, channels]);
    const tensors = [tensor];
    try {
      const found = await this.compiled.run(SIGNATURE, {image: tensor});
      tensors.push(...Object.values(found)); // nothing else frees them
      const [score, map, reconstruction] = await Promise.all(
        [found.pred_score, found.anomaly_map, found.reconstruction].map((one) => one.data()),
      );
      return {
        score: Number(score[0]),
        map: Float32Array.from(map),
        reconstruction: Uint8Array.from(reconstruction),
      };
    } finally {
      for (const one of tensors) one.delete();
    }
  }

  delete(): void {
    this.compiled.delete();
  }
}

/** In a worker, Emscripten would look for the WebAssembly beside the worker's script. */
function loadRuntime(wasm: string): Promise<unknown> {
  Object.assign(self, {Module: {locateFile: (name: string) => wasm + name}});
  return loadLiteRt(`${wasm}${runtimeFile()}.js`);
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0].slice(0, 160);
}
