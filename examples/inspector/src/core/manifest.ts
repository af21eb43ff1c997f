/** Which models a server or a folder offers, and what they said of the golden images when they were exported. */
import {Fields} from './metadata.ts';
import {Problem} from './words.ts';

const IN_BROWSERS = ['float32', 'float16', 'dynamic_int8', 'int8'];
const MOST_GOLDEN = 100;

/** Models that were exported and shipped. */
export interface Served {
  run: string;
  /** Formats that a browser runs, the first is to be chosen. */
  formats: string[];
}

/** What a file said of a golden image. */
export interface Expected {
  image: string;
  score: number;
  anomalous: boolean;
  mapMax: number;
}

/** From the content of `manifest.json`. */
export function readManifest(content: unknown): Served {
  const found = new Fields(content, 'manifest.json');
  const files = found.object('files');
  const formats = IN_BROWSERS.filter((name) => files.has(name) && files.object(name).flag('accepted'));
  if (formats.length === 0) throw new Problem('The export has no model that a browser runs. Export the run again.');
  return {run: found.text('run', /^[^]{1,500}$/), formats};
}

/** From the content of `golden.json`: what the file of a format is to say. */
export function readGolden(content: unknown, format: string): Expected[] {
  const found = new Fields(content, 'golden.json');
  const names = found.keys().filter((name) => /^[\w.-]{1,80}$/.test(name) && found.object(name).has(format));
  return names.slice(0, MOST_GOLDEN).map((image) => {
    const said = found.object(image).object(format);
    return {
      image,
      score: said.number('pred_score', -3.5e38, 3.5e38, false),
      anomalous: said.flag('anomalous'),
      mapMax: said.number('anomaly_map_max', -3.5e38, 3.5e38, false),
    };
  });
}

/** How far a score is from the one that is expected, as a share of it where that is above one. */
export function difference(found: number, expected: number): number {
  return Math.abs(found - expected) / Math.max(1, Math.abs(expected));
}

/**
 * How far scores may be apart, see docs/mobile.md. Where activations are quantized, another kernel rounds other ties, and
 * the difference grows on its way to the score.
 */
export function tolerance(format: string): number {
  return format.startsWith('float') ? 1e-3 : 5e-2;
}
