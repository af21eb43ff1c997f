/**
 * From pixels of any size to what the network takes, as `piade_tf/data/preparation.py` does it in training: a bilinear
 * filter that widens as it shrinks, rounded once, half to even.
 */
import type {Input} from './metadata.ts';

/** Pixels as a canvas gives them: red, green, blue and alpha, row by row. Alpha is not looked at. */
export interface Pixels {
  data: Uint8ClampedArray;
  width: number;
  height: number;
}

/** A rectangle of the image, in its pixels. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Height and width after resizing, and where in them the network's input begins; negative: black comes first. */
interface Layout {
  kept: [number, number];
  start: [number, number];
}

/** Returns height * width * channels values, 0 to 255. */
export function prepare({data, width, height}: Pixels, input: Input): Uint8Array<ArrayBuffer> {
  const {kept, start} = layout(height, width, input);
  const rows = new Shares(height, kept[0], start[0], input.height);
  const columns = new Shares(width, kept[1], start[1], input.width);
  const shrinkRow = width >= kept[1] ? new Ramps(width, kept[1], start[1], columns).shrink : columns.spread;
  const line = new Float64Array(3 * input.width);
  const sums = new Float64Array(3 * input.width * input.height);
  let first = 0; // of the target rows that still want pixels
  for (let y = rows.from; y < rows.until; y++) {
    shrinkRow(data, 4 * y * width, line);
    while (first < input.height && rows.first[first] + rows.count[first] <= y) first++;
    for (let target = first; target < input.height; target++) {
      if (rows.count[target] === 0) continue;
      const nth = y - rows.first[target];
      if (nth < 0) break;
      if (nth >= rows.count[target]) continue;
      const share = rows.shares[target * rows.most + nth];
      const at = 3 * input.width * target;
      for (let i = 0; i < line.length; i++) sums[at + i] += share * line[i];
    }
  }
  return rounded(sums, input.channels);
}

/** The part of an image that the network sees. */
export function seen(height: number, width: number, input: Input): Region {
  const {kept, start} = layout(height, width, input);
  const [top, left] = [Math.max(start[0], 0), Math.max(start[1], 0)];
  const bottom = Math.min(start[0] + input.height, kept[0]);
  const right = Math.min(start[1] + input.width, kept[1]);
  const [down, across] = [height / kept[0], width / kept[1]];
  return {left: left * across, top: top * down, width: (right - left) * across, height: (bottom - top) * down};
}

/** Where the network's input lies, in pixels of the image; with `pad` it is larger than the image. */
export function inputRegion(height: number, width: number, input: Input): Region {
  const {kept, start} = layout(height, width, input);
  const [down, across] = [height / kept[0], width / kept[1]];
  return {left: start[1] * across, top: start[0] * down, width: input.width * across, height: input.height * down};
}

function layout(height: number, width: number, {resize, resizeTo, height: h, width: w}: Input): Layout {
  const sides = [height, width];
  const factors = sides.map((side, i) => Math.fround(resizeTo[i] / side));
  const factor = {stretch: null, pad: Math.min(...factors), crop: Math.max(...factors)}[resize];
  const kept = sides.map((side, i) => (factor === null ? resizeTo[i] : Math.max(halfToEven(Math.fround(side * factor)), 1)));
  const start = [h, w].map((side, i) => Math.trunc((resizeTo[i] - side) / 2) - Math.trunc((resizeTo[i] - kept[i]) / 2));
  return {kept: [kept[0], kept[1]], start: [start[0], start[1]]};
}

/** Of the pixels along a side, the share of each in every target pixel. */
class Shares {
  /** The first source pixel of each target pixel, how many there are (none: the black border of `pad`), and at most. */
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly most: number;
  /** `most` numbers for each target pixel, which add up to one. */
  readonly shares: Float64Array;
  /** The source pixels that count at all. */
  readonly from: number;
  readonly until: number;

  /**
   * @param side source pixels.
   * @param kept what they are resized to.
   * @param start which of these is the first target pixel.
   * @param targets how many target pixels there are.
   */
  constructor(side: number, kept: number, start: number, targets: number) {
    const scale = side / kept;
    const radius = Math.max(scale, 1);
    this.most = 2 * Math.ceil(radius) + 1;
    this.first = new Int32Array(targets);
    this.count = new Int32Array(targets);
    this.shares = new Float64Array(targets * this.most);
    let [from, until] = [side, 0];
    for (let target = 0; target < targets; target++) {
      const nth = start + target;
      if (nth < 0 || nth >= kept) continue;
      const centre = (nth + 0.5) * scale;
      const begin = Math.max(Math.floor(centre - radius - 0.5) + 1, 0);
      const end = Math.min(Math.ceil(centre + radius - 0.5), side);
      let sum = 0;
      for (let i = begin; i < end; i++) sum += 1 - Math.abs(i + 0.5 - centre) / radius;
      for (let i = begin; i < end; i++) {
        this.shares[target * this.most + i - begin] = (1 - Math.abs(i + 0.5 - centre) / radius) / sum;
      }
      this.first[target] = begin;
      this.count[target] = end - begin;
      [from, until] = [Math.min(from, begin), Math.max(until, end)];
    }
    [this.from, this.until] = [from, until];
  }

