/** Maps and small images as pixels of a canvas. */

/**
 * Red, and half opaque where a place becomes anomalous; up to half of that value nothing, so that normal places show the
 * photograph as it is. height * width * 4 values.
 */
export function heatmap(map: Float32Array, limit: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * map.length);
  for (let i = 0; i < map.length; i++) {
    pixels[4 * i] = 255;
    pixels[4 * i + 3] = limit > 0 ? 127 * opacity(map[i] / limit) : map[i] > limit ? 255 : 0;
  }
  return pixels;
}

/** From 0 at half of the limit, slowly at first, to 1 at the limit, and on in proportion. */
function opacity(share: number): number {
  return share < 1 ? Math.max(2 * share - 1, 0) ** 3 : share;
}

/** An image of 1 or 3 channels, 0 to 255, with an opaque fourth. */
export function opaque(image: Uint8Array, channels: 1 | 3): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray((4 * image.length) / channels);
  for (let i = 0; i < pixels.length / 4; i++) {
    for (let k = 0; k < 3; k++) pixels[4 * i + k] = image[channels * i + (channels === 3 ? k : 0)];
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/** The largest value. */
export function largest(map: Float32Array): number {
  return map.reduce((most, value) => Math.max(most, value), -Infinity);
}
