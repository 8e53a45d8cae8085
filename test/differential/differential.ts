// SPDX-License-Identifier: LGPL-2.1-only
import { Agreement } from './agreement.js';
import { CaseGenerator, type CaseOptions } from './cases/case_generator.js';
import type { FormChoice } from './cases/form_choice.js';
import { offsetInCode, Outcome, type CaseResult, type InstructionCase } from './cases/instruction_case.js';
import type { CaseRunner } from './case_runner.js';
import type { Host } from './host/host.js';

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
  /** Cases whose first native result could not be reproduced; see Differential.confirmed. */
  readonly unsteady: number;
  readonly failures: readonly Failure[];
}

/** Options of a comparison. */
export interface DifferentialOptions extends Omit<CaseOptions, 'vendor'> {
  readonly cases: number;
  /** Failures after which to stop; 20. */
  readonly mostFailures?: number;
}

/** Compares processor and core on random cases. */
export class Differential {
  private readonly exceptions = new Map<number, number>();
  private readonly failures: Failure[] = [];
  private readonly generator: CaseGenerator;
  private readonly agreement: Agreement;
  private unsteady = 0;

  /** `dataSeed` must be the one that the core runner was made with. */
  constructor(
    private readonly host: Pick<Host, 'reference' | 'quirks'>,
    private readonly core: CaseRunner,
    choices: readonly FormChoice[],
    private readonly dataSeed: number,
    private readonly options: DifferentialOptions,
  ) {
    this.agreement = new Agreement(core, host.quirks, dataSeed);
    this.generator = new CaseGenerator(choices, { ...options, vendor: host.quirks.vendor });
  }

  /** Runs everything. */
  run(): DifferentialResult {
    const most = this.options.mostFailures ?? 20;
    let done = 0;
    while (done < this.options.cases && this.failures.length < most) {
      const batch = this.generator.take(Math.min(BATCH, this.options.cases - done));
      this.compare(batch);
      done += batch.length;
    }
    return {
      cases: done,
      casesPerForm: this.generator.casesPerForm,
      exceptions: this.exceptions,
      unsteady: this.unsteady,
      failures: this.failures,
    };
  }

  private compare(batch: readonly InstructionCase[]): void {
    const native = this.host.reference.run(batch, this.dataSeed);
    this.core.prepare?.(batch);
    batch.forEach((testCase, i) => {
      const expected = native[i]!;
      if (expected.outcome === Outcome.Exception)
        this.exceptions.set(expected.vector, (this.exceptions.get(expected.vector) ?? 0) + 1);
      if (this.agreement.differing(testCase, expected).length === 0) return;
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
      found = this.agreement.differing(testCase, this.alone(testCase));
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

  /**
   * The shortest failing case: instructions are taken away from the end and from the front; what is left is run from the state in which the
   * processor reached it, so that at last one instruction fails alone.
   */
  private shrink(testCase: InstructionCase, found: readonly string[]): Failure {
    let best: Failure = { testCase, differences: found };
    for (let length = 1; length < testCase.instructions.length; length++) {
      const prefix = { ...testCase, instructions: testCase.instructions.slice(0, length) };
      const wrong = this.agreement.differing(prefix, this.alone(prefix));
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
      codeOffset: offsetInCode(testCase, before.instructions.length),
      registers: state.registers,
      rflags: (state.rflags & 0xcd5) | 0x202,
      ...(state.fx ? { fx: state.fx } : {}),
    };
    const wrong = this.agreement.differing(alone, this.alone(alone));
    return wrong.length > 0 ? { testCase: alone, differences: wrong } : undefined;
  }
}
