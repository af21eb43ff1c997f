/** A score beside the scores of normal images and the threshold. */
import type {Limits} from '../core/limits.ts';
import {short} from '../core/words.ts';

const [WIDTH, HEIGHT, BAR_TOP, BAR_HEIGHT] = [320, 56, 16, 16];

/** Shows where a score lies; without one, only where normal scores and the threshold do. */
export function showGauge(place: HTMLElement, limits: Limits, score: number | null, percentile: number | null): void {
  const {quantiles} = limits;
  const [low, high] = [quantiles[0], Math.max(limits.score, quantiles[100])];
  const margin = 0.6 * (high - low) || Math.abs(high) || 1;
  const [left, right] = [low - 0.3 * margin, high + margin];
  const at = (value: number) => 8 + (WIDTH - 16) * Math.min(Math.max((value - left) / (right - left), 0), 1);
  const words = [`Threshold ${short(limits.score)}.`, `Normal images score ${short(quantiles[5])} to ${short(quantiles[95])}.`];
  if (score !== null && percentile !== null) {
    words.unshift(`Score ${short(score)}, percentile ${percentile.toFixed(0)} of normal images.`);
  }
  const svg = part('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': words.join(' ')});
  const usual = {x: at(quantiles[5]), y: BAR_TOP, width: Math.max(at(quantiles[95]) - at(quantiles[5]), 2), height: BAR_HEIGHT};
  svg.append(
    part('rect', {class: 'track', x: 8, y: BAR_TOP, width: WIDTH - 16, height: BAR_HEIGHT, rx: 3}),
    part('rect', {class: 'usual', ...usual}),
    part('line', {class: 'limit', x1: at(limits.score), x2: at(limits.score), y1: BAR_TOP - 5, y2: BAR_TOP + BAR_HEIGHT + 5}),
    word('normal', at(quantiles[50]), HEIGHT - 8),
    word('threshold', at(limits.score), 9),
  );
  if (score !== null) {
    const x = at(score);
    svg.append(part('path', {class: 'needle', d: `M${x} ${BAR_TOP + 6} l6 14 h-12 z`}));
  }
  place.replaceChildren(svg);
}

function word(text: string, x: number, y: number): SVGElement {
  const made = part('text', {x: Math.min(Math.max(x, 34), WIDTH - 34), y, 'text-anchor': 'middle'});
  made.textContent = text;
  return made;
}

function part(tag: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
