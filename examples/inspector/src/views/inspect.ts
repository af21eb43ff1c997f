/** The page Inspect: photographs and the camera, the verdict, where it comes from. */
import type {App, Judged} from '../app.ts';
import {Camera} from '../camera.ts';
import {heatmap, opaque} from '../core/heatmap.ts';
import type {Limits} from '../core/limits.ts';
import {inputRegion, seen} from '../core/prepare.ts';
import {percentile} from '../core/threshold.ts';
import {inWords, printable, short} from '../core/words.ts';
import {draw, element, fillPairs, made, on, onPress, takeFiles, tell, verdictOf} from '../page.ts';
import {isOn} from '../settings.ts';
import {thumbnailOf} from '../thumbnail.ts';
import {showGauge} from './gauge.ts';

const OTHER_MODEL = 'It was inspected with another model. Choose it in the table to inspect it with this one.';
const MOST_AT_ONCE = 500;
const SMOOTHING = 0.8; // of the frames per second that are shown

/** A photograph since the page was opened, or why it has no verdict. */
interface Result {
  name: string;
  photograph: Blob;
  found: Judged | null;
  problem: string;
}

export class InspectView {
  private readonly video = element('video', HTMLVideoElement);
  private readonly picture = element('picture', HTMLCanvasElement);
  private readonly frame = element('seen', HTMLDivElement);
  private readonly heat = element('heat', HTMLCanvasElement);
  private readonly stage = element('stage', HTMLDivElement);
  private readonly verdict = element('verdict', HTMLParagraphElement);
  private readonly camera = new Camera(this.video);
  private readonly results: Result[] = [];
  private shown: Judged | null = null;
  private chosen: Result | null = null; // to be shown, once its picture is there
  private last: Promise<void> = Promise.resolve(); // photographs are inspected in turn, however they come
  private rate = 0;

  constructor(private readonly app: App) {
    const files = element('files', HTMLInputElement);
    on(files, 'change', () => this.inspectFiles(takeFiles(files)));
    onPress('camera', () => this.toggleCamera());
    onPress('switch', () => this.switchCamera());
    onPress('torch', () => this.toggleTorch());
    onPress('take', () => this.take());
    for (const id of ['show-heat', 'opacity', 'show-reconstruction']) {
      element(id, HTMLInputElement).addEventListener('input', () => this.showMaps());
    }
    this.takeDrops();
    on(document, 'paste', (event) => {
      const pasted = Array.from((event as ClipboardEvent).clipboardData?.files ?? []);
      return pasted.length ? this.inspectFiles(pasted) : undefined;
    });
    this.camera.onEnd = () => {
      this.cameraIs(false);
      tell('The camera has ended. Start it again.');
    };
    new ResizeObserver(() => this.place()).observe(this.stage);
    app.onChange(() => this.judgeAgain());
  }

  /** Ends what costs power, when another page is shown. */
  leave(): void {
    if (this.camera.running) this.stopCamera();
    else this.camera.stop(); // one that has not started yet
  }

  private takeDrops(): void {
    const page = element('inspect', HTMLElement);
    page.addEventListener('dragover', (event) => {
      event.preventDefault();
      this.stage.classList.add('over');
    });
    page.addEventListener('dragleave', () => this.stage.classList.remove('over'));
    on(page, 'drop', (event) => {
      event.preventDefault();
      this.stage.classList.remove('over');
      return this.inspectFiles(Array.from((event as DragEvent).dataTransfer?.files ?? []));
    });
  }

  private async inspectFiles(files: File[]): Promise<void> {
    this.app.model; // a problem without one
    if (files.length > MOST_AT_ONCE) tell(`${files.length} files are more than the ${MOST_AT_ONCE} at once: the rest is left out.`);
    if (files.length && this.camera.running) this.stopCamera();
    await this.inTurn(async () => {
      for (const file of files.slice(0, MOST_AT_ONCE)) await this.inspectPhotograph(file, file.name);
    });
  }

  private inTurn(act: () => Promise<void>): Promise<void> {
    this.last = this.last.then(act).catch(tell);
    return this.last;
  }

  private async inspectPhotograph(photograph: Blob, name: string): Promise<void> {
    const result: Result = {name, photograph, found: null, problem: ''};
    await this.judge(result);
    this.results.push(result);
    await this.showAndList(result);
    if (!result.found || !isOn('keep-log')) return;
    try {
      await this.log(result, result.found);
    } catch (error) {
      tell(error); // the other photographs are inspected all the same
    }
  }

  private async judge(result: Result): Promise<void> {
    try {
      result.found = await this.app.inspect(result.photograph);
    } catch (error) {
      result.problem = inWords(error);
    }
  }

