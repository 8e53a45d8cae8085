// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import { fromHalves } from './halves.js';

/** How many VM exits a processor remembers. */
export const EXITS_REMEMBERED = 32;

/** A VM exit that a processor remembers. */
export interface RememberedExit {
  /** The whole exit-reason field. */
  readonly reason: number;
  /** RIP of the guest. */
  readonly rip: bigint;
  readonly qualification: bigint;
  /** Instructions that the processor had begun. */
  readonly instructions: number;
  /** What the VMM wrote into the outcome word while it handled the exit; 0 if its handler has not returned, or is x86 code. */
  readonly outcome: number;
}

/**
 * Words before the records. Word `Next` is the number of the next record; its low bits are the record's place. Once all places are in use, it counts from
 * EXITS_REMEMBERED to twice as much.
 */
const HEADER = { Next: 0, Words: 8 } as const;

/** Words of a record, by their place. 64-bit values are two words. */
const Place = { Reason: 0, Rip: 1, Qualification: 3, Instructions: 5, Outcome: 7 } as const;
const RECORD_SHIFT = 3;
/** Words of a record. */
export const RECORD_WORDS = 1 << RECORD_SHIFT;

/** Words of a history. */
export const EXIT_HISTORY_WORDS = HEADER.Words + (EXITS_REMEMBERED << RECORD_SHIFT);
const HIGH = 0x1_0000_0000;

/** The first word of a record. */
const placeOf = (number: number): number => HEADER.Words + ((number & (EXITS_REMEMBERED - 1)) << RECORD_SHIFT);

/** Indexes of the low halves in `Vmcs.signed`. */
const reason = slotOf(VmcsField.ExitReason) << 1;
const rip = slotOf(VmcsField.GuestRip) << 1;
const qualification = slotOf(VmcsField.ExitQualification) << 1;

/**
 * The last VM exits of a processor, for the report of its death. Every exit writes a record, so records are signed words in one array: writing
 * them allocates nothing.
 */
export class ExitHistory {
  /** @param words EXIT_HISTORY_WORDS of them, all 0; shared, if another thread reports on a processor that does not come back */
  constructor(private readonly words: Int32Array = new Int32Array(EXIT_HISTORY_WORDS)) {}

  /** A VM exit has happened. @param fields of the VMCS, as halves. @param instructions in two halves, at `at`. */
  begin(fields: Int32Array, instructions: Uint32Array, at: number): void {
    const { words } = this;
    const next = words[HEADER.Next]!;
    const record = placeOf(next);
    words[record + Place.Reason] = fields[reason]!;
    words[record + Place.Rip] = fields[rip]!;
    words[record + Place.Rip + 1] = fields[rip + 1]!;
    words[record + Place.Qualification] = fields[qualification]!;
    words[record + Place.Qualification + 1] = fields[qualification + 1]!;
    words[record + Place.Instructions] = instructions[at]!;
    words[record + Place.Instructions + 1] = instructions[at + 1]!;
    words[record + Place.Outcome] = 0;
    words[HEADER.Next] = next + 1 < 2 * EXITS_REMEMBERED ? next + 1 : EXITS_REMEMBERED;
  }

  /** The VMM has handled the last exit. */
  end(outcome: number): void {
    this.words[placeOf(this.words[HEADER.Next]! - 1) + Place.Outcome] = outcome;
  }

  /** The whole exit-reason field of the last exit. */
  get lastReason(): number {
    return this.words[placeOf(this.words[HEADER.Next]! - 1) + Place.Reason]!;
  }

  /** The outcome of the last exit. */
  get lastOutcome(): number {
    return this.words[placeOf(this.words[HEADER.Next]! - 1) + Place.Outcome]!;
  }

  /** Copies the record of the last exit to a place in other words. */
  copyLast(to: Int32Array, at: number): void {
    const { words } = this;
    const from = placeOf(words[HEADER.Next]! - 1);
    // A loop costs a trace several percent.
    to[at] = words[from]!;
    to[at + 1] = words[from + 1]!;
    to[at + 2] = words[from + 2]!;
    to[at + 3] = words[from + 3]!;
    to[at + 4] = words[from + 4]!;
    to[at + 5] = words[from + 5]!;
    to[at + 6] = words[from + 6]!;
    to[at + 7] = words[from + 7]!;
  }

  save(): Int32Array {
    return this.words.slice();
  }

  /** @param words what `save` gave. */
  restore(words: Int32Array): void {
    this.words.set(words);
  }

  /** The exits, oldest first. */
  last(): RememberedExit[] {
    const next = this.words[HEADER.Next]!;
    const count = Math.min(next, EXITS_REMEMBERED);
    return Array.from({ length: count }, (_, index) => ExitHistory.read(this.words, placeOf(next - count + index)));
  }

  /** The record at a place. */
  static read(words: Int32Array, record: number): RememberedExit {
    const low = (place: number): number => words[record + place]! >>> 0;
    const whole = (place: number): bigint => fromHalves(low(place), low(place + 1));
    return {
      reason: low(Place.Reason),
      rip: whole(Place.Rip),
      qualification: whole(Place.Qualification),
      instructions: low(Place.Instructions + 1) * HIGH + low(Place.Instructions),
      outcome: low(Place.Outcome),
    };
  }
}
