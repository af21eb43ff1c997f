/** The page Model: which one is loaded, what it says of itself, its threshold, and whether it computes as it should. */
import type {App} from '../app.ts';
import {AS_EXPORTED, explained, flaggedBy, mostFlagged} from '../core/limits.ts';
import {difference, tolerance} from '../core/manifest.ts';
import {promise} from '../core/threshold.ts';
import {printable, Problem, short} from '../core/words.ts';
import {element, fillPairs, made, on, onPress, takeFiles, verdictOf} from '../page.ts';

export class ModelView {
  private readonly slider = element('slider', HTMLInputElement);
  private readonly format = element('format', HTMLSelectElement);

  constructor(private readonly app: App) {
    const file = element('model-file', HTMLInputElement);
    on(file, 'change', async () => {
      const [chosen] = takeFiles(file);
      if (chosen) await app.open(chosen);
    });
    on(this.format, 'change', async () => {
      element('selftest', HTMLButtonElement).disabled = true; // until that model is there
      try {
        await app.loadServed(this.format.value);
      } finally {
        element('selftest', HTMLButtonElement).disabled = app.about === null;
        this.format.value = app.about?.format ?? this.format.value;
      }
    });
    on(this.slider, 'input', () => app.choose({...app.choice, flagged: Number(this.slider.value)}));
    onPress('reset', () => app.choose(AS_EXPORTED));
    onPress('selftest', async () => {
      const result = element('selftest-result', HTMLParagraphElement);
      result.textContent = 'Running ...';
      try {
        result.textContent = await this.selfTest();
      } catch (problem) {
        result.textContent = 'Not run.';
        throw problem;
      }
    });
    app.onChange(() => this.show());
  }

  private show(): void {
    const {app} = this;
    const about = app.model;
    const {height, width, channels, resize} = about.input;
    element('model-name', HTMLParagraphElement).textContent = `${printable(about.name, 60)}, ${about.format}`;
    fillPairs(element('about', HTMLDListElement), [
      ['run', printable(about.name)],
      ['format', about.format],
      ['learned', printable([about.dataset, about.normalClass ?? ''].filter(Boolean).join(', normal: '))],
      ['score', about.score],
      ['input', `${width} x ${height}, ${channels === 3 ? 'colour' : 'grey'}, ${resize}`],
      ['threshold', `${short(about.threshold.value)}, from ${about.threshold.n} normal images`],
      ['promise', promise(about.threshold)],
      ['PIADE-TF', printable(about.version)],
      ['SHA-256', about.sha256.slice(0, 16)],
    ]);
    element('served', HTMLLabelElement).hidden = !app.served;
    if (app.served) {
      this.format.replaceChildren(...app.served.formats.map((name) => made('option', name)));
      this.format.value = about.format;
    }
    element('selftest', HTMLButtonElement).disabled = false;
    element('selftest-table', HTMLTableElement).hidden = true;
    element('selftest-result', HTMLParagraphElement).textContent = '';
    this.showThreshold();
  }

  private showThreshold(): void {
    const {limits} = this.app;
    this.slider.max = String(mostFlagged(limits));
    this.slider.value = String(flaggedBy(limits));
    this.slider.disabled = mostFlagged(limits) < 1;
    const words = `${promise(limits)}, threshold ${short(limits.score)}`;
    this.slider.setAttribute('aria-valuetext', words);
    element('slider-text', HTMLOutputElement).textContent = words;
    element('threshold-text', HTMLParagraphElement).textContent = explained(limits);
    element('reset', HTMLButtonElement).disabled = limits.origin === 'exported';
  }

  /** Returns the result in words. */
  private async selfTest(): Promise<string> {
    const {app} = this;
    const {model} = app;
    const allowed = tolerance(model.format);
    const limit = model.threshold.value;
    const table = element('selftest-table', HTMLTableElement);
    table.tBodies[0].replaceChildren();
    table.hidden = false;
    let [passed, count] = [0, 0];
    for (const {expected, image} of await app.golden()) {
      const {score, about} = await app.inspect(image);
      if (about !== model) throw new Problem('Another model was loaded meanwhile. Run the self-test again.');
      const same = score > limit === expected.anomalous;
      const near = difference(score, expected.score) <= allowed;
      passed += Number(same && near);
      count++;
      const verdict = made('td', same ? `${verdictOf(expected.anomalous)}, as expected` : `expected ${verdictOf(expected.anomalous)}`);
      verdict.className = same && near ? 'good-word' : 'bad-word';
      const cells = [printable(expected.image), expected.score.toPrecision(6), score.toPrecision(6)].map((text) => made('td', text));
      table.tBodies[0].append(made('tr', ...cells, verdict));
    }
    return passed === count
      ? `\u2714 All ${count} images: the same verdicts, scores within ${allowed}.`
      : `\u2716 ${count - passed} of ${count} images differ from the export. Do not use this model on this device.`;
  }
}
