// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../../machine/pc.js';
import { ExitCounts } from '../../machine/processor/exit_counts.js';
import type { Sampler, TurnObserver } from '../../machine/turn_observer.js';

/** Samples that are kept. When there are more, every second one is dropped, and from then on the interval is twice as long. */
const MOST_SAMPLES = 500_000;

/** What is profiled. */
export interface ProfileOptions {
  /** Virtual nanoseconds between two samples of a processor. */
  readonly interval: number;
  readonly most?: number;
}

/** Looks at where each processor is, at equal distances of its virtual time. The run is the same without it, and equal runs have equal profiles. */
export class ProfileRecorder implements Sampler, TurnObserver {
  /** By processor: VM exits by reason and handler. */
  readonly exits: ExitCounts[] = [];
  /** By processor: virtual nanoseconds in which it slept. */
  readonly slept: number[] = [];
  private readonly most: number;
  private readonly places: BigUint64Array;
  /** Processor, and privilege level above it. */
  private readonly processors: Uint16Array;
  private count = 0;
  private spacing: number;
  private readonly due: number[] = [];
  private pc: Pc | undefined;

  constructor({ interval, most = MOST_SAMPLES }: ProfileOptions) {
    this.spacing = interval;
    this.most = most;
    this.places = new BigUint64Array(most);
    this.processors = new Uint16Array(most);
  }

  /** Begins to watch a machine. */
  attach(pc: Pc): void {
    this.pc = pc;
    pc.scheduler.observers.push(this);
    pc.scheduler.sampler = this;
    for (const processor of pc.processors) {
      const counts = new ExitCounts();
      processor.exitSinks.push(counts);
      this.exits.push(counts);
      this.slept.push(0);
      this.due.push(this.after(pc.virtualTime));
    }
  }

  /** Virtual nanoseconds that a sample is worth. */
  get interval(): number {
    return this.spacing;
  }

  get size(): number {
    return this.count;
  }

  /** A sample: where the processor was. */
  at(index: number): { readonly processor: number; readonly privilege: number; readonly rip: bigint } {
    const word = this.processors[index]!;
    return { processor: word & 0xff, privilege: word >> 8, rip: this.places[index]! };
  }

  dueAt(processor: number): number {
    return this.due[processor]!;
  }

  sample(processor: number, time: number): void {
    if (this.count === this.most) this.thinOut();
    const { block } = this.pc!.processors[processor]!.core;
    this.places[this.count] = block.get('RIP');
    this.processors[this.count++] = processor | (block.get('CPL') << 8);
    this.due[processor] = this.after(time);
  }

  ran(): void {}

  waited(processor: number, from: number, to: number, sleeps: boolean): void {
    if (sleeps) this.slept[processor]! += to - from;
    if (this.due[processor]! <= to) this.due[processor] = this.after(to);
  }

  /** The next multiple of the interval. */
  private after(time: number): number {
    return (Math.floor(time / this.spacing) + 1) * this.spacing;
  }

  private thinOut(): void {
    const { places, processors } = this;
    for (let index = 0; 2 * index < this.count; index++) {
      places[index] = places[2 * index]!;
      processors[index] = processors[2 * index]!;
    }
    this.count = Math.ceil(this.count / 2);
    this.spacing *= 2;
  }
}
