/** From which score on an image is anomalous on this device: as exported, chosen on the slider, or calibrated here. */
import {Fields, type About} from './metadata.ts';
import {allowing, fitThreshold, imagesNeeded, promise, type Threshold} from './threshold.ts';
import {Problem} from './words.ts';

export const FEWEST_TO_CALIBRATE = 20;
export const MOST_TO_CALIBRATE = 2000;

/** Scores and largest map values of good photographs that were taken with this device. */
export interface Calibration {
  rate: number;
  scores: number[];
  maps: number[];
}

/** What is kept for a model. */
export interface Choice {
  /** Normal images that the slider allows to be flagged; null: the slider was not moved. */
  flagged: number | null;
  calibration: Calibration | null;
}

/** What verdicts are made with. */
export interface Limits {
  /** Images that score higher are anomalous. */
  score: number;
  /** Places where the map is above it are anomalous. */
  map: number;
  /** Of normal scores, for the gauge and the percentile. */
  quantiles: number[];
  /** Normal images behind it. */
  n: number;
  origin: 'exported' | 'chosen' | 'calibrated';
  promised: number | null;
  approximate: boolean;
}

export const AS_EXPORTED: Choice = {flagged: null, calibration: null};

export function limitsOf(about: About, {flagged, calibration}: Choice): Limits {
  const [ofScores, ofMaps] = calibration
    ? [fitThreshold(calibration.rate, calibration.scores), fitThreshold(calibration.rate, calibration.maps)]
    : [about.threshold, about.mapThreshold];
  const {n, quantiles, approximate} = ofScores;
  if (flagged === null) {
    const origin = calibration ? 'calibrated' : 'exported';
    return {score: ofScores.value, map: ofMaps.value, quantiles, n, approximate, origin, promised: ofScores.promised};
  }
  const [score, map] = calibration
    ? [exactly(flagged, calibration.scores), exactly(flagged, calibration.maps)]
    : [allowing(flagged, ofScores), allowing(flagged, ofMaps)];
  return {score: score.value, map: map.value, quantiles, n, approximate, origin: 'chosen', promised: score.promised};
}

/** The largest number of flagged normal images that the slider offers: half of them. */
export function mostFlagged({n}: {n: number}): number {
  return Math.floor((n - 1) / 2);
}

/** Where the slider stands for a threshold that it did not set. */
export function flaggedBy(limits: Limits): number {
  const share = limits.promised ?? limits.quantiles.filter((value) => value > limits.score).length / 100;
  return Math.min(Math.max(Math.round(share * (limits.n + 1)) - 1, 0), mostFlagged(limits));
}

/** What the threshold is and what it promises. */
export function explained(limits: Limits): string {
  const origin = {
    exported: 'As exported',
    chosen: 'Chosen here',
    calibrated: 'Calibrated here',
  }[limits.origin];
  return `${origin}, ${limits.n} normal images behind it: ${promise(limits)}.`;
}

/** What a calibration promises, and what it would need for more. */
export function calibrated({rate, scores}: Calibration): string {
  const fitted = fitThreshold(rate, scores);
  const {n} = fitted;
  const needed = imagesNeeded(rate);
  const more = needed > n ? ` For ${Number((100 * rate).toPrecision(6))} % it needs ${needed} photographs, ${needed - n} more.` : '';
  return `Fitted to ${n} photographs: ${promise(fitted)}, as long as parts are photographed in the same way.${more}`;
}

/**
 * A warning where every score lies below the middle of the model's own normal images, as those of photographs that it has
 * learned do; of new good parts half do, so that by chance this happens to less than one of a million calibrations.
 */
export function warningOf({scores}: Pick<Calibration, 'scores'>, own: {quantiles: readonly number[]}): string {
  if (scores.length < FEWEST_TO_CALIBRATE || scores.some((score) => score >= own.quantiles[50])) return '';
  return (
    'Warning: all of them score below the middle of the normal images that the model was calibrated with. Photographs that ' +
    'the detector has learned do so, and with them every new good part would be an alarm. Take others.'
  );
}

/** What was kept, checked; as exported where it cannot be read. */
export function choiceFrom(text: string | null): Choice {
  if (text === null) return AS_EXPORTED;
  try {
    const found = new Fields(JSON.parse(text), 'the kept threshold');
    const flagged = found.has('flagged') ? found.number('flagged', 0, 1e9) : null;
    if (!found.has('calibration')) return {flagged, calibration: null};
    const kept = found.object('calibration');
    const count = kept.number('count', 1, MOST_TO_CALIBRATE);
    const [scores, maps] = ['scores', 'maps'].map((key) => kept.numbers(key, count, -3.5e38, 3.5e38, false));
    return {flagged, calibration: {rate: kept.number('rate', 1e-6, 0.5, false), scores, maps}};
  } catch {
    return AS_EXPORTED;
  }
}

/** For `choiceFrom`. */
export function textOf({flagged, calibration}: Choice): string {
  return JSON.stringify({flagged, calibration: calibration && {...calibration, count: calibration.scores.length}});
}

/** Raises a problem unless there are enough photographs to calibrate with. */
export function checkCalibration({scores}: Calibration): void {
  if (scores.length < FEWEST_TO_CALIBRATE) {
    throw new Problem(`Take ${FEWEST_TO_CALIBRATE} good photographs or more, there are ${scores.length}.`);
  }
}

function exactly(flagged: number, scores: readonly number[]): Pick<Threshold, 'value'> & {promised: number} {
  const sorted = Float64Array.from(scores).sort();
  const allowed = Math.min(flagged, sorted.length - 1);
  return {value: sorted[sorted.length - 1 - allowed], promised: (allowed + 1) / (sorted.length + 1)};
}
