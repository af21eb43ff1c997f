/** What a file says of itself: read from the `.tflite`, checked before anything is believed. See docs/mobile.md. */
import {LEVELS, mightStandApart, type Threshold} from './threshold.ts';
import {Problem} from './words.ts';

export const MOST_MODEL_BYTES = 256 * 2 ** 20;
const MOST_JSON_BYTES = 4 * 2 ** 20;
const MAGIC = new TextEncoder().encode('PIADEMD1');
const IDENTIFIER = 'TFL3';
const FORMAT_VERSION = 1;
const MOST_SIDE = 4096;
const MOST_VALUES = 2 ** 24;
const RESIZES = ['stretch', 'pad', 'crop'] as const;

/** How an image is brought to what the network takes. */
export interface Input {
  /** Height and width of what the network takes. */
  height: number;
  width: number;
  /** 1 (grey) or 3 (red, green, blue). */
  channels: 1 | 3;
  resize: (typeof RESIZES)[number];
  /** Height and width after resizing, from the middle of which the input is cut out. */
  resizeTo: [number, number];
  /** Bits of a 16-bit grey image that are in use. */
  bits: number;
}

/** The metadata of a file. */
export interface About {
  name: string;
  format: string;
  version: string;
  dataset: string;
  normalClass: string | null;
  score: string;
  input: Input;
  threshold: Threshold;
  mapThreshold: Threshold;
  /** Tells models apart: thresholds are kept by it. */
  sha256: string;
}

/**
 * Reads and checks the metadata inside a `.tflite`.
 *
 * @throws Problem the file is none, has no metadata, was changed, or a browser cannot run it.
 */
export async function readMetadata(file: Uint8Array<ArrayBuffer>): Promise<About> {
  if (file.length > MOST_MODEL_BYTES) throw new Problem(`The model has more than ${MOST_MODEL_BYTES / 2 ** 20} MiB.`);
  if (file.length < 8 || text(file.subarray(4, 8)) !== IDENTIFIER) {
    throw new Problem('This is no .tflite file. Choose one from the folder export of a run, such as float32.tflite.');
  }
  const place = lastIndexOf(file, MAGIC);
  if (place < 0) throw new Problem('The model has no metadata of PIADE-TF inside. Choose a file that piade export made.');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = place + MAGIC.length + 4;
  const length = start <= file.length ? view.getUint32(start - 4, true) : Infinity;
  if (start + length > file.length || length > MOST_JSON_BYTES) {
    throw new Problem('The model is cut short or damaged: its metadata do not end. Copy it again.');
  }
  let content: unknown;
  try {
    content = JSON.parse(text(file.subarray(start, start + length)));
  } catch {
    throw new Problem('The model is damaged: its metadata cannot be read. Copy it again.');
  }
  const found = new Fields(content, 'the metadata');
  await checkDigest(file, place, found.text('sha256', /^[0-9a-f]{64}$/));
  return aboutOf(found);
}

function aboutOf(found: Fields): About {
  const version = found.number('format_version', 1, 1e9);
  if (version > FORMAT_VERSION) throw new Problem(`The metadata are of version ${version}, this app reads ${FORMAT_VERSION}.`);
  const format = found.text('format', /^\w{1,40}$/);
  if (found.has('outside')) {
    throw new Problem(`${format} computes in integers alone, which a browser cannot run. Choose float32, float16, dynamic_int8 or int8.`);
  }
  const input = found.object('input');
  const type = input.text('dtype', /^\w{1,20}$/);
  if (type !== 'uint8') throw new Problem(`The model takes ${type}, this app gives uint8. Export the run again.`);
  const [batch, height, width, channels] = input.numbers('shape', 4, 1, MOST_SIDE);
  if (batch !== 1 || (channels !== 1 && channels !== 3) || height * width * channels > MOST_VALUES) {
    throw new Problem(`The model takes images of shape ${[batch, height, width, channels]}, this app gives one, grey or in colour.`);
  }
  const resize = RESIZES.find((one) => one === input.text('resize', /^\w{1,20}$/));
  if (!resize) throw new Problem('The model resizes images in a way that this app does not know. Use a newer app.');
  const [toHeight, toWidth] = input.numbers('resize_to', 2, 1, MOST_SIDE);
  if (toHeight < height || toWidth < width) throw new Problem('The metadata are contradictory: the input is larger than resize_to.');
  return {
    name: found.text('name', /^[^]{1,500}$/),
    format,
    version: found.text('version', /^[^]{1,60}$/),
    dataset: found.text('dataset', /^[^]{1,200}$/),
    normalClass: found.has('normal_class') ? found.text('normal_class', /^[^]{0,500}$/) : null,
    score: found.text('score', /^\w{1,40}$/),
    input: {
      height,
      width,
      channels,
      resize,
      resizeTo: [toHeight, toWidth],
      bits: input.has('bits') ? input.number('bits', 8, 16) : 16,
    },
    threshold: thresholdOf(found.object('threshold')),
    mapThreshold: thresholdOf(found.object('map_threshold')),
    sha256: found.text('sha256', /^[0-9a-f]{64}$/),
  };
}

