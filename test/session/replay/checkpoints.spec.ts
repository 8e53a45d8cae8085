// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Checkpoints, SPACING } from '../../../src/session/replay/checkpoints.js';

interface Fake {
  readonly instructions: number;
}

/** Each takes 10 bytes, and `packed` once it is packed. */
class Store {
  readonly kept: Fake[] = [];
  private readonly small = new Set<Fake>();

  constructor(private readonly packed = 10) {}

  bytes = (): number => this.kept.reduce((sum, each) => sum + (this.small.has(each) ? this.packed : 10), 0);
  pack = (): void => this.kept.forEach((each) => this.small.add(each));
  drop = (each: Fake): void => void this.kept.splice(this.kept.indexOf(each), 1);

  add(to: Checkpoints<Fake>, instructions: number): void {
    const checkpoint = { instructions };
    this.kept.push(checkpoint);
    to.add(checkpoint);
  }

  get places(): number[] {
    return this.kept.map(({ instructions }) => instructions);
  }
}

/** A run that looks at each of so many instructions. */
function run(
  most: number,
  until: number,
  step = 30,
  store = new Store(),
): { store: Store; checkpoints: Checkpoints<Fake> } {
  const checkpoints = new Checkpoints<Fake>(store, most, 100);
  for (let at = 0; at <= until; at += step) if (checkpoints.isDue(at)) store.add(checkpoints, at);
  return { store, checkpoints };
}

describe('Checkpoints', () => {
  it('are due at the start and then in each interval once', () => {
    const { store, checkpoints } = run(1000, 500);
    expect(store.places).to.deep.equal([0, 120, 210, 300, 420]);
    expect([checkpoints.count, checkpoints.spacing]).to.deep.equal([5, 100]);
  });

  it('are thinned out evenly when they take too much, and the first one stays', () => {
    const { store, checkpoints } = run(40, 500);
    expect(store.places).to.deep.equal([0, 210, 420]);
    expect(checkpoints.spacing).to.equal(200);
    const longer = run(40, 4000);
    expect(longer.store.places).to.deep.equal([0, 1620, 3210]);
    expect(longer.checkpoints.spacing).to.equal(1600);
    const places = run(200, 100_000, 10).store.places;
    const distances = places.slice(1).map((place, i) => place - places[i]!);
    expect(new Set(distances).size).to.equal(1);
    expect(places).to.have.length.within(10, 20);
  });

  it('are packed before any of them is dropped', () => {
    const { store, checkpoints } = run(40, 500, 30, new Store(5));
    expect(store.places).to.deep.equal([0, 120, 210, 300, 420]);
    expect([checkpoints.spacing, store.bytes()]).to.deep.equal([100, 25]);
  });

  it('are at most 4·10^8 instructions apart while there is room', () => {
    expect(SPACING).to.be.at.most(4e8);
    const roomy = new Checkpoints<Fake>(new Store(), Infinity);
    expect(roomy.spacing).to.equal(SPACING);
  });

  it('keep the first one even if it is too large', () => {
    const { store } = run(5, 5000);
    expect(store.places).to.deep.equal([0]);
  });

  it('find the last one that is early enough', () => {
    const { checkpoints } = run(1000, 500);
    expect(checkpoints.last(({ instructions }) => instructions < 300)).to.deep.equal({ instructions: 210 });
    expect(checkpoints.last(() => false)).to.equal(undefined);
  });

  it('go on behind a place at which none could be taken', () => {
    const { checkpoints } = run(1000, 500);
    expect(checkpoints.isDue(510)).to.equal(true);
    checkpoints.skip(510);
    expect([599, 600].map((at) => checkpoints.isDue(at))).to.deep.equal([false, true]);
  });
});
