/** What is kept between visits, in the browser's small storage; without it, the app forgets and works all the same. */
import {type Choice, choiceFrom, textOf} from './core/limits.ts';
import {Problem} from './core/words.ts';

export type Switch = 'keep-log' | 'keep-full';
const ON_AT_FIRST: Record<Switch, boolean> = {'keep-log': true, 'keep-full': false};

export function isOn(name: Switch): boolean {
  const kept = read(name);
  return kept === null ? ON_AT_FIRST[name] : kept === 'on';
}

export function turn(name: Switch, on: boolean): void {
  write(name, on ? 'on' : 'off');
}

/** The threshold that was chosen for a model. */
export function choiceFor(sha256: string): Choice {
  return choiceFrom(read(`threshold:${sha256}`));
}

export function keepChoice(sha256: string, choice: Choice): void {
  if (choice.flagged === null && choice.calibration === null) localStorage.removeItem(`threshold:${sha256}`);
  else write(`threshold:${sha256}`, textOf(choice));
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    throw new Problem('The browser does not keep this: its storage is full or switched off. It holds until the page is closed.');
  }
}
