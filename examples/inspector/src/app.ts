/** What all pages share: the model that is loaded, its threshold, and the images that came with it. */
import type {About} from './core/metadata.ts';
import {type Choice, type Limits, limitsOf} from './core/limits.ts';
import {type Expected, readGolden, readManifest, type Served} from './core/manifest.ts';
import {percentile} from './core/threshold.ts';
import {largest} from './core/heatmap.ts';
import {Problem} from './core/words.ts';
import {Log} from './log.ts';
import {openArchive} from './model_archive.ts';
import {Network} from './network.ts';
import {choiceFor, keepChoice} from './settings.ts';
import type {Inspected} from './worker.ts';

const SERVED = 'served/';
export const SERVED_CACHE = 'piade-served';
const MOST_JSON = 16 * 2 ** 20;

/** What is said of an image on this device. */
export interface Judged extends Inspected {
  /** The model that was asked. */
  about: About;
  limits: Limits;
  percentile: number;
  anomalous: boolean;
  mapMax: number;
}

/** Where the files of an export come from: a server, or an archive that was opened. */
type Source = (name: string) => Promise<Blob>;

export class App {
  readonly network = new Network(new URL('wasm/', document.baseURI).href);
  readonly log = new Log();
  about: About | null = null;
  choice: Choice = {flagged: null, calibration: null};
  served: Served | null = null;
  private source: Source | null = null;
  private asked = 0; // how many models were asked for; only the last of them is loaded
  private readonly listeners: (() => void)[] = [];

  /** Called whenever the model or its threshold is another one. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** What verdicts are made with; a problem without a model. */
  get limits(): Limits {
    return limitsOf(this.model, this.choice);
  }

  get model(): About {
    if (!this.about) throw new Problem('There is no model yet. Choose one on the page Model.');
    return this.about;
  }

  /** Loads the model of the server that the app came from; false where it offers none. */
  async loadServed(format?: string): Promise<boolean> {
    const turn = ++this.asked;
    const content = await servedJson('manifest.json');
    if (content === null) return false;
    this.served = readManifest(content);
    const chosen = format ?? this.served.formats[0];
    await this.load(await fromServer(`${chosen}.tflite`), fromServer, turn);
    return true;
  }

  /** Loads a `.tflite`, or a zip of an export. */
  async open(file: File): Promise<void> {
    const turn = ++this.asked;
    if (!/\.zip$/i.test(file.name)) {
      await this.load(file, null, turn);
      return;
    }
    const files = await openArchive(file);
    const source: Source = async (name) => {
      const found = files.get(name);
      if (!found) throw new Problem(`The archive has no ${name}. Pack the whole folder export.`);
      return new Blob([found]);
    };
    const format = files.has('manifest.json') ? readManifest(await parsed(await source('manifest.json'))).formats[0] : 'float32';
    await this.load(await source(`${format}.tflite`), source, turn);
  }

  private async load(file: Blob, source: Source | null, turn: number): Promise<void> {
    if (file.size > 2 ** 28) throw new Problem('The model has more than 256 MiB.');
    const bytes = await file.arrayBuffer();
    if (turn !== this.asked) return;
    this.about = await this.network.load(bytes);
    this.source = source;
    this.choice = choiceFor(this.about.sha256);
    this.changed();
  }

  /** Sets the threshold, and keeps it for this model. */
  choose(choice: Choice): void {
    this.choice = choice;
    this.changed();
    keepChoice(this.model.sha256, choice);
  }

  async inspect(image: Blob | ImageBitmap): Promise<Judged> {
    this.model; // a problem without one
    const found = await this.network.inspect(image);
    if (!Number.isFinite(found.score)) { // it may be above no threshold, and would pass as normal
      throw new Problem(`The image has the score ${found.score}, which is no number. Train and export again.`);
    }
    const {model: about, limits} = this; // of now: the worker answers in turn, also where a model was loaded meanwhile
    return {
      ...found,
      about,
      limits,
      percentile: percentile(found.score, limits.quantiles),
      anomalous: found.score > limits.score,
      mapMax: largest(found.map),
    };
  }

  /** The golden images of the model, with what it is to say of them: in the network's size, and as photographs. */
  async golden(): Promise<{expected: Expected; image: Blob}[]> {
    const source = this.source;
    if (!source) throw new Problem('A single .tflite brings no images to test with. Open a zip of the folder export.');
    const {format} = this.model;
    const expected = readGolden(await parsed(await source('golden/golden.json')), format);
    const photographs = await source('golden/photographs.json').catch(() => null); // older exports have none
    if (photographs) expected.push(...readGolden(await parsed(photographs), format));
    if (expected.length === 0) throw new Problem('golden.json says nothing of this model. Export the run again.');
    return Promise.all(expected.map(async (one) => ({expected: one, image: await source(`golden/${one.image}`)})));
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

/** From the server; without a network, what it gave before. */
async function fromServer(name: string): Promise<Blob> {
  const found = await servedResponse(name);
  if (!found) throw new Problem(`The server has no ${name}. Is its export complete?`);
  return found.blob();
}

async function servedJson(name: string): Promise<unknown> {
  const found = await servedResponse(name);
  return found ? parsed(await found.blob()) : null;
}

async function servedResponse(name: string): Promise<Response | null> {
  const address = new URL(SERVED + name, document.baseURI).href;
  const cache = await globalThis.caches?.open(SERVED_CACHE).catch(() => undefined);
  try {
    const found = await fetch(address, {cache: 'no-cache'});
    if (!found.ok) return null;
    await cache?.put(address, found.clone()).catch(() => undefined); // without room it only works online
    return found;
  } catch {
    return (await cache?.match(address)) ?? null;
  }
}

async function parsed(file: Blob): Promise<unknown> {
  if (file.size > MOST_JSON) throw new Problem('A JSON file of the export has more than 16 MiB.');
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new Problem('A JSON file of the export cannot be read. Export the run again.');
  }
}
