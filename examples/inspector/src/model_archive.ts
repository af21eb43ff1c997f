/** A zip of an `export` folder: phones cannot choose folders. Nothing in it is believed before it was checked. */
import {type Unzipped, unzipSync} from 'fflate';
import {MOST_MODEL_BYTES} from './core/metadata.ts';
import {Problem} from './core/words.ts';

const MOST_FILES = 2000;
const MOST_BYTES = 2 * MOST_MODEL_BYTES;
const WANTED = /(^|\/)(manifest\.json|golden\/[\w.-]+|(float32|float16|dynamic_int8|int8)\.tflite)$/;

/** By the path from the export folder on, the files that the app reads. */
export async function openArchive(file: Blob): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  if (file.size > MOST_BYTES) throw new Problem(`The archive has more than ${MOST_BYTES / 2 ** 20} MiB.`);
  const content = new Uint8Array(await file.arrayBuffer());
  let [count, bytes] = [0, 0];
  let files: Unzipped;
  try {
    files = unzipSync(content, {
      filter: ({name, originalSize}) => {
        count++;
        if (!WANTED.test(name) || name.includes('rejected/')) return false;
        bytes += originalSize;
        if (count > MOST_FILES || bytes > MOST_BYTES) throw new Problem('The archive holds more than an export does.');
        return true;
      },
    });
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('The archive is damaged. Pack the folder export again.');
  }
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, bytesOf] of Object.entries(files)) {
    const place = name.match(WANTED);
    if (place) found.set(place[2], bytesOf as Uint8Array<ArrayBuffer>);
  }
  return found;
}
