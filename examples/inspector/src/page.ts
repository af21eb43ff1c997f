/** Small helpers for the page. Text from outside only ever becomes text. */
import {inWords} from './core/words.ts';

/** The element with an id, of the kind that is expected. */
export function element<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} #${id}`);
  return found;
}

/** A new element with text or other elements in it. */
export function made<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const one = document.createElement(tag);
  one.append(...content);
  return one;
}

/** Fills a list of terms. */
export function fillPairs(list: HTMLElement, pairs: readonly (readonly [string, string])[]): void {
  list.replaceChildren(...pairs.flatMap(([term, value]) => [made('dt', term), made('dd', value)]));
}

/** A verdict in a word and a sign, so that it is not told by colour alone. */
export function verdictOf(anomalous: boolean): string {
  return anomalous ? '\u2716 anomalous' : '\u2714 normal';
}

/** Shows what went wrong until the next action. */
export function tell(problem: unknown): void {
  const place = element('message', HTMLParagraphElement);
  place.textContent = typeof problem === 'string' ? problem : inWords(problem);
  place.hidden = false;
}

export function tellNothing(): void {
  element('message', HTMLParagraphElement).hidden = true;
}

/** What an event starts, each time that it comes; its mistakes are told. */
export function on(target: EventTarget, type: string, act: (event: Event) => Promise<void> | void): void {
  target.addEventListener(type, async (event) => {
    tellNothing();
    try {
      await act(event);
    } catch (problem) {
      tell(problem);
    }
  });
}

/** What a button starts; while it runs it is not started again. */
export function onPress(id: string, act: () => Promise<void> | void): void {
  let busy = false;
  on(element(id, HTMLButtonElement), 'click', async () => {
    if (busy) return;
    busy = true;
    try {
      await act();
    } finally {
      busy = false;
    }
  });
}

/** The files of an input, which is emptied so that the same can be chosen again. */
export function takeFiles(input: HTMLInputElement): File[] {
  const files = Array.from(input.files ?? []);
  input.value = '';
  return files;
}

/** Hands a file to whoever uses the app. */
export function download(content: Blob, name: string): void {
  const link = made('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Draws pixels on a canvas of their size. */
export function draw(canvas: HTMLCanvasElement, pixels: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): void {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, width, height), 0, 0);
}
