/** Small pictures for the log. */
const SIDE = 160;

export async function thumbnailOf(photograph: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(photograph);
  const scale = Math.min(SIDE / Math.max(bitmap.width, bitmap.height), 1);
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(Math.round(side * scale), 1));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context) {
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
  }
  bitmap.close();
  return canvas.convertToBlob({type: 'image/jpeg', quality: 0.8});
}
