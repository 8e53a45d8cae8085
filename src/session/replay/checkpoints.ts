// SPDX-License-Identifier: LGPL-2.1-only

/** A place in a run at which a checkpoint was taken. */
export interface Place {
  /** Of all processors. */
  readonly instructions: number;
}

/** What keeps the checkpoints. */
export interface CheckpointStore<T> {
  /** Memory that all of them take. */
  bytes(): number;
  /** Makes what is kept take less memory, if that is possible. */
  pack(): void;
  drop(checkpoint: T): void;
}

/** Instructions between two checkpoints while there is room: the machine executes them in a quarter of a second. */
export const SPACING = 25_000_000;

/** Checkpoints of a run, evenly spaced. When they take more memory than they may, they are packed; if that is not enough, each second one is dropped. The first one stays. */
export class Checkpoints<T extends Place> {
  private readonly all: T[] = [];
  private next = 0;

  /** @param most bytes that they may take. @param spacing instructions between two, at first */
  constructor(
    private readonly store: CheckpointStore<T>,
    private readonly most: number,
    private distance = SPACING,
  ) {}

  /** Instructions between two. */
  get spacing(): number {
    return this.distance;
  }

  get count(): number {
    return this.all.length;
  }

  /** Whether the run has come to the place for another one. */
  isDue(instructions: number): boolean {
    return instructions >= this.next;
  }

  /** Precondition: it is due. */
  add(checkpoint: T): void {
    this.all.push(checkpoint);
    if (this.store.bytes() > this.most) this.store.pack();
    while (this.all.length > 1 && this.store.bytes() > this.most) this.thinOut();
    this.skip(checkpoint.instructions);
  }

  /** There is none at this place. */
  skip(instructions: number): void {
    this.next = (this.slotOf(instructions) + 1) * this.distance;
  }

  /** The last one that is early enough. */
  last(isEarly: (checkpoint: T) => boolean): T | undefined {
    return this.all.filter(isEarly).at(-1);
  }

  private slotOf(instructions: number): number {
    return Math.floor(instructions / this.distance);
  }

  /** Of the checkpoints that would now have one place, the first one stays. */
  private thinOut(): void {
    this.distance *= 2;
    let slot = -1;
    for (const checkpoint of [...this.all]) {
      const own = this.slotOf(checkpoint.instructions);
      if (own === slot) this.drop(checkpoint);
      slot = own;
    }
  }

  private drop(checkpoint: T): void {
    this.store.drop(checkpoint);
    this.all.splice(this.all.indexOf(checkpoint), 1);
  }
}
