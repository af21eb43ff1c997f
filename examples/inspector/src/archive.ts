/** The log as a zip: `good/` and `defective/`, as `piade adapt RUN --good` and `--dataset folder` read them. */
import {Zip, ZipDeflate, ZipPassThrough} from 'fflate';
import {Problem} from './core/words.ts';
import {type Entry, placeOf, table} from './log.ts';

/** The archive and how many images are in it, by what the operator said of them. */
export interface Archive {
  file: Blob;
  good: number;
  defective: number;
}

/**
 * Puts the images that the operator judged into an archive, with the whole log as a table.
 *
 * @param imageOf the image of an entry, as it is to be stored.
 */
export async function archive(entries: readonly Entry[], imageOf: (entry: Entry) => Promise<Blob>): Promise<Archive> {
  const judged = entries.flatMap((entry) => {
    const place = placeOf(entry);
    return place ? [{entry, place}] : [];
  });
  if (judged.length === 0) {
    throw new Problem('No image to export: keep full images, and say of each whether the part is good or defective.');
  }
  const parts: BlobPart[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    parts.push(chunk as Uint8Array<ArrayBuffer>);
  });
  const files = new Map<number, string>();
  for (const {entry, place} of judged) {
    const image = await imageOf(entry);
    const name = image.type === 'image/png' ? place.replace(/\.[^.]+$/, '.png') : place;
    const stored = new ZipPassThrough(name); // images are compressed already
    zip.add(stored);
    stored.push(new Uint8Array(await image.arrayBuffer()), true);
    files.set(entry.id, name);
  }
  const log = new ZipDeflate('log.csv');
  zip.add(log);
  log.push(new TextEncoder().encode(table(entries, files)), true);
  zip.end();
  const count = (correction: string) => judged.filter(({entry}) => entry.correction === correction).length;
  return {file: new Blob(parts, {type: 'application/zip'}), good: count('good'), defective: count('defective')};
}
