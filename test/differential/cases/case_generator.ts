// SPDX-License-Identifier: LGPL-2.1-only
import type { Vendor } from '../host/host_quirks.js';
import { flatSpace, segmentedSpace, type AddressSpace } from './address_space.js';
import { ByteArena } from './byte_arena.js';
import { CaseBuilder } from './case_builder.js';
import type { CodeBits, FormChoice } from './form_choice.js';
import { randomStates, type InitialStates } from './initial_state.js';
import type { InstructionCase } from './instruction_case.js';
import { SeededRandom } from './seeded_random.js';
import { Flag } from './undefined_flags.js';
import { isLoose } from './vector_state.js';

/** What cases to make. */
export interface CaseOptions {
  readonly seed: number;
  /** The vendor whose manual says which flags are undefined. */
  readonly vendor: Vendor;
  /** Share of cases that are sequences of 2 to 5 instructions. */
  readonly sequences?: number;
  /** Share of cases with RFLAGS.TF. */
  readonly traps?: number;
  /** Share of cases with RFLAGS.AC; not for 64-bit code, after which the helper itself would fault. */
  readonly alignmentChecks?: number;
  /** Only cases whose form this accepts. */
  readonly filter?: (choice: FormChoice) => boolean;
  /** Where cases start from. */
  readonly states?: InitialStates;
}

/** A choice, and how many instructions of cases were made of it. */
interface CountedChoice {
  readonly choice: FormChoice;
  cases: number;
}

/** Makes random cases. Every choice is used as often as any other; sequences come on top. */
export class CaseGenerator {
  private readonly arena = new ByteArena();
  private readonly random: SeededRandom;
  private readonly choices: readonly CountedChoice[];
  private readonly sequenceChoices: readonly CountedChoice[];
  /** The same by size of code. */
  private readonly sequenceChoicesOf = new Map<CodeBits, readonly CountedChoice[]>();
  private turn = 0;

  constructor(
    choices: readonly FormChoice[],
    private readonly options: CaseOptions,
  ) {
    this.random = new SeededRandom(options.seed);
    const accepted = options.filter ? choices.filter(options.filter) : choices;
    this.choices = accepted.map((choice) => ({ choice, cases: 0 }));
    this.sequenceChoices = this.choices.filter(({ choice }) => isForSequences(choice));
    for (const bits of [16, 32, 64] as const)
      this.sequenceChoicesOf.set(
        bits,
        this.sequenceChoices.filter(({ choice }) => choice.bits === bits),
      );
  }

  /** Cases so far by form name. */
  get casesPerForm(): ReadonlyMap<string, number> {
    const perForm = new Map<string, number>();
    for (const { choice, cases } of this.choices)
      if (cases > 0) perForm.set(choice.form.name, (perForm.get(choice.form.name) ?? 0) + cases);
    return perForm;
  }

  /** So many cases. */
  take(count: number): InstructionCase[] {
    const cases: InstructionCase[] = [];
    while (cases.length < count) cases.push(this.next());
    return cases;
  }

  private next(): InstructionCase {
    const { vendor, sequences = 0, states = randomStates, traps = 0, alignmentChecks = 0 } = this.options;
    const isSequence = this.sequenceChoices.length > 0 && this.random.chance(sequences);
    const first = isSequence
      ? this.random.pick(this.sequenceChoices)
      : this.choices[this.turn++ % this.choices.length]!;
    const builder = new CaseBuilder(this.random, isSequence, vendor, this.spaceFor(first.choice), states, this.arena);
    this.add(builder, first);
    const others = isSequence ? this.sequenceChoicesOf.get(first.choice.bits)! : [];
    for (let i = isSequence ? 1 + this.random.below(4) : 0; i > 0; i--) this.add(builder, this.random.pick(others));
    // a trap ends a case after its first instruction
    if (!isSequence && this.random.chance(traps)) builder.rflags |= Flag.TF;
    if (!isSequence && this.random.chance(alignmentChecks)) builder.rflags |= Flag.AC;
    return builder.build();
  }

  private spaceFor({ bits, entry, address }: FormChoice): AddressSpace {
    if (bits === 64) return flatSpace;
    const isStack = entry.hasAddresses && entry.row.options.stack === true;
    const isNarrow = isStack ? address === 0 : this.random.chance(0.5);
    return segmentedSpace(this.random, bits, isNarrow ? 16 : 32);
  }

  private add(builder: CaseBuilder, counted: CountedChoice): void {
    builder.add(counted.choice);
    counted.cases++;
  }
}

/**
 * Branches end a case in the filler, and string instructions need prepared registers: both are tested alone. So are 16-bit double shifts by CL,
 * which are undefined for counts above 16.
 */
function isForSequences(choice: FormChoice): boolean {
  const isDoubleShift16 = /^SH[LR]D$/.test(choice.entry.row.semantics) && choice.size === 0;
  // the width of the stack pointer is the same in a whole case
  const isSegmentedStack = choice.bits !== 64 && choice.entry.hasAddresses && choice.entry.row.options.stack === true;
  return (
    choice.form.class === 'plain' &&
    !isSegmentedStack &&
    choice.rep === 0 &&
    !isDoubleShift16 &&
    !isLoose(choice.entry.row.semantics)
  );
}
