/**
 * From pixels of any size to what the network takes, as `piade_tf/data/preparation.py` does it in training: a bilinear
 * filter that widens as it shrinks, rounded once, half to even.
 */
import type {Input} from './metadata.ts';
import {type Turn, turned} from './turn.ts';

/** An image that is read some rows at a time, so that a large one is not copied as a whole. */
export interface Picture {
  /** Of the upright image. */
  readonly width: number;
  readonly height: number;
  /** How the rows lie in it. */
  readonly turn: Turn;
  readonly blueFirst: boolean;
  /** The pixels of `count` stored rows from `top`: red, green, blue (or the other way round) and a value that is not looked at. */
  rows(top: number, count: number): Uint8ClampedArray | Promise<Uint8ClampedArray>;
}

const STRIP_PIXELS = 2 ** 20; // a frame of a camera at once

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
export async function prepare(picture: Picture, input: Input): Promise<Uint8Array<ArrayBuffer>> {
  const [down, across] = storedAxes(picture, input);
  const width = across.side;
  const rows = new Shares(down);
  const columns = new Shares(across);
  const shrinkRow = width >= across.kept ? new Ramps(across, columns).shrink : columns.spread;
  const line = new Float32Array(3 * across.targets); // as Pillow keeps them: where rounding is a tie, it tells
  const sums = new Float64Array(line.length * down.targets);
  let first = 0; // of the target rows that still want pixels
  const add = (data: Uint8ClampedArray, top: number, count: number): void => {
    for (let y = top; y < top + count; y++) {
      shrinkRow(data, 4 * (y - top) * width, line);
      while (first < down.targets && rows.first[first] + rows.count[first] <= y) first++;
      for (let target = first; target < down.targets; target++) {
        if (rows.count[target] === 0) continue;
        const nth = y - rows.first[target];
        if (nth < 0) break;
        if (nth >= rows.count[target]) continue;
        addRow(sums, line.length * target, rows.shares[target * rows.most + nth], line);
      }
    }
  };
  const most = Math.max(Math.floor(STRIP_PIXELS / width), 1);
  for (let top = rows.from; top < rows.until; top += most) {
    const count = Math.min(most, rows.until - top);
    add(await picture.rows(top, count), top, count);
  }
  return rounded(turned(sums, input.height, input.width, picture.turn, picture.blueFirst), input.channels);
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

/** A side of the stored image. */
interface Axis {
  /** Its pixels. */
  side: number;
  /** What they are resized to. */
  kept: number;
  /** Which of these is the first target pixel; negative: black comes first. */
  start: number;
  /** How many target pixels there are. */
  targets: number;
}

/** The axis along which rows follow each other, and that along a row. */
function storedAxes({width, height, turn}: Picture, input: Input): [Axis, Axis] {
  const {kept, start} = layout(height, width, input);
  const upright = [
    {side: height, targets: input.height, reversed: turn.upsideDown},
    {side: width, targets: input.width, reversed: turn.mirrored},
  ];
  const [vertical, horizontal] = upright.map(({side, targets, reversed}, i) => ({
    side,
    kept: kept[i],
    start: reversed ? kept[i] - start[i] - targets : start[i],
    targets,
  }));
  return turn.transposed ? [horizontal, vertical] : [vertical, horizontal];
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

  constructor({side, kept, start, targets}: Axis) {
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
  readonly spread = (data: Uint8ClampedArray, base: number, line: Float32Array): void => {
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

const RED_BLUE = 0xff00ff; // of a pixel in one number; shifted by eight bits: green and alpha
const LOW = 0xffff;
const BLOCK = 22; // pixels: the running sums of as many, 22 * 23 / 2 * 255, fit into 16 bits

/**
 * The same shares for a row that shrinks, almost three times as fast. Between the centres of two neighbouring targets the share
 * of a pixel falls by the same amount from one pixel to the next, so two running sums of whole numbers tell both of them
 * what they get. Two colours are summed in one number, 16 bits each.
 */
class Ramps {
  /** Where the pixels of each ramp begin and end; the ramp at `i` lies between the targets `i - 1` and `i`. */
  private readonly bounds: Int32Array;
  /** How far the first pixel after each ramp lies behind the centre of its left target, as a share of the way. */
  private readonly beyond: Float64Array;
  /** What the shares of each target are multiplied by, so that they add up to one; 0 in the black border of `pad`. */
  private readonly factor: Float64Array;
  private readonly step: number;

  /** As for `Shares`; every target of `columns` that is not black gets a ramp on either side. */
  constructor({side, kept, start, targets}: Axis, columns: Shares) {
    const scale = side / kept;
    this.step = 1 / scale;
    this.bounds = new Int32Array(targets + 2);
    this.beyond = new Float64Array(targets + 1);
    this.factor = new Float64Array(targets);
    for (let ramp = 0; ramp <= targets + 1; ramp++) {
      const centre = (start + ramp - 0.5) * scale; // of its left target
      this.bounds[ramp] = Math.min(Math.max(Math.ceil(centre - 0.5), 0), side);
      if (ramp > 0) this.beyond[ramp - 1] = (this.bounds[ramp] + 0.5 - centre) / scale + 1;
    }
    for (let target = 0; target < targets; target++) {
      const centre = (start + target + 0.5) * scale;
      let sum = 0;
      for (let i = 0; i < columns.count[target]; i++) {
        sum += 1 - Math.abs(columns.first[target] + i + 0.5 - centre) / scale;
      }
      if (sum > 0) this.factor[target] = 1 / sum;
    }
  }

  /** Writes the row of an image that begins at `base` to `line`, in the width of the network. */
  readonly shrink = (data: Uint8ClampedArray, base: number, line: Float32Array): void => {
    const {bounds, beyond, factor, step} = this;
    const pixels = new Int32Array(data.buffer, data.byteOffset + base); // little-endian, as every browser's platform
    let redLeft = 0; // what the target on the left got of the ramp before
    let greenLeft = 0;
    let blueLeft = 0;
    for (let ramp = 0; ramp <= factor.length; ramp++) {
      const begin = bounds[ramp];
      const end = bounds[ramp + 1];
      const block = Math.min(begin + BLOCK, end);
      let redBlue = 0;
      let redBlues = 0;
      let greenAlpha = 0;
      let greenAlphas = 0;
      for (let at = begin; at < block; at++) {
        const pixel = pixels[at];
        redBlue = (redBlue + (pixel & RED_BLUE)) | 0;
        redBlues = (redBlues + redBlue) | 0;
        greenAlpha = (greenAlpha + ((pixel >>> 8) & RED_BLUE)) | 0;
        greenAlphas = (greenAlphas + greenAlpha) | 0;
      }
      let red = redBlue & LOW;
      let green = greenAlpha & LOW;
      let blue = redBlue >>> 16;
      let reds = redBlues & LOW; // the sum of all values that `red` has had
      let greens = greenAlphas & LOW;
      let blues = redBlues >>> 16;
      for (let at = block; at < end; at++) {
        const pixel = pixels[at];
        red += pixel & 255;
        green += (pixel >>> 8) & 255;
        blue += (pixel >>> 16) & 255;
        reds += red;
        greens += green;
        blues += blue;
      }
      const last = beyond[ramp];
      const redRight = last * red - step * reds;
      const greenRight = last * green - step * greens;
      const blueRight = last * blue - step * blues;
      if (ramp > 0) {
        const share = factor[ramp - 1];
        line[3 * ramp - 3] = share * (redLeft + red - redRight);
        line[3 * ramp - 2] = share * (greenLeft + green - greenRight);
        line[3 * ramp - 1] = share * (blueLeft + blue - blueRight);
      }
      redLeft = redRight;
      greenLeft = greenRight;
      blueLeft = blueRight;
    }
  };
}

function addRow(sums: Float64Array, at: number, share: number, line: Float32Array): void {
  for (let i = 0; i < line.length; i++) sums[at + i] += share * line[i];
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

function halfToEven(exact: number): number {
  const value = Math.fround(exact);
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
