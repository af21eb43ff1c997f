/** How the pixels of an image lie in its file, beside how it is shown: a camera that was held sideways says so. */

/** From the stored image to the upright one. */
export interface Turn {
  /** Whether rows become columns, before the sides below are counted. */
  transposed: boolean;
  /** Whether the upright image's first row is the stored one's last row, or last column where it is transposed. */
  upsideDown: boolean;
  /** The same of its first column. */
  mirrored: boolean;
}

export const UPRIGHT: Turn = {transposed: false, upsideDown: false, mirrored: false};

/**
 * @param rotation clockwise, in degrees: 0, 90, 180 or 270.
 * @param flip whether left and right are swapped after that.
 */
export function turnOf(rotation: number, flip: boolean): Turn {
  return {
    transposed: rotation === 90 || rotation === 270,
    upsideDown: rotation === 180 || rotation === 270,
    mirrored: (rotation === 90 || rotation === 180) !== flip,
  };
}

/**
 * The pixels of a stored image in the order of the upright one.
 *
 * @param pixels three values each, row by row; of `height * width` pixels.
 * @param height of the upright image.
 * @param width of the upright image.
 * @param blueFirst whether the values are blue, green and red; they become red, green and blue.
 */
export function turned(pixels: Float64Array, height: number, width: number, turn: Turn, blueFirst: boolean): Float64Array {
  const upright = new Float64Array(pixels.length);
  const [first, last] = blueFirst ? [2, 0] : [0, 2];
  let to = 0;
  for (let y = 0; y < height; y++) {
    const down = turn.upsideDown ? height - 1 - y : y;
    for (let x = 0; x < width; x++, to += 3) {
      const across = turn.mirrored ? width - 1 - x : x;
      const from = 3 * (turn.transposed ? across * height + down : down * width + across);
      upright[to] = pixels[from + first];
      upright[to + 1] = pixels[from + 1];
      upright[to + 2] = pixels[from + last];
    }
  }
  return upright;
}
