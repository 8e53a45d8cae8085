// SPDX-License-Identifier: LGPL-2.1-only
import type { Moment } from '../machine/moment.js';
import type { Pc } from '../machine/pc.js';
import { groupedDigits } from './grouped_digits.js';
import type { InputSource } from './input_source.js';
import type { MachineEvent } from './machine_event.js';
import type { RecordedEnd, RecordedItem } from './recorded_item.js';
import { SliceEnd } from './session_ports.js';

/** A run that is not the recorded one: the first interval of instructions in which the two differ, and how that shows. */
export interface Divergence {
  /** Up to here the two runs were equal. */
  readonly from: number;
  /** Here they differ. */
  readonly to: number;
  readonly what: string;
}

/** Whether a moment is later than another one of the same run. */
function isLater(moment: Moment, than: Moment): boolean {
  if (moment.turn !== than.turn) return moment.turn > than.turn;
  if (moment.isWithin === true || than.isWithin === true) return moment.instructions > than.instructions;
  // The end of a turn comes after all of its exits.
  return (moment.exit ?? Infinity) > (than.exit ?? Infinity);
}

function isSame(one: Moment, other: Moment): boolean {
  if (one.turn !== other.turn || one.isWithin !== other.isWithin) return false;
  return one.isWithin === true ? one.instructions === other.instructions : one.exit === other.exit;
}

/** How far a replay has come in its recording. */
export interface ReplayedState {
  readonly place: number;
  readonly compared: number;
  readonly equalUntil: number;
}

/** Events from a recording, at the moments at which they came in. Compares the run with the recorded one on the way. */
export class ReplayedInputs implements InputSource {
  readonly idleMilliseconds = 0;
  readonly isReady = true;
  /** How the run differs from the recorded one. */
  divergence: Divergence | undefined;
  /** States that were compared. */
  compared = 0;
  private place = 0;
  /** Instructions at the last moment at which the runs were equal. */
  private equalUntil = 0;
  private isAttentionOurs = false;
  private everyExit = false;

  /** @param attention the machine's word, by which a turn ends at its next VM exit. */
  constructor(
    private readonly pc: Pc,
    private readonly items: readonly RecordedItem[],
    private readonly attention?: Int32Array,
  ) {}

  next(): MachineEvent | SliceEnd | undefined {
    const next = this.nextDue();
    this.stopAtExits();
    return next;
  }

  /** Only a choice of the next processor comes in within a turn. */
  nextWithin(): MachineEvent | SliceEnd | undefined {
    return this.items[this.place]?.at?.isWithin === true ? this.next() : undefined;
  }

  get most(): number {
    const at = this.items[this.place]?.at;
    const { scheduler, instructions } = this.pc;
    // The next quantum may begin the turn, and be all of it.
    const isNear = at?.isWithin === true && at.turn <= scheduler.turn + 1;
    return isNear ? Math.max(at.instructions - instructions, 1) : Infinity;
  }

  save(): ReplayedState {
    const { place, compared, equalUntil } = this;
    return { place, compared, equalUntil };
  }

  /** The run went to another moment. */
  restore({ place, compared, equalUntil }: ReplayedState): void {
    this.place = place;
    this.compared = compared;
    this.equalUntil = equalUntil;
    this.divergence = undefined;
  }

  /** The machine was brought to the moment at which the recording begins. */
  beginHere(): void {
    this.equalUntil = this.pc.instructions;
  }

  /** Whether a turn ends at each VM exit, for an owner who looks for one. */
  set stopsAtEachExit(stops: boolean) {
    this.everyExit = stops;
    this.stopAtExits();
  }

  /** The recorded run did not jump over the rest of an idle time in which something came in. */
  mayJump(): boolean {
    const at = this.items[this.place]?.at;
    return at === undefined || at.turn !== this.pc.scheduler.turn;
  }

  /** The moments have it. */
  passIdleTime(): void {}

  /** The machine, or a text on its console, has ended the run. @returns whether the recorded run ended here too */
  endsHere(): boolean {
    const item = this.items[this.place];
    if (item === undefined) return true;
    if (item.kind === 'end' && item.at === undefined) return this.hasEndOf(item);
    this.differ('the machine ended, and in the recording it ran on');
    return false;
  }

  private nextDue(): MachineEvent | SliceEnd | undefined {
    const now = this.pc.moment ?? this.pc.momentWithin!;
    for (;;) {
      const item = this.items[this.place];
      if (item === undefined) return SliceEnd.Replayed;
      if (item.at === undefined) return undefined;
      if (isLater(now, item.at)) return this.differ('the turns of the processors are not those of the recording');
      if (!isSame(now, item.at)) return undefined;
      if (!this.isAt(item.at)) return SliceEnd.Diverged;
      this.place++;
      if (item.kind === 'event') return this.canTake(item.event) ? item.event : SliceEnd.Diverged;
      if (item.kind === 'end') return this.hasEndOf(item) ? SliceEnd.Replayed : SliceEnd.Diverged;
      if (!this.hasState(item)) return SliceEnd.Diverged;
    }
  }

  /** Whether counts and time are those of the recorded moment. */
  private isAt(at: Moment): boolean {
    const { pc } = this;
    // A part of an idle time had passed when something came in.
    if (at.virtualTime > pc.virtualTime && pc.isIdle) pc.passIdleTime(at.virtualTime - pc.virtualTime);
    const { instructions, virtualTime } = pc;
    if (instructions !== at.instructions)
      this.differ(`the recording has ${groupedDigits(at.instructions)} instructions here`);
    else if (virtualTime !== at.virtualTime)
      this.differ(
        `the virtual time is ${groupedDigits(virtualTime)} ns, in the recording ${groupedDigits(at.virtualTime)} ns`,
      );
    return this.divergence === undefined;
  }

  /** A file may name any processor. */
  private canTake(event: MachineEvent): boolean {
    if (event.kind === 'turn' && !this.pc.scheduler.awake.includes(event.processor))
      this.differ(`processor ${event.processor} sleeps or is not there, and in the recording it executes next`);
    return this.divergence === undefined;
  }

  private hasState({ brief, hash }: { readonly brief?: string; readonly hash?: string | undefined }): boolean {
    const { pc } = this;
    if (brief !== undefined && pc.briefHash() !== brief) this.differ('processors or devices have another state');
    else if (hash !== undefined && pc.stateHash() !== hash) this.differ('the memory has another content');
    else {
      this.compared++;
      this.equalUntil = pc.instructions;
    }
    return this.divergence === undefined;
  }

  private hasEndOf({ instructions, hash }: RecordedEnd): boolean {
    if (this.pc.instructions === instructions) return this.hasState({ hash });
    this.differ(`the recorded run ended after ${groupedDigits(instructions)} instructions`);
    return false;
  }

  private differ(what: string): SliceEnd.Diverged {
    this.divergence ??= { from: this.equalUntil, to: this.pc.instructions, what };
    return SliceEnd.Diverged;
  }

  /** An event within a turn came in after a VM exit at which the recorded run was cut. */
  private stopAtExits(): void {
    const { attention } = this;
    if (attention === undefined) return;
    const at = this.items[this.place]?.at;
    const wanted = this.everyExit || (at?.exit !== undefined && at.turn <= this.pc.scheduler.turn + 1);
    if (wanted) attention[0] = 1;
    else if (this.isAttentionOurs) attention[0] = 0;
    this.isAttentionOurs = wanted;
  }
}
