/** The log of inspections, in IndexedDB on this device. */
import {csv} from './core/csv.ts';
import {archiveName} from './core/file_name.ts';
import {Problem} from './core/words.ts';

const DATABASE = 'piade-inspector';
const STORE = 'inspections';

export type Correction = 'good' | 'defective';

/** One inspection. */
export interface Entry {
  id: number;
  /** ISO 8601, of the device's clock. */
  time: string;
  name: string;
  score: number;
  percentile: number;
  anomalous: boolean;
  threshold: number;
  model: string;
  format: string;
  sha256: string;
  thumbnail: Blob;
  /** The photograph as it was taken, where it was to be kept. */
  full: Blob | null;
  /** What the operator says of the part. */
  correction: Correction | null;
}

/** Inspections in the order in which they were made. */
export class Log {
  private readonly database: Promise<IDBDatabase>;

  constructor() {
    this.database = new Promise((resolve, reject) => {
      const opening = indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, {keyPath: 'id', autoIncrement: true});
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(new Problem('The log cannot be opened: the browser keeps nothing for this page.'));
      opening.onblocked = () => reject(new Problem('The log is open in an older version of this page. Close the other tabs.'));
    });
    this.database.catch(() => undefined); // told to whoever asks
  }

  /** Returns the number of the entry. */
  async add(entry: Omit<Entry, 'id'>): Promise<number> {
    return Number(await this.done('readwrite', (store) => store.add(entry)));
  }

  async all(): Promise<Entry[]> {
    return this.done('readonly', (store) => store.getAll() as IDBRequest<Entry[]>);
  }

  async correct(id: number, correction: Correction | null): Promise<void> {
    const entry = await this.done('readonly', (store) => store.get(id) as IDBRequest<Entry | undefined>);
    if (entry) await this.done('readwrite', (store) => store.put({...entry, correction}));
  }

  async remove(id: number): Promise<void> {
    await this.done('readwrite', (store) => store.delete(id));
  }

  async clear(): Promise<void> {
    await this.done('readwrite', (store) => store.clear());
  }

  private async done<Value>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<Value>): Promise<Value> {
    const transaction = (await this.database).transaction(STORE, mode);
    return new Promise((resolve, reject) => {
      const failed = () => reject(told(transaction.error));
      transaction.onabort = failed;
      transaction.onerror = failed;
      let request: IDBRequest<Value>;
      try {
        request = ask(transaction.objectStore(STORE));
      } catch (error) {
        reject(told(error));
        return;
      }
      transaction.oncomplete = () => resolve(request.result);
    });
  }
}

function told(error: unknown): Problem {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError') {
    return new Problem('The storage of this device is full: nothing was logged. Export the log and clear it, or keep no full images.');
  }
  return new Problem(`The log cannot be written (${name || String(error)}).`);
}

const COLUMNS = ['id', 'time', 'name', 'score', 'percentile', 'verdict', 'threshold', 'correction', 'model', 'format', 'sha256', 'file'];

/** The log as a table; `files` are the places of images in an archive, by the number of their entry. */
export function table(entries: readonly Entry[], files: ReadonlyMap<number, string> = new Map()): string {
  const rows = entries.map((one) => [
    one.id,
    one.time,
    one.name,
    one.score,
    one.percentile,
    one.anomalous ? 'anomalous' : 'normal',
    one.threshold,
    one.correction,
    one.model,
    one.format,
    one.sha256,
    files.get(one.id) ?? null,
  ]);
  return csv([COLUMNS, ...rows]);
}

/** Where an entry's image lies in the archive; null where nobody said what the part is, or the image was not kept. */
export function placeOf(entry: Entry): string | null {
  if (!entry.full || !entry.correction) return null;
  return `${entry.correction}/${archiveName(entry.id, entry.name, entry.full.type)}`;
}
