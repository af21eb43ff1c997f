/** A mistake that its message explains to who uses the app: what was expected, what came, what to do. */
export class Problem extends Error {}

/** What went wrong, as text that can be shown. */
export function inWords(error: unknown): string {
  if (error instanceof Problem) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `Something went wrong (${message.split('\n')[0].slice(0, 200)}).`;
}

/** A name on one line and of bounded length, whatever is in it. It is still to be shown as text, never as HTML. */
export function printable(name: string, most = 120): string {
  const clean = name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return clean.length > most ? `${clean.slice(0, most)}...` : clean;
}

/** A number with four significant digits, without an exponent where it can be helped. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
}
