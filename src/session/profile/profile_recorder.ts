// SPDX-License-Identifier: LGPL-2.1-only
import { Cr0 } from '../../intrinsics/registers/registers.js';
import type { Pc } from '../../machine/pc.js';
import { ExitCounts } from '../../machine/processor/exit_counts.js';
import type { Sampler, TurnObserver } from '../../machine/turn_observer.js';
import { CallChains } from './call_chains.js';

/** Samples that are kept. When there are more, every second one is dropped, and from then on the interval is twice as long. */
const MOST_SAMPLES = 500_000;

/** What is profiled. */
export interface ProfileOptions {
  /** Virtual nanoseconds between two samples of a processor. */
  readonly interval: number;
  readonly most?: number;
  /** Real time in milliseconds: what handlers of VM exits take, which is none of the guest's time. */
  readonly now: () => number;
}

/** A sample: where a processor was. */
export interface ProfileSample {
  readonly processor: number;
  readonly privilege: number;
  readonly rip: bigint;
  /** The address of the page that CR3 names, by which address spaces differ. Undefined without paging. */
  readonly space: number | undefined;
  /** Of `ProfileRecorder.callersOf`. */
  readonly chain: number;
}

/** Of CR3, without PCID and other flags. */
const PAGE_BITS = 12n;
const NO_PAGING = -1;

/**
 * Looks at where each processor is, at equal distances of its virtual time, and at how long the VMM handles exits. The run is the same without it. Equal runs
 * have equal samples; the time of the handlers is the host's.
 */
export class ProfileRecorder implements Sampler, TurnObserver {
  /** By processor: VM exits by reason and handler. */
  readonly exits: ExitCounts[] = [];
  /** By processor: virtual nanoseconds in which it slept. */
  readonly slept: number[] = [];
  private readonly most: number;
  private readonly places: BigUint64Array;
  /** Processor, and privilege level above it. */
  private readonly processors: Uint16Array;
  private readonly spaces: Float64Array;
  private readonly chainOf: Uint32Array;
  private chains: CallChains | undefined;
  private readonly now: () => number;
  private count = 0;
  private spacing: number;
  private readonly due: number[] = [];
  private pc: Pc | undefined;

  constructor({ interval, most = MOST_SAMPLES, now }: ProfileOptions) {
    this.spacing = interval;
    this.most = most;
    this.now = now;
    this.places = new BigUint64Array(most);
    this.processors = new Uint16Array(most);
    this.spaces = new Float64Array(most);
    this.chainOf = new Uint32Array(most);
  }

  /** Begins to watch a machine. */
  attach(pc: Pc): void {
    this.pc = pc;
    this.chains = new CallChains(pc);
    pc.scheduler.observers.push(this);
    pc.scheduler.sampler = this;
    for (const processor of pc.processors) {
      const counts = new ExitCounts(this.now);
      processor.exitSinks.push(counts);
      processor.exitTimer = counts;
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

  at(index: number): ProfileSample {
    const word = this.processors[index]!;
    const space = this.spaces[index]!;
    return {
      processor: word & 0xff,
      privilege: word >> 8,
      rip: this.places[index]!,
      space: space === NO_PAGING ? undefined : space,
      chain: this.chainOf[index]!,
    };
  }

  /** Who called, the last caller first, as addresses within the calls. */
  callersOf(chain: number): readonly bigint[] {
    return this.chains?.of(chain) ?? [];
  }

  dueAt(processor: number): number {
    return this.due[processor]!;
  }

  sample(processor: number, time: number): void {
    if (this.count === this.most) this.thinOut();
    const each = this.pc!.processors[processor]!;
    const { block } = each.core;
    const hasPaging = (Number(block.get('CR0')) & Cr0.Paging) !== 0;
    this.places[this.count] = block.get('RIP');
    this.spaces[this.count] = hasPaging ? Number((block.get('CR3') >> PAGE_BITS) << PAGE_BITS) : NO_PAGING;
    this.chainOf[this.count] = this.chains!.at(each);
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
    const { places, processors, spaces, chainOf } = this;
    for (let index = 0; 2 * index < this.count; index++) {
      places[index] = places[2 * index]!;
      processors[index] = processors[2 * index]!;
      spaces[index] = spaces[2 * index]!;
      chainOf[index] = chainOf[2 * index]!;
    }
    this.count = Math.ceil(this.count / 2);
    this.spacing *= 2;
  }
}
