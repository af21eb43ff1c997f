/** From an image file or a camera's frame to pixels: upright, colours as stored, nothing scaled. */
import {readHeader} from './core/image_header.ts';
import type {Picture} from './core/prepare.ts';
import {turnOf, UPRIGHT} from './core/turn.ts';
import {Problem} from './core/words.ts';

export const MOST_IMAGE_BYTES = 64 * 2 ** 20;
export const MOST_PIXELS = 64e6;
const HEADER_BYTES = 512 * 1024; // a JPEG's size comes after its metadata
const LAST_BYTES = 2; // a JPEG's end mark
const MOST_MS_FOR_HEADER = 1000;
const KINDS = 'PNG, JPEG, WebP, AVIF, GIF or BMP';
const OPAQUE = 255;

/** An image whose rows can be read until it is closed. */
export interface Decoded extends Picture {
  /** Whether rows that were asked for are transparent anywhere; found only where that can be. */
  readonly transparent: boolean;
  /** Milliseconds that the browser took to give the rows. */
  readonly reading: number;
  close(): void;
}

/** What every browser can decode, and a frame of a camera. */
export class Bitmap implements Decoded {
  readonly width: number;
  readonly height: number;
  readonly turn = UPRIGHT;
  readonly blueFirst = false;
  transparent = false;
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

/** An opaque image as the browser's decoder leaves it: read without a canvas, and turned when it is small. */
class Frame implements Decoded {
  readonly width: number;
  readonly height: number;
  readonly turn: Decoded['turn'];
  readonly blueFirst: boolean;
  readonly transparent = false;
  reading = 0;
  private memory: Uint8ClampedArray<ArrayBuffer> | null = null;

  constructor(private readonly frame: TurnedFrame) {
    this.turn = turnOf(frame.rotation, frame.flip);
    const sides = [frame.codedWidth, frame.codedHeight];
    [this.width, this.height] = this.turn.transposed ? sides.reverse() : sides;
    this.blueFirst = frame.format?.startsWith('B') ?? false;
  }

  async rows(top: number, count: number): Promise<Uint8ClampedArray> {
    const begun = performance.now();
    const {codedWidth: width} = this.frame;
    this.memory ??= new Uint8ClampedArray(4 * width * count); // the first rows are not fewer than those after them
    const data = this.memory.subarray(0, 4 * width * count);
    await this.frame.copyTo(data, {rect: {x: 0, y: top, width, height: count}});
    this.reading += performance.now() - begun;
    return data;
  }

  close(): void {
    this.frame.close();
  }
}

/** Newer browsers tell how a frame is to be turned. */
type TurnedFrame = VideoFrame & {rotation: number; flip: boolean};

function tellsTurns(): boolean {
  return 'VideoFrame' in self && 'rotation' in VideoFrame.prototype;
}

/** Null where its pixels do not lie there as a canvas would show them; it is closed then. */
function readable(frame: VideoFrame): Frame | null {
  const {format, codedWidth, codedHeight, visibleRect} = frame;
  const whole = visibleRect?.width === codedWidth && visibleRect.height === codedHeight;
  if (whole && /^(RGB|BGR)[AX]$/.test(format ?? '')) return new Frame(frame as TurnedFrame);
  frame.close();
  return null;
}

/** Decodes in half the time, without a bitmap; null where the browser does not do it. */
async function decodedAtOnce(jpeg: Blob): Promise<Frame | null> {
  if (!('ImageDecoder' in self) || !tellsTurns()) return null;
  // The last bytes wait until the others are looked at: of a file that is there as a whole, Chromium keeps the colours at
  // half the size, which makes other pixels.
  const bytes = new Uint8Array(await jpeg.arrayBuffer());
  const last = Math.max(bytes.length - LAST_BYTES, 0);
  let given!: ReadableStreamDefaultController<Uint8Array>;
  const data = new ReadableStream<Uint8Array>({start: (controller) => void (given = controller)});
  const decoder = new ImageDecoder({data, type: 'image/jpeg', colorSpaceConversion: 'none'});
  try {
    const decoded = decoder.decode();
    given.enqueue(bytes.subarray(0, last));
    const seen = decoder.tracks.ready.catch(() => undefined); // damaged: `decoded` says so
    await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, MOST_MS_FOR_HEADER))]);
    given.enqueue(bytes.subarray(last));
    given.close();
    return readable((await decoded).image);
  } catch {
    return null;
  } finally {
    decoder.close();
  }
}

/**
 * Decodes an image file; to be closed.
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
  if (header.kind === 'jpeg') {
    const frame = await decodedAtOnce(file);
    if (frame) return checked(frame);
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, {colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'from-image'});
  } catch {
    throw new Problem('The image is damaged, or of a kind that this browser does not read.');
  }
  if (header.kind === 'jpeg' && tellsTurns()) {
    const frame = readable(new VideoFrame(bitmap, {timestamp: 0}));
    if (frame) {
      bitmap.close();
      return checked(frame);
    }
  }
  return checked(new Bitmap(bitmap, header.transparent));
}

function checked(image: Decoded): Decoded {
  try {
    checkSize(image.width, image.height);
    return image;
  } catch (error) {
    image.close();
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
