// SPDX-License-Identifier: LGPL-2.1-only
import type { Vendor } from '../host/host_quirks.js';
import { CaseBuilder } from './case_builder.js';
import type { FormChoice } from './form_choice.js';
import { randomStates, type InitialStates } from './initial_state.js';
import type { InstructionCase } from './instruction_case.js';
import { SeededRandom } from './seeded_random.js';
import { isLoose } from './vector_state.js';

/** What cases to make. */
export interface CaseOptions {
  readonly seed: number;
  /** Whose manual tells which flags are undefined. */
  readonly vendor: Vendor;
  /** Share of cases that are sequences of 2 to 5 instructions. */
  readonly sequences?: number;
  /** Only cases whose form this accepts. */
  readonly filter?: (choice: FormChoice) => boolean;
  /** Where cases start from. */
  readonly states?: InitialStates;
}

/** Makes random cases. Every choice is used as often as any other; sequences come on top. */
export class CaseGenerator {
  private readonly perForm = new Map<string, number>();
  private readonly random: SeededRandom;
  private readonly choices: readonly FormChoice[];
  private readonly sequenceChoices: readonly FormChoice[];
  private turn = 0;

  constructor(
    choices: readonly FormChoice[],
    private readonly options: CaseOptions,
  ) {
    this.random = new SeededRandom(options.seed);
    this.choices = options.filter ? choices.filter(options.filter) : choices;
    this.sequenceChoices = this.choices.filter(isForSequences);
  }

  /** Cases so far by form name. */
  get casesPerForm(): ReadonlyMap<string, number> {
    return this.perForm;
  }

  /** So many cases. */
  take(count: number): InstructionCase[] {
    return Array.from({ length: count }, () => this.next());
  }

  private next(): InstructionCase {
    const { vendor, sequences = 0, states = randomStates } = this.options;
    const isSequence = this.sequenceChoices.length > 0 && this.random.chance(sequences);
    const builder = new CaseBuilder(this.random, isSequence, vendor, states);
    if (!isSequence) this.add(builder, this.choices[this.turn++ % this.choices.length]!);
    else for (let i = 2 + this.random.below(4); i > 0; i--) this.add(builder, this.random.pick(this.sequenceChoices));
    return builder.build();
  }

  private add(builder: CaseBuilder, choice: FormChoice): void {
    builder.add(choice);
    this.perForm.set(choice.form.name, (this.perForm.get(choice.form.name) ?? 0) + 1);
  }
}

/**
 * Branches end a case in the filler, and string instructions need prepared registers: both are tested alone. So are 16-bit double shifts by CL,
 * which are undefined for counts above 16.
 */
function isForSequences(choice: FormChoice): boolean {
  const isDoubleShift16 = /^SH[LR]D$/.test(choice.entry.row.semantics) && choice.size === 0;
  return choice.form.class === 'plain' && choice.rep === 0 && !isDoubleShift16 && !isLoose(choice.entry.row.semantics);
}
