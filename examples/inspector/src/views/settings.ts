/** The page Settings: what is kept on the device. */
import {element, on} from '../page.ts';
import {isOn, type Switch, turn} from '../settings.ts';

export class SettingsView {
  constructor() {
    for (const name of ['keep-log', 'keep-full'] satisfies Switch[]) {
      const box = element(name, HTMLInputElement);
      box.checked = isOn(name);
      on(box, 'change', async () => {
        turn(name, box.checked);
        if (name === 'keep-full' && box.checked) await navigator.storage?.persist?.();
      });
    }
  }

  async enter(): Promise<void> {
    const estimate = await navigator.storage?.estimate?.();
    const mebibytes = (bytes = 0) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    element('storage', HTMLParagraphElement).textContent = estimate
      ? `Stored on this device: ${mebibytes(estimate.usage)} of ${mebibytes(estimate.quota)}.`
      : '';
  }
}