  /** What has no verdict, such as one of another model, is inspected again. */
  private async choose(result: Result): Promise<void> {
    if (!result.found) await this.inTurn(() => this.judge(result));
    await this.showAndList(result);
  }

  /** The row comes when the picture is there: both say the same at any time. */
  private showAndList(result: Result): Promise<void> {
    return this.show(result).finally(() => this.list());
  }

  private async log({name, photograph}: Result, found: Judged): Promise<void> {
    const {name: model, format, sha256} = found.about;
    await this.app.log.add({
      time: new Date().toISOString(),
      name,
      score: found.score,
      percentile: found.percentile,
      anomalous: found.anomalous,
      threshold: found.limits.score,
      model,
      format,
      sha256,
      thumbnail: await thumbnailOf(photograph),
      full: isOn('keep-full') ? photograph : null,
      correction: null,
    });
  }

  private list(): void {
    const table = element('results', HTMLTableElement);
    table.hidden = this.results.length < 1;
    const rows = this.results.map((result) => {
      const name = made('button', printable(result.name, 60));
      name.type = 'button';
      on(name, 'click', () => this.choose(result));
      const {found} = result;
      const said = found ? verdictOf(found.anomalous) : '\u2013 not inspected';
      const word = made('td', said);
      if (found) word.className = found.anomalous ? 'bad-word' : 'good-word';
      return made('tr', made('td', name), made('td', found ? short(found.score) : '\u2013'), word);
    });
    table.tBodies[0].replaceChildren(...rows.reverse());
  }

  private async show(result: Result): Promise<void> {
    const {photograph, name, found, problem} = result;
    if (this.camera.running) this.stopCamera();
    this.chosen = result;
    if (!found) {
      this.shown = null;
      this.frame.hidden = this.picture.hidden = true;
      element('empty', HTMLParagraphElement).hidden = false;
      element('reconstruction', HTMLCanvasElement).hidden = true;
      this.verdict.className = '';
      this.verdict.textContent = '\u2013 not inspected';
      fillPairs(element('figures', HTMLDListElement), []);
      showGauge(element('gauge', HTMLDivElement), this.app.limits, null, null);
      element('note', HTMLParagraphElement).textContent = `${printable(name)}: ${problem}`;
      return;
    }
    const bitmap = await createImageBitmap(photograph, {colorSpaceConversion: 'none'});
    if (this.chosen !== result || result.found !== found) {
      bitmap.close();
      return;
    }
    this.picture.width = bitmap.width;
    this.picture.height = bitmap.height;
    this.picture.getContext('2d')?.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.picture.hidden = false;
    element('empty', HTMLParagraphElement).hidden = true;
    this.showFound(found, name);
  }

  private showFound(found: Judged, name: string): void {
    this.shown = found;
    const word = verdictOf(found.anomalous);
    if (this.verdict.textContent !== word) this.verdict.textContent = word; // a reader says it only when it changes
    this.verdict.className = found.anomalous ? 'anomalous' : 'normal';
    const {milliseconds: {decode, prepare, network}} = found;
    const pairs: [string, string][] = [
      ['score', `${short(found.score)}, threshold ${short(found.limits.score)}`],
      ['percentile', `${found.percentile.toFixed(1)} among normal images`],
      ['latency', `${network.toFixed(0)} ms network, ${prepare.toFixed(0)} ms preparation, ${decode.toFixed(0)} ms decoding`],
      ['image', `${printable(name)}, ${found.width} x ${found.height}`],
    ];
    if (this.camera.running) pairs.push(['frames', `${this.rate.toFixed(1)} a second`]);
    fillPairs(element('figures', HTMLDListElement), pairs);
    element('note', HTMLParagraphElement).textContent = found.note ?? '';
    showGauge(element('gauge', HTMLDivElement), found.limits, found.score, found.percentile);
    this.showMaps();
  }

  private showMaps(): void {
    const found = this.shown;
    const reconstruction = element('reconstruction', HTMLCanvasElement);
    const wanted = element('show-reconstruction', HTMLInputElement).checked;
    reconstruction.hidden = !found || !wanted;
    this.frame.hidden = !found;
    if (!found) return;
    const {height, width, channels} = found.about.input;
    draw(this.heat, heatmap(found.map, found.limits.map), width, height);
    this.heat.hidden = !element('show-heat', HTMLInputElement).checked;
    this.heat.style.opacity = String(Number(element('opacity', HTMLInputElement).value) / 100);
    if (wanted) draw(reconstruction, opaque(found.reconstruction, channels), width, height);
    this.place();
  }

