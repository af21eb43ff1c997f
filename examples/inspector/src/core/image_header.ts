/** The size of an image from its first bytes, so that a bomb is refused before it is decoded. */

/** What the header says; the size is null where it is not read. */
export interface Header {
  kind: 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp' | 'avif';
  size: {width: number; height: number} | null;
  /** Bits of a grey image with more than 8; 8 for all others. */
  greyBits: number;
  /** Whether some pixels may be transparent. */
  transparent: boolean;
}

/** Null where the bytes are no image in a kind that browsers read. */
export function readHeader(bytes: Uint8Array): Header | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (text: string, at = 0) => [...text].every((character, i) => bytes[at + i] === character.charCodeAt(0));
  const plain = {greyBits: 8, transparent: true};
  if (starts('\x89PNG\r\n\x1a\n') && bytes.length >= 33) {
    const [depth, colour] = [bytes[24], bytes[25]];
    return {
      kind: 'png',
      size: {width: view.getUint32(16), height: view.getUint32(20)},
      greyBits: depth === 16 && (colour === 0 || colour === 4) ? 16 : 8,
      transparent: true,
    };
  }
  if (starts('\xff\xd8\xff')) return {kind: 'jpeg', size: jpegSize(bytes, view), greyBits: 8, transparent: false};
  if ((starts('GIF87a') || starts('GIF89a')) && bytes.length >= 10) {
    return {kind: 'gif', size: {width: view.getUint16(6, true), height: view.getUint16(8, true)}, ...plain};
  }
  if (starts('RIFF') && starts('WEBP', 8) && bytes.length >= 30) return {kind: 'webp', size: webpSize(bytes, view), ...plain};
  if (starts('BM') && bytes.length >= 26) {
    const size = {width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true))};
    return {kind: 'bmp', size, ...plain};
  }
  if (starts('ftypavif', 4) || starts('ftypavis', 4)) return {kind: 'avif', size: null, ...plain};
  return null;
}

function jpegSize(bytes: Uint8Array, view: DataView): Header['size'] {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame) return {height: view.getUint16(at + 5), width: view.getUint16(at + 7)};
    at += 2 + (marker >= 0xd0 && marker <= 0xd9 ? 0 : view.getUint16(at + 2));
  }
  return null;
}

function webpSize(bytes: Uint8Array, view: DataView): Header['size'] {
  const chunk = String.fromCharCode(...bytes.subarray(12, 16));
  if (chunk === 'VP8 ') return {width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff};
  if (chunk === 'VP8L') {
    const packed = view.getUint32(21, true);
    return {width: (packed & 0x3fff) + 1, height: ((packed >> 14) & 0x3fff) + 1};
  }
  if (chunk !== 'VP8X') return null;
  const side = (at: number) => 1 + bytes[at] + 256 * bytes[at + 1] + 65536 * bytes[at + 2];
  return {width: side(24), height: side(27)};
}
