// SPDX-License-Identifier: LGPL-2.1-only
import { CaseBuilder } from './cases/case_builder.js';
import { differences } from './comparison.js';
import type { CoreRunner } from './core_runner.js';
import { Expectation } from './host/expectation.js';
import type { FormChoice } from './cases/form_choice.js';
import type { Host } from './host/host.js';
import { Outcome, type CaseResult, type InstructionCase } from './cases/instruction_case.js';
import { SeededRandom } from './cases/seeded_random.js';
import { isLoose } from './cases/vector_state.js';

/** Cases that go to the native helper at a time. */
const BATCH = 8192;

/** A case on which processor and core disagree, after shrinking. */
export interface Failure {
  readonly testCase: InstructionCase;
  readonly differences: readonly string[];
}

/** Outcome of a comparison. */
export interface DifferentialResult {
  readonly cases: number;
  /** Cases by form name. */
  readonly casesPerForm: ReadonlyMap<string, number>;
  /** Cases that raised an exception, by vector. */
  readonly exceptions: ReadonlyMap<number, number>;
  /** Cases whose first native result could not be had again; see Differential.confirmed. */
  readonly unsteady: number;
  readonly failures: readonly Failure[];
}

/** Options of a comparison. */
export interface DifferentialOptions {
  readonly cases: number;
  readonly seed: number;
  /** Share of cases that are sequences of 2 to 5 instructions. */
  readonly sequences?: number;
  /** Failures after which to stop; 20. */
  readonly mostFailures?: number;
  /** Only cases whose form this accepts. */
  readonly filter?: (choice: FormChoice) => boolean;
}

/** Compares processor and core on random cases. Every choice is used as often as any other; sequences come on top. */
export class Differential {
  private readonly casesPerForm = new Map<string, number>();
  private readonly exceptions = new Map<number, number>();
  private readonly failures: Failure[] = [];
  private readonly random: SeededRandom;
  private readonly choices: readonly FormChoice[];
  private readonly sequenceChoices: readonly FormChoice[];
  private readonly expectation: Expectation;
  private turn = 0;
  private unsteady = 0;

  /** `dataSeed` must be the one that the core runner was made with. */
  constructor(
    private readonly host: Pick<Host, 'reference' | 'quirks'>,
    private readonly core: CoreRunner,
    choices: readonly FormChoice[],
    private readonly dataSeed: number,
    private readonly options: DifferentialOptions,
  ) {
    this.expectation = new Expectation(host.quirks, (testCase) => core.run(testCase), dataSeed);
    this.random = new SeededRandom(options.seed);
    this.choices = options.filter ? choices.filter(options.filter) : choices;
    this.sequenceChoices = this.choices.filter(isForSequences);
  }

  /** Runs everything. */
  run(): DifferentialResult {
    const most = this.options.mostFailures ?? 20;
    let done = 0;
    while (done < this.options.cases && this.failures.length < most) {
      const batch: InstructionCase[] = [];
      while (batch.length < BATCH && done + batch.length < this.options.cases) batch.push(this.next());
      this.compare(batch);
      done += batch.length;
    }
    return {
      cases: done,
      casesPerForm: this.casesPerForm,
      exceptions: this.exceptions,
      unsteady: this.unsteady,
      failures: this.failures,
    };
  }

  private next(): InstructionCase {
    const isSequence = this.sequenceChoices.length > 0 && this.random.chance(this.options.sequences ?? 0);
    const builder = new CaseBuilder(this.random, isSequence, this.host.quirks.vendor);
    if (!isSequence) this.add(builder, this.choices[this.turn++ % this.choices.length]!);
    else for (let i = 2 + this.random.below(4); i > 0; i--) this.add(builder, this.random.pick(this.sequenceChoices));
    return builder.build();
  }

  private add(builder: CaseBuilder, choice: FormChoice): void {
    builder.add(choice);
    this.casesPerForm.set(choice.form.name, (this.casesPerForm.get(choice.form.name) ?? 0) + 1);
  }

  private compare(batch: readonly InstructionCase[]): void {
    const native = this.host.reference.run(batch, this.dataSeed);
    batch.forEach((testCase, i) => {
      const expected = native[i]!;
      if (expected.outcome === Outcome.Exception)
        this.exceptions.set(expected.vector, (this.exceptions.get(expected.vector) ?? 0) + 1);
      if (this.differing(testCase, expected).length === 0) return;
      const found = this.confirmed(testCase);
      if (found.length > 0) this.failures.push(this.shrink(testCase, found));
    });
  }

  /**
   * The differences against new native runs. Some hypervisors raise #GP in user mode when an interrupt comes while RSP is not canonical, which
   * no processor does: a disagreement counts only when the native side repeats it.
   */
  private confirmed(testCase: InstructionCase): string[] {
    let found: string[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      found = this.differing(testCase, this.alone(testCase));
      if (found.length > 0) continue;
      this.unsteady++;
      return found;
    }
    return found;
  }

  /** A native run in a helper of its own; the third one, when all its pages are there. */
  private alone(testCase: InstructionCase): CaseResult {
    return this.host.reference.run([testCase, testCase, testCase], this.dataSeed)[2]!;
  }

  private differing(testCase: InstructionCase, native: CaseResult): string[] {
    let first: string[] | undefined;
    for (const expected of this.expectation.of(testCase, this.core.run(testCase))) {
      const found = differences(testCase, native, expected);
      if (found.length === 0) return found;
      first ??= found;
    }
    return first!;
  }

  /**
   * The shortest failing case: instructions are taken away from the end and from the front; what is left is run from the state in which the
   * processor reached it, so that at last one instruction fails alone.
   */
  private shrink(testCase: InstructionCase, found: readonly string[]): Failure {
    let best: Failure = { testCase, differences: found };
    for (let length = 1; length < testCase.instructions.length; length++) {
      const prefix = { ...testCase, instructions: testCase.instructions.slice(0, length) };
      const wrong = this.differing(prefix, this.alone(prefix));
      if (wrong.length === 0) continue;
      best = { testCase: prefix, differences: wrong };
      break;
    }
    return this.last(best) ?? best;
  }

  /** The last instruction of a case alone, from the state in which the processor reached it; undefined when it does not fail alone. */
  private last(failure: Failure): Failure | undefined {
    const { testCase } = failure;
    if (testCase.instructions.length < 2) return undefined;
    const before = { ...testCase, instructions: testCase.instructions.slice(0, -1) };
    const state = this.alone(before);
    if (state.outcome !== Outcome.Completed || state.changed.length > 0) return undefined;
    const alone: InstructionCase = {
      ...testCase,
      instructions: testCase.instructions.slice(-1),
      codeOffset:
        testCase.codeOffset + before.instructions.reduce((sum, instruction) => sum + instruction.bytes.length, 0),
      registers: state.registers,
      rflags: (state.rflags & 0xcd5) | 0x202,
      ...(state.fx ? { fx: state.fx } : {}),
    };
    const wrong = this.differing(alone, this.alone(alone));
    return wrong.length > 0 ? { testCase: alone, differences: wrong } : undefined;
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
