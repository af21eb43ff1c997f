/** Decodes, prepares and inspects images beside the page, which stays quick meanwhile. */
import type {About} from './core/metadata.ts';
import {prepare} from './core/prepare.ts';
import {inWords, Problem} from './core/words.ts';
import {Bitmap, decode} from './decode.ts';
import {Model, type Outputs} from './model.ts';

const SEE_THROUGH = 'The image has transparent places, which training passes over and a browser mixes: the score may differ.';

/** What the page asks for. */
export type Question =
  | {kind: 'load'; file: ArrayBuffer; wasm: string}
  | {kind: 'inspect'; image: Blob | ImageBitmap};

/** What is said of an image. */
export interface Inspected extends Outputs {
  /** As the network saw it: height * width * channels, 0 to 255. */
  image: Uint8Array<ArrayBuffer>;
  /** Of the image before it was prepared, upright. */
  width: number;
  height: number;
  /** What may make the verdict another than that of training's pipeline; null: nothing. */
  note: string | null;
  /** Of decoding and reading the pixels, of resizing them, and of the network. */
  milliseconds: {decode: number; prepare: number; network: number};
}

export type Answer = {id: number; value: About | Inspected} | {id: number; problem: string};

let model: Model | null = null;

async function load(file: ArrayBuffer, wasm: string): Promise<About> {
  const loaded = await Model.load(new Uint8Array(file), wasm);
  model?.delete();
  model = loaded;
  return model.about;
}

async function inspect(source: Blob | ImageBitmap): Promise<Inspected> {
  if (!model) throw new Problem('There is no model yet. Choose one on the page Model.');
  const {input} = model.about;
  const begun = performance.now();
  const bitmap = source instanceof Blob ? await decode(source, input.bits) : new Bitmap(source, false);
  const decoded = performance.now();
  let image: Uint8Array<ArrayBuffer>;
  try {
    image = await prepare(bitmap, input);
  } finally {
    bitmap.close();
  }
  const prepared = performance.now();
  const outputs = await model.run(image.slice());
  const milliseconds = {
    decode: decoded - begun + bitmap.reading,
    prepare: prepared - decoded - bitmap.reading,
    network: performance.now() - prepared,
  };
  const note = bitmap.transparent ? SEE_THROUGH : null;
  return {...outputs, image, width: bitmap.width, height: bitmap.height, note, milliseconds};
}

let last: Promise<void> = Promise.resolve(); // one question after the other: an interpreter holds its tensors

self.addEventListener('message', ({data}: MessageEvent<{id: number; question: Question}>) => {
  last = last.then(async () => {
    const {id, question} = data;
    try {
      const value = question.kind === 'load' ? await load(question.file, question.wasm) : await inspect(question.image);
      self.postMessage({id, value} satisfies Answer);
    } catch (error) {
      self.postMessage({id, problem: inWords(error)} satisfies Answer);
    }
  });
});
