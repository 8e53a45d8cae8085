// SPDX-License-Identifier: LGPL-2.1-only
import { element } from './elements.js';

/** How many samples a curve has. The machine tells its counts five times a second. */
const SAMPLES = 150;
const WIDTH = 150;
const HEIGHT = 18;
const SVG = 'http://www.w3.org/2000/svg';

/** VM exits by reason, as numbers, and as curves over the last half minute. */
export class ExitsPanel {
  private readonly history: ReadonlyMap<string, number>[] = [];

  constructor(private readonly body: HTMLElement) {}

  /** For another machine. */
  clear(): void {
    this.history.length = 0;
    this.body.replaceChildren();
  }

  /** @param exits names of reasons, with how often the exits came */
  show(exits: readonly (readonly [reason: string, count: number])[]): void {
    this.history.push(new Map(exits));
    if (this.history.length > SAMPLES) this.history.shift();
    const sorted = [...exits].sort(([, a], [, b]) => b - a);
    this.body.replaceChildren(...sorted.map(([reason, count]) => this.row(reason, count)));
  }

  private row(reason: string, count: number): HTMLElement {
    const row = element('tr');
    const header = element('th', reason);
    header.scope = 'row';
    const curve = element('td', '', 'curve');
    curve.append(this.curve(reason));
    row.append(header, element('td', count.toLocaleString('en-US')), curve);
    return row;
  }

  /** The exits of each interval, scaled to the largest of them. */
  private curve(reason: string): SVGElement {
    const counts = this.history.map((sample) => sample.get(reason) ?? 0);
    const rates = counts.map((count, i) => Math.max(0, count - (counts[i - 1] ?? count)));
    const most = Math.max(1, ...rates);
    const points = rates.map((rate, i) => {
      const x = WIDTH - (rates.length - 1 - i) * (WIDTH / SAMPLES);
      return `${x.toFixed(1)},${(HEIGHT - 1 - (rate / most) * (HEIGHT - 2)).toFixed(1)}`;
    });
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `${reason}: up to ${most} in a fifth of a second`);
    const line = document.createElementNS(SVG, 'polyline');
    line.setAttribute('points', points.join(' '));
    svg.append(line);
    return svg;
  }
}
