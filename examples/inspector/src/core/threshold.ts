/**
 * From normal scores to a threshold, by the rule of `piade_tf/evaluation/threshold.py`.
 *
 * Split conformal prediction: of n normal scores the ceil((n + 1)(1 - rate))-th smallest. A new normal image, taken in
 * the same way as those n, scores higher with a probability of at most `rate`.
 */
import {Problem} from './words.ts';

/** The first and last of the quantiles, and all between: 0, 1, ... 100 %. */
export const LEVELS = 101;
const FEWEST_TO_STAND_APART = 20;

/** Images that score higher than `value` are anomalous. */
export interface Threshold {
  value: number;
  /** Normal scores behind it. */
  n: number;
  /** Bound on the expected share of false alarms; null: nothing is promised. */
  promised: number | null;
  /** Whether the rate is about what is expected, not at most: scored in folds, or the highest might stand apart. */
  approximate: boolean;
  /** The 0, 1, ... 100 % quantiles of the normal scores, non-decreasing. */
  quantiles: number[];
}

/**
 * The threshold for a rate of false alarms in (0, 1), taken as the decimal that it is written as.
 *
 * Where there are too few scores for that rate, it is the largest. Where it is the largest of 20 or more, which lies
 * further above the next than that above the median, it is the next: one odd photograph does not set the threshold.
 */
export function fitThreshold(rate: number, normalScores: readonly number[]): Threshold {
  const n = normalScores.length;
  if (n === 0) throw new Problem('A threshold needs at least one normal score.');
  if (!normalScores.every(Number.isFinite)) throw new Problem('Normal scores must be finite numbers.');
  const sorted = Float64Array.from(normalScores).sort();
  const wanted = Math.min(rankOf(rate, n), n);
  const rank = wanted - Number(wanted === n && highestStandsApart(sorted));
  return {
    value: sorted[rank - 1],
    n,
    promised: (n + 1 - rank) / (n + 1),
    approximate: mightStandApart(n, n - rank, wanted - rank),
    quantiles: Array.from({length: LEVELS}, (_, level) => quantile(sorted, level / 100)),
  };
}

/**
 * Whether it was looked whether the highest of n scores stands apart: the choice depends on the scores, and no theorem
 * covers the promise.
 *
 * `above`: how many of them may lie above the threshold; `apart`: how many have no say in it.
 */
export function mightStandApart(n: number, above: number, apart: number): boolean {
  return n >= FEWEST_TO_STAND_APART && above === apart;
}

function highestStandsApart(sorted: Float64Array): boolean {
  const n = sorted.length;
  if (n < FEWEST_TO_STAND_APART) return false;
  const median = (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
  return sorted[n - 1] - sorted[n - 2] > sorted[n - 2] - median;
}

/** The fewest normal images with which a rate can be promised. */
export function imagesNeeded(rate: number): number {
  const [over, under] = fraction(rate);
  return Number((under + over - 1n) / over) - 1;
}

/** ceil((n + 1)(1 - rate)), exactly. */
export function rankOf(rate: number, n: number): number {
  const [over, under] = fraction(rate);
  return Number((BigInt(n + 1) * (under - over) + under - 1n) / under);
}

/** The threshold of a file's scores at which at most `flagged` of its n normal images would raise an alarm. */
export function allowing(flagged: number, about: {n: number; quantiles: readonly number[]}): {value: number; promised: number} {
  const {n, quantiles} = about;
  // The (n - flagged)-th smallest score lies between two quantiles; the upper one keeps the promise.
  const place = n > 1 ? (100 * (n - flagged - 1)) / (n - 1) : 100;
  const level = Math.min(Math.ceil(place - 1e-9), LEVELS - 1);
  return {value: quantiles[Math.max(level, 0)], promised: (flagged + 1) / (n + 1)};
}

/** Where a score lies among the normal ones, 0 (below all) to 100 (above all); ties get the middle. */
export function percentile(score: number, quantiles: readonly number[]): number {
  const atMost = interpolated(score, quantiles);
  const lessThan = 100 - interpolated(-score, quantiles.map((value) => -value).reverse());
  return (atMost + lessThan) / 2;
}

/** A share of false alarms in words, rounded up so that it is never less than what is promised. */
export function promise({promised, approximate}: Pick<Threshold, 'promised' | 'approximate'>): string {
  if (promised === null) return 'no rate of false alarms is promised';
  const percent = 100 * promised;
  const digits = 10 ** (1 - Math.floor(Math.log10(percent)));
  const howFar = approximate ? 'about' : 'at most';
  return `${howFar} ${Number((Math.ceil(percent * digits - 1e-9) / digits).toPrecision(2))} % false alarms expected`;
}

/** `rate` as a fraction of whole numbers, of the decimal that it is written as. */
function fraction(rate: number): [bigint, bigint] {
  if (!(rate > 0 && rate < 1)) throw new Problem(`The rate of false alarms must lie between 0 and 1, got ${rate}.`);
  const [mantissa, exponent = '0'] = String(rate).split('e');
  const [whole, decimals = ''] = mantissa.split('.');
  return [BigInt(whole + decimals), 10n ** BigInt(decimals.length - Number(exponent))];
}

/** Of sorted numbers, linear between neighbours, as `numpy.quantile` computes it. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  const rest = place - below;
  const step = sorted[above] - sorted[below];
  return rest >= 0.5 ? sorted[above] - step * (1 - rest) : sorted[below] + step * rest;
}

/** As `numpy.interp` of `x` between the non-decreasing `places`, which stand for 0, 1, ... 100. */
function interpolated(x: number, places: readonly number[]): number {
  const last = places.length - 1;
  if (x < places[0]) return 0;
  if (x >= places[last]) return last;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle] <= x) low = middle;
    else high = middle;
  }
  return low + (x - places[low]) / (places[high] - places[low]);
}