  /** Writes the row of an image that begins at `base` to `line`, in the width of the network. */
  readonly spread = (data: Uint8ClampedArray, base: number, line: Float64Array): void => {
    for (let target = 0; target < this.count.length; target++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let at = base + 4 * this.first[target];
      const until = target * this.most + this.count[target];
      for (let i = target * this.most; i < until; i++, at += 4) {
        const share = this.shares[i];
        red += share * data[at];
        green += share * data[at + 1];
        blue += share * data[at + 2];
      }
      line[3 * target] = red;
      line[3 * target + 1] = green;
      line[3 * target + 2] = blue;
    }
  };
}

/**
 * The same shares for a row that shrinks, twice as fast. Between the centres of two neighbouring targets the share of a
 * pixel falls by the same amount from one pixel to the next, so two running sums of whole numbers tell both of them
 * what they get.
 */
class Ramps {
  /** Where the pixels of each ramp begin and end; the ramp at `i` lies between the targets `i - 1` and `i`. */
  private readonly bounds: Int32Array;
  /** How far the first pixel of each ramp lies behind the centre of its left target, as a share of the way. */
  private readonly offset: Float64Array;
  /** What the shares of each target are divided by. */
  private readonly sum: Float64Array;
  private readonly scale: number;

  /** As for `Shares`; every target of `columns` that is not black gets a ramp on either side. */
  constructor(side: number, kept: number, start: number, columns: Shares) {
    const targets = columns.count.length;
    this.scale = side / kept;
    this.bounds = new Int32Array(targets + 2);
    this.offset = new Float64Array(targets + 1);
    this.sum = new Float64Array(targets);
    for (let ramp = 0; ramp <= targets + 1; ramp++) {
      const centre = (start + ramp - 0.5) * this.scale; // of its left target
      this.bounds[ramp] = Math.min(Math.max(Math.ceil(centre - 0.5), 0), side);
      if (ramp <= targets) this.offset[ramp] = (this.bounds[ramp] + 0.5 - centre) / this.scale;
    }
    for (let target = 0; target < targets; target++) {
      const centre = (start + target + 0.5) * this.scale;
      for (let i = 0; i < columns.count[target]; i++) {
        this.sum[target] += 1 - Math.abs(columns.first[target] + i + 0.5 - centre) / this.scale;
      }
    }
  }

  /** Writes the row of an image that begins at `base` to `line`, in the width of the network. */
  readonly shrink = (data: Uint8ClampedArray, base: number, line: Float64Array): void => {
    const {bounds, offset, sum, scale} = this;
    line.fill(0);
    for (let ramp = 0; ramp <= sum.length; ramp++) {
      const count = bounds[ramp + 1] - bounds[ramp];
      const end = base + 4 * bounds[ramp + 1];
      let red = 0;
      let green = 0;
      let blue = 0;
      let reds = 0; // the sum of all values that `red` has had
      let greens = 0;
      let blues = 0;
      for (let at = base + 4 * bounds[ramp]; at < end; at += 4) {
        red += data[at];
        reds += red;
        green += data[at + 1];
        greens += green;
        blue += data[at + 2];
        blues += blue;
      }
      const towards = offset[ramp];
      const redRight = towards * red + (count * red - reds) / scale;
      const greenRight = towards * green + (count * green - greens) / scale;
      const blueRight = towards * blue + (count * blue - blues) / scale;
      if (ramp < sum.length && sum[ramp] > 0) {
        line[3 * ramp] += redRight / sum[ramp];
        line[3 * ramp + 1] += greenRight / sum[ramp];
        line[3 * ramp + 2] += blueRight / sum[ramp];
      }
      if (ramp > 0 && sum[ramp - 1] > 0) {
        line[3 * ramp - 3] += (red - redRight) / sum[ramp - 1];
        line[3 * ramp - 2] += (green - greenRight) / sum[ramp - 1];
        line[3 * ramp - 1] += (blue - blueRight) / sum[ramp - 1];
      }
    }
  };
}

function rounded(sums: Float64Array, channels: 1 | 3): Uint8Array<ArrayBuffer> {
  if (channels === 3) {
    const image = new Uint8Array(sums.length);
    for (let i = 0; i < image.length; i++) image[i] = halfToEven(sums[i]);
    return image;
  }
  const grey = new Uint8Array(sums.length / 3);
  for (let i = 0; i < grey.length; i++) {
    const mixed = 0.2989 * halfToEven(sums[3 * i]) + 0.587 * halfToEven(sums[3 * i + 1]) + 0.114 * halfToEven(sums[3 * i + 2]);
    grey[i] = (mixed * 255.5) / 255; // cut off, not rounded
  }
  return grey;
}

function halfToEven(value: number): number {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