  /** Puts the frame around what the network sees, and the heatmap where its places lie. */
  private place(): void {
    const found = this.shown;
    const shown = this.camera.running ? this.video : this.picture;
    if (!found || shown.clientWidth === 0) return;
    const {input} = found.about;
    const scale = shown.clientWidth / found.width;
    const visible = seen(found.height, found.width, input);
    const whole = inputRegion(found.height, found.width, input);
    Object.assign(this.frame.style, {
      left: `${shown.offsetLeft + visible.left * scale}px`,
      top: `${shown.offsetTop + visible.top * scale}px`,
      width: `${visible.width * scale}px`,
      height: `${visible.height * scale}px`,
    });
    Object.assign(this.heat.style, {
      left: `${(whole.left - visible.left) * scale}px`,
      top: `${(whole.top - visible.top) * scale}px`,
      width: `${whole.width * scale}px`,
      height: `${whole.height * scale}px`,
    });
  }

  private async toggleCamera(): Promise<void> {
    if (this.camera.running) {
      this.stopCamera();
      return;
    }
    this.app.model;
    await this.startCamera();
  }

  private async startCamera(device?: string): Promise<void> {
    if (!(await this.camera.start(device))) return;
    this.cameraIs(true);
    void this.live();
  }

  private stopCamera(): void {
    this.camera.stop();
    this.cameraIs(false);
  }

  private cameraIs(running: boolean): void {
    element('camera', HTMLButtonElement).setAttribute('aria-pressed', String(running));
    element('take', HTMLButtonElement).hidden = !running;
    element('torch', HTMLButtonElement).hidden = !running || !this.camera.hasTorch;
    element('torch', HTMLButtonElement).setAttribute('aria-pressed', 'false');
    element('switch', HTMLButtonElement).hidden = true;
    this.video.hidden = !running;
    this.picture.hidden = true;
    this.frame.hidden = true;
    this.shown = this.chosen = null;
    this.rate = 0;
    element('empty', HTMLParagraphElement).hidden = running;
    if (running) void this.camera.next().then((other) => (element('switch', HTMLButtonElement).hidden = other === null));
  }

  private async switchCamera(): Promise<void> {
    const other = await this.camera.next();
    if (other === null) return;
    await this.startCamera(other);
  }

  private async toggleTorch(): Promise<void> {
    const button = element('torch', HTMLButtonElement);
    const lit = button.getAttribute('aria-pressed') !== 'true';
    await this.camera.light(lit);
    button.setAttribute('aria-pressed', String(lit));
  }

  /** Inspects one frame after the other until the camera stops; those that come meanwhile are left out. */
  private async live(): Promise<void> {
    const {stream} = this.camera;
    const running = () => this.camera.stream === stream; // not another one, which has a loop of its own
    while (running()) {
      const begun = performance.now();
      try {
        const found = await this.app.inspect(await this.camera.frame());
        if (!running()) return;
        const now = 1000 / (performance.now() - begun);
        this.rate = this.rate ? SMOOTHING * this.rate + (1 - SMOOTHING) * now : now;
        this.showFound(found, 'camera');
      } catch (error) {
        if (!running()) return;
        this.stopCamera();
        tell(error);
        return;
      }
      await new Promise(requestAnimationFrame);
    }
  }

  /** The frame that is there becomes a photograph, which is inspected and logged like a file. */
  private async take(): Promise<void> {
    const photograph = await asPng(await this.camera.frame());
    const name = `camera ${new Date().toISOString().slice(0, 19).replace('T', ' ')}`;
    await this.inTurn(() => this.inspectPhotograph(photograph, name));
  }

  /** After another threshold: the verdicts of all that was inspected. Another model says nothing of those. */
  private judgeAgain(): void {
    const {model: {sha256}, limits} = this.app;
    for (const result of this.results) {
      if (result.found?.about.sha256 === sha256) judgeBy(result.found, limits);
      else if (result.found) Object.assign(result, {found: null, problem: OTHER_MODEL});
    }
    this.list();
    if (this.shown?.about.sha256 === sha256) {
      judgeBy(this.shown, limits);
      this.showFound(this.shown, this.chosen?.name ?? 'camera');
      return;
    }
    if (this.chosen) void this.show(this.chosen);
    showGauge(element('gauge', HTMLDivElement), limits, null, null);
  }
}

function judgeBy(found: Judged, limits: Limits): void {
  found.limits = limits;
  found.anomalous = found.score > limits.score;
  found.percentile = percentile(found.score, limits.quantiles);
}

/** A frame as a PNG, in which nothing is lost; the frame is closed. */
export async function asPng(frame: ImageBitmap): Promise<Blob> {
  const canvas = new OffscreenCanvas(frame.width, frame.height);
  canvas.getContext('2d')?.drawImage(frame, 0, 0);
  frame.close();
  return canvas.convertToBlob({type: 'image/png'});
}
