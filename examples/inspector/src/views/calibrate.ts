/** The page Calibrate: a threshold from good photographs of this device, by the rule of training. */
import type {App} from '../app.ts';
import {Camera} from '../camera.ts';
import {
  calibrated, type Calibration, checkCalibration, FEWEST_TO_CALIBRATE, MOST_TO_CALIBRATE, warningOf,
} from '../core/limits.ts';
import {fitThreshold} from '../core/threshold.ts';
import {inWords, printable, Problem, short} from '../core/words.ts';
import {element, on, onPress, takeFiles, tell} from '../page.ts';

export class CalibrateView {
  private readonly camera = new Camera(element('calibrate-video', HTMLVideoElement));
  private readonly rate = element('rate', HTMLSelectElement);
  private readonly result = element('calibrate-result', HTMLParagraphElement);
  private scores: number[] = [];
  private maps: number[] = [];
  private sha256 = '';

  constructor(private readonly app: App) {
    const files = element('calibrate-files', HTMLInputElement);
    on(files, 'change', async () => {
      const {scores} = this;
      for (const file of takeFiles(files)) {
        if (scores !== this.scores) return; // started again meanwhile
        try {
          await this.add(file);
        } catch (error) {
          tell(new Problem(`${printable(file.name)}: ${inWords(error)}`));
        }
      }
    });
    onPress('calibrate-camera', () => this.toggleCamera());
    onPress('calibrate-take', async () => this.add(await this.camera.frame()));
    onPress('calibrate-use', () => this.use());
    onPress('calibrate-discard', () => this.startAgain());
    this.rate.addEventListener('change', () => this.show());
    this.camera.onEnd = () => this.cameraIs(false);
    app.onChange(() => {
      if (app.model.sha256 !== this.sha256) this.startAgain(); // scores of another model
      this.sha256 = app.model.sha256;
    });
  }

  leave(): void {
    this.camera.stop(); // also one that has not started yet
    this.cameraIs(false);
  }

  private get calibration(): Calibration {
    return {rate: Number(this.rate.value), scores: this.scores, maps: this.maps};
  }

  private async add(image: Blob | ImageBitmap): Promise<void> {
    if (this.scores.length >= MOST_TO_CALIBRATE) throw new Problem(`${MOST_TO_CALIBRATE} photographs are enough.`);
    const {scores} = this;
    const {score, mapMax} = await this.app.inspect(image);
    if (scores !== this.scores) return;
    scores.push(score);
    this.maps.push(mapMax);
    this.show();
  }

  private show(): void {
    const count = this.scores.length;
    const enough = count >= FEWEST_TO_CALIBRATE;
    element('calibrate-progress', HTMLProgressElement).value = Math.min(count, FEWEST_TO_CALIBRATE);
    element('calibrate-count', HTMLSpanElement).textContent = enough
      ? `${count} good photographs`
      : `${count} of ${FEWEST_TO_CALIBRATE} good photographs`;
    element('calibrate-use', HTMLButtonElement).disabled = !enough;
    element('calibrate-discard', HTMLButtonElement).disabled = count === 0;
    this.result.textContent = enough
      ? `Threshold ${short(fitThreshold(Number(this.rate.value), this.scores).value)}. ${calibrated(this.calibration)}`
      : '';
    element('calibrate-warning', HTMLParagraphElement).textContent = enough
      ? warningOf(this.calibration, this.app.model.threshold)
      : '';
  }

  private use(): void {
    const calibration = {...this.calibration, scores: [...this.scores], maps: [...this.maps]};
    checkCalibration(calibration);
    this.app.choose({flagged: null, calibration});
    this.result.textContent = `In use. ${calibrated(calibration)} Reset it on the page Model.`;
  }

  private startAgain(): void {
    [this.scores, this.maps] = [[], []];
    this.show();
  }

  private async toggleCamera(): Promise<void> {
    if (this.camera.running) {
      this.leave();
      return;
    }
    this.app.model;
    if (await this.camera.start()) this.cameraIs(true);
  }

  private cameraIs(running: boolean): void {
    element('calibrate-camera', HTMLButtonElement).setAttribute('aria-pressed', String(running));
    element('calibrate-take', HTMLButtonElement).hidden = !running;
    element('calibrate-video', HTMLVideoElement).hidden = !running;
  }
}
