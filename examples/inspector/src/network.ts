/** The worker, as the page sees it: questions and answers. A worker that breaks or hangs is replaced. */
import type {About} from './core/metadata.ts';
import {Problem} from './core/words.ts';
import type {Answer, Inspected, Question} from './worker.ts';

const MOST_SECONDS = {load: 120, inspect: 60};

interface Waiting {
  resolve(value: never): void;
  reject(problem: Problem): void;
  timer: number;
}

/** Runs one model. */
export class Network {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;
  private readonly wasm: string;

  /** @param wasm the folder with LiteRT's WebAssembly. */
  constructor(wasm: string) {
    this.wasm = wasm;
  }

  /** Takes the place of the model that was there. The bytes are gone afterwards. */
  load(file: ArrayBuffer): Promise<About> {
    return this.ask<About>({kind: 'load', file, wasm: this.wasm}, [file]);
  }

  /** An image file, or a frame, which is gone afterwards. */
  inspect(image: Blob | ImageBitmap): Promise<Inspected> {
    return this.ask<Inspected>({kind: 'inspect', image}, image instanceof Blob ? [] : [image]);
  }

  private ask<Value>(question: Question, given: Transferable[]): Promise<Value> {
    const worker = (this.worker ??= this.started());
    const id = this.count++;
    return new Promise((resolve, reject) => {
      worker.postMessage({id, question}, given); // first: it may throw, and then nothing waits
      const timer = window.setTimeout(() => this.end('it takes too long'), 1000 * MOST_SECONDS[question.kind]);
      this.waiting.set(id, {resolve, reject, timer});
    });
  }

  private started(): Worker {
    // A classic worker: LiteRT.js loads its script with importScripts.
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    worker.addEventListener('message', ({data}: MessageEvent<Answer>) => {
      const asked = this.waiting.get(data.id);
      if (!asked) return;
      this.waiting.delete(data.id);
      clearTimeout(asked.timer);
      if ('value' in data) asked.resolve(data.value as never);
      else asked.reject(new Problem(data.problem));
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.end(event.message || 'it stopped');
    });
    return worker;
  }

  /** All that were waiting are told; the model is gone. */
  private end(why: string): void {
    this.worker?.terminate();
    this.worker = null;
    for (const {reject, timer} of this.waiting.values()) {
      clearTimeout(timer);
      reject(new Problem(`The model broke down (${why.slice(0, 120)}). Load it again, or another file.`));
    }
    this.waiting.clear();
  }
}
