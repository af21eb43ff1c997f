/** From an image file or a camera's frame to pixels: upright, colours as stored, nothing scaled. */
import {readHeader} from './core/image_header.ts';
import type {Pixels} from './core/prepare.ts';
import {Problem} from './core/words.ts';

export const MOST_IMAGE_BYTES = 64 * 2 ** 20;
export const MOST_PIXELS = 64e6;
const HEADER_BYTES = 512 * 1024; // a JPEG's size comes after its metadata
const KINDS = 'PNG, JPEG, WebP, AVIF, GIF or BMP';

export interface Decoded {
  pixels: Pixels;
  /** What may make the verdict another than that of training's pipeline; null: nothing. */
  note: string | null;
}

/**
 * Decodes an image file.
 *
 * @param bits of a 16-bit grey image that are in use.
 * @throws Problem it is no image that a browser reads, damaged or too large.
 */
export async function decode(file: Blob, bits: number): Promise<Decoded> {
  if (file.size === 0) throw new Problem('The file is empty.');
  if (file.size > MOST_IMAGE_BYTES) throw new Problem(`The file has more than ${MOST_IMAGE_BYTES / 2 ** 20} MiB.`);
  const header = readHeader(new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer()));
  if (!header) throw new Problem(`This is no image that a browser reads: ${KINDS}.`);
  if (header.size) checkSize(header.size.width, header.size.height);
  if (header.greyBits > 8 && bits < 16) {
    throw new Problem(`The image has 16 bits of grey, of which the model uses ${bits}: a browser would darken it. Use piade predict.`);
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, {colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'from-image'});
  } catch {
    throw new Problem('The image is damaged, or of a kind that this browser does not read.');
  }
  try {
    const pixels = pixelsOf(bitmap);
    const seeThrough = header.transparent && hasTransparency(pixels.data);
    const note = 'The image has transparent places, which training passes over and a browser mixes: the score may differ.';
    return {pixels, note: seeThrough ? note : null};
  } finally {
    bitmap.close();
  }
}

/** The pixels of a frame or a decoded image. */
export function pixelsOf(bitmap: ImageBitmap): Pixels {
  checkSize(bitmap.width, bitmap.height);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', {willReadFrequently: true});
  if (!context) throw new Problem('The browser gives no canvas of that size: there is too little memory.');
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

function checkSize(width: number, height: number): void {
  if (width * height > MOST_PIXELS) {
    throw new Problem(`The image has ${width} x ${height} pixels, more than ${MOST_PIXELS / 1e6} megapixels.`);
  }
}

function hasTransparency(data: Uint8ClampedArray): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
  return false;
}
