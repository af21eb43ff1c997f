/** From an image file or a camera's frame to pixels: upright, colours as stored, nothing scaled. */
import {readHeader} from './core/image_header.ts';
import type {Picture} from './core/prepare.ts';
import {Problem} from './core/words.ts';

export const MOST_IMAGE_BYTES = 64 * 2 ** 20;
export const MOST_PIXELS = 64e6;
const HEADER_BYTES = 512 * 1024; // a JPEG's size comes after its metadata
const KINDS = 'PNG, JPEG, WebP, AVIF, GIF or BMP';
const OPAQUE = 255;

/** A decoded image or a frame, which is gone once it is closed. */
export class Bitmap implements Picture {
  readonly width: number;
  readonly height: number;
  /** Whether rows that were asked for are transparent anywhere; found only where that can be. */
  transparent = false;
  /** Milliseconds that the browser took to give the rows. */
  reading = 0;
  private context: OffscreenCanvasRenderingContext2D | null = null;

  /** @param seeThrough whether it may be transparent. */
  constructor(private readonly bitmap: ImageBitmap, private readonly seeThrough: boolean) {
    [this.width, this.height] = [bitmap.width, bitmap.height];
  }

  rows(top: number, count: number): Uint8ClampedArray {
    const begun = performance.now();
    const {width} = this;
    this.context ??= canvasFor(width, count, this.seeThrough); // the first rows are not fewer than those after them
    if (this.seeThrough) this.context.clearRect(0, 0, width, count);
    this.context.drawImage(this.bitmap, 0, top, width, count, 0, 0, width, count);
    const {data} = this.context.getImageData(0, 0, width, count);
    if (this.seeThrough && !this.transparent) {
      for (let i = 3; i < data.length; i += 4) this.transparent ||= data[i] !== OPAQUE;
    }
    this.reading += performance.now() - begun;
    return data;
  }

  close(): void {
    this.bitmap.close();
  }
}

/**
 * Decodes an image file; to be closed.
 *
 * @param bits of a 16-bit grey image that are in use.
 * @throws Problem it is no image that a browser reads, damaged or too large.
 */
export async function decode(file: Blob, bits: number): Promise<Bitmap> {
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
    checkSize(bitmap.width, bitmap.height);
    return new Bitmap(bitmap, header.transparent);
  } catch (error) {
    bitmap.close();
    throw error;
  }
}

function canvasFor(width: number, height: number, alpha: boolean): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', {alpha, willReadFrequently: true});
  if (!context) throw new Problem('The browser gives no canvas of that size: there is too little memory.');
  context.imageSmoothingEnabled = false;
  return context;
}

function checkSize(width: number, height: number): void {
  if (width * height > MOST_PIXELS) {
    throw new Problem(`The image has ${width} x ${height} pixels, more than ${MOST_PIXELS / 1e6} megapixels.`);
  }
}
