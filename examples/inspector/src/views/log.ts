/** The page Log: what was inspected, what the operator says of it, and the way back to the computer. */
import {archive} from '../archive.ts';
import type {App} from '../app.ts';
import {opaque} from '../core/heatmap.ts';
import {printable, Problem, short} from '../core/words.ts';
import {type Correction, type Entry, table} from '../log.ts';
import {download, draw, element, made, on, onPress, verdictOf} from '../page.ts';

const SHOWN = 200; // entries; the table and the archive have all
const WORDS: [Correction | null, string][] = [
  [null, 'not said'],
  ['good', 'good part'],
  ['defective', 'defective part'],
];

export class LogView {
  private readonly entries = element('entries', HTMLUListElement);
  private readonly result = element('log-result', HTMLParagraphElement);
  private pictures: string[] = [];

  constructor(private readonly app: App) {
    onPress('export-csv', () => this.exportTable());
    onPress('export-zip', () => this.exportArchive());
    onPress('clear-log', () => this.clear());
  }

  async enter(): Promise<void> {
    const entries = await this.app.log.all();
    for (const address of this.pictures) URL.revokeObjectURL(address);
    this.pictures = [];
    const shown = entries.slice(-SHOWN).reverse();
    this.entries.replaceChildren(...shown.map((entry) => this.row(entry)));
    const more = entries.length > shown.length ? ` The last ${shown.length} are shown.` : '';
    this.result.textContent = `${entries.length} inspections.${more}`;
  }

  private row(entry: Entry): HTMLLIElement {
    const picture = made('img');
    picture.src = URL.createObjectURL(entry.thumbnail);
    picture.alt = '';
    this.pictures.push(picture.src);
    const verdict = made('span', verdictOf(entry.anomalous));
    verdict.className = entry.anomalous ? 'bad-word' : 'good-word';
    const name = printable(entry.name, 60);
    const choice = made('select', ...WORDS.map(([value, word]) => {
      const option = made('option', word);
      option.value = value ?? '';
      return option;
    }));
    choice.value = entry.correction ?? '';
    on(choice, 'change', () => this.app.log.correct(entry.id, (choice.value || null) as Correction | null));
    const label = made('label', 'The part is ', choice);
    choice.setAttribute('aria-label', `The part of ${name} is`);
    const remove = made('button', 'Delete');
    remove.type = 'button';
    remove.setAttribute('aria-label', `Delete ${name}`);
    on(remove, 'click', async () => {
      await this.app.log.remove(entry.id);
      await this.enter();
    });
    const bar = made('div', label, remove);
    bar.className = 'bar';
    const time = new Date(entry.time).toLocaleString();
    const about = made('p', verdict, ` ${short(entry.score)} \u00b7 ${name}`);
    const kept = made('p', `${time} \u00b7 ${printable(entry.model, 40)}, ${entry.format}${entry.full ? ' \u00b7 full image kept' : ''}`);
    return made('li', picture, made('div', about, kept, bar));
  }

  private async exportTable(): Promise<void> {
    const entries = await this.app.log.all();
    if (entries.length === 0) throw new Problem('The log is empty.');
    download(new Blob([table(entries)], {type: 'text/csv'}), 'inspections.csv');
    this.result.textContent = `${entries.length} inspections exported.`;
  }

  private async exportArchive(): Promise<void> {
    const entries = await this.app.log.all();
    const prepared = element('export-as', HTMLSelectElement).value === 'prepared';
    const made = await archive(entries, (entry) => (prepared ? this.prepared(entry) : Promise.resolve(entry.full as Blob)));
    download(made.file, 'inspections.zip');
    const rest = entries.length - made.good - made.defective;
    this.result.textContent =
      `${made.good} good and ${made.defective} defective images exported; ${rest} others are in log.csv alone, because their ` +
      'image was not kept or nobody said what the part is. Unpack it, then: piade adapt RUN --good good --bad defective';
  }

  /** The image as the network takes it, for runs whose photographs have all its size. */
  private async prepared({full}: Entry): Promise<Blob> {
    const {image} = await this.app.network.inspect(full as Blob);
    const {height, width, channels} = this.app.model.input;
    const canvas = document.createElement('canvas');
    draw(canvas, opaque(image, channels), width, height);
    return new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Problem('The image cannot be written.'))), 'image/png'),
    );
  }

  private async clear(): Promise<void> {
    const count = (await this.app.log.all()).length;
    if (count && !confirm(`Delete all ${count} inspections from this device?`)) return;
    await this.app.log.clear();
    await this.enter();
  }
}
