/** Names for files in an archive: a number that keeps them apart, and what is harmless of the name they had. */

const ENDINGS: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'image/gif': 'gif',
  'image/bmp': 'bmp',
};

export function archiveName(id: number, name: string, type: string): string {
  const stem = name.replace(/\.[^.]*$/, '').replace(/[^\p{L}\p{N}_-]+/gu, '_').replace(/^_+|_+$/g, '').slice(0, 60);
  return `${String(id).padStart(5, '0')}${stem ? `_${stem}` : ''}.${ENDINGS[type] ?? 'png'}`;
}