function thresholdOf(found: Fields): Threshold {
  const quantiles = found.numbers('quantiles', LEVELS, -3.5e38, 3.5e38, false);
  if (quantiles.some((value, i) => i > 0 && value < quantiles[i - 1])) {
    throw new Problem('The metadata are contradictory: quantiles must not decrease.');
  }
  const n = found.number('n', 1, 1e9);
  const promised = found.has('promised_fpr') ? found.number('promised_fpr', 0, 1, false) : null;
  const folds = found.has('folds') ? found.number('folds', 0, 1e6) : 0;
  const apart = found.has('apart') ? found.number('apart', 0, 1) : 0;
  const byRate = found.has('method') && found.text('method', /^[^]{0,100}$/) === 'fpr';
  const above = promised === null ? -1 : Math.round(promised * (n + 1)) - 1;
  return {
    value: found.number('value', -3.5e38, 3.5e38, false),
    n,
    approximate: folds > 0 || (byRate && mightStandApart(n, above, apart)),
    promised,
    quantiles,
  };
}

/** JSON that came from elsewhere: every field is checked when it is read. */
export class Fields {
  private readonly content: Record<string, unknown>;
  private readonly where: string;

  constructor(content: unknown, where: string) {
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      throw new Problem(`${where} must be a JSON object, got something else.`);
    }
    this.content = content as Record<string, unknown>;
    this.where = where;
  }

  keys(): string[] {
    return Object.keys(this.content);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.content, key) && this.content[key] !== null;
  }

  object(key: string): Fields {
    return new Fields(this.get(key), `${key} in ${this.where}`);
  }

  flag(key: string): boolean {
    const value = this.get(key);
    if (typeof value !== 'boolean') throw this.wrong(key, 'true or false');
    return value;
  }

  text(key: string, pattern: RegExp): string {
    const value = this.get(key);
    if (typeof value !== 'string' || !pattern.test(value)) throw this.wrong(key, 'text');
    return value;
  }

  number(key: string, least: number, most: number, whole = true): number {
    return this.checked(key, this.get(key), least, most, whole);
  }

  numbers(key: string, count: number, least: number, most: number, whole = true): number[] {
    const values = this.get(key);
    if (!Array.isArray(values) || values.length !== count) throw this.wrong(key, `${count} numbers`);
    return values.map((value) => this.checked(key, value, least, most, whole));
  }

  private checked(key: string, value: unknown, least: number, most: number, whole: boolean): number {
    if (typeof value !== 'number' || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      throw this.wrong(key, `${whole ? 'a whole number' : 'a number'} from ${least} to ${most}`);
    }
    return value;
  }

  private get(key: string): unknown {
    if (!Object.hasOwn(this.content, key)) throw new Problem(`${this.where} has no ${key}. Export the run again.`);
    return this.content[key];
  }

  private wrong(key: string, expected: string): Problem {
    return new Problem(`${key} in ${this.where} must be ${expected}, got something else. Export the run again.`);
  }
}

/** The digest detects damage, not forgery. Without a secure context browsers compute none. */
async function checkDigest(file: Uint8Array<ArrayBuffer>, place: number, digest: string): Promise<void> {
  if (!globalThis.crypto?.subtle) return;
  const blank = file.slice();
  const at = indexOf(blank, new TextEncoder().encode(digest), place);
  blank.fill('0'.charCodeAt(0), at, at + digest.length);
  const found = new Uint8Array(await crypto.subtle.digest('SHA-256', blank));
  const hex = Array.from(found, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== digest) throw new Problem('The model was changed or damaged since it was exported. Copy it again.');
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
}

function matches(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  let at = from;
  while (at + wanted.length <= bytes.length && !matches(bytes, wanted, at)) at++;
  return at;
}

function lastIndexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.lastIndexOf(wanted[0]); at >= 0; at = at > 0 ? bytes.lastIndexOf(wanted[0], at - 1) : -1) {
    if (at + wanted.length <= bytes.length && matches(bytes, wanted, at)) return at;
  }
  return -1;
}
