// SPDX-License-Identifier: LGPL-2.1-only
import { CompiledForms } from '../../src/machine/compiled/compiled_forms.js';
import { DecodedCode } from '../../src/machine/compiled/decoded_code.js';
import type { FunctionBody } from '../../src/machine/compiled/function_body.js';
import { emitRegion } from '../../src/machine/compiled/region_emitter.js';
import { regionGraph } from '../../src/machine/compiled/region_graph.js';
import { regionModule } from '../../src/machine/compiled/region_module.js';
import { Constants } from '../../src/machine/layout/core_constants.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { RECORD_BYTES } from '../../src/machine/layout/record_format.js';
import { PAGE_BYTES } from '../../src/machine/memory/page_contents.js';
import { compiledForms } from '../support/compiled_tier.js';
import type { CaseResult, InstructionCase } from './cases/instruction_case.js';
import type { CaseRunner } from './case_runner.js';
import { CoreRunner } from './core_runner.js';

/** Slots of the table for regions: more than two batches of cases, so that no case finds the region of another one. */
const SLOTS = 0x10000;
const WASM_PAGE = 0x10000;

/** Where the blocks of a case's first page are. */
interface Place {
  readonly index: number;
  readonly offset: number;
}

/**
 * Runs cases in compiled regions, as far as they have any. The regions of a batch are one module: a module for each case would take a hundred times as
 * long.
 */
export class CompiledCoreRunner implements CaseRunner {
  /** Cases whose regions executed instructions. */
  compiled = 0;
  private readonly forms: CompiledForms = compiledForms();
  private readonly code: DecodedCode;
  private readonly slots = new WeakMap<InstructionCase, number>();
  private readonly firstSlot: number;
  private next = 0;

  private constructor(private readonly runner: CoreRunner) {
    const { memory, table } = runner.core.cpu;
    this.code = new DecodedCode(memory);
    this.firstSlot = table.grow(SLOTS);
  }

  /** @param seed of the data pages */
  static async create(seed: number): Promise<CompiledCoreRunner> {
    return new CompiledCoreRunner(await CoreRunner.create(seed));
  }

  /** Compiles the regions of cases that have none yet. */
  prepare(cases: readonly InstructionCase[]): void {
    const regions = cases.filter((testCase) => !this.slots.has(testCase)).flatMap((testCase) => this.emitted(testCase));
    if (regions.length === 0) return;
    const { memory, table } = this.runner.core.cpu;
    const bytes = regionModule(regions, memory.buffer.byteLength / WASM_PAGE);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { core: { memory, table } });
  }

  /** A case that was not prepared is interpreted. */
  run(testCase: InstructionCase): CaseResult {
    const { runner } = this;
    const slot = this.slots.get(testCase);
    if (slot === undefined) return runner.run(testCase);
    runner.place(testCase);
    // decodes
    runner.execute(testCase);
    this.enterBy(testCase, slot);
    const before = this.executed;
    const result = runner.execute(testCase, 'warm');
    if (this.executed !== before) this.compiled++;
    runner.remove(testCase);
    return result;
  }

  private get executed(): number {
    return this.runner.core.u32[Layout.REGION_INSTRUCTIONS / 4]!;
  }

  /** The region of a case, if it has one: only 64-bit code does. Its blocks are those that it executes. */
  private emitted(testCase: InstructionCase): { body: FunctionBody; slot: number }[] {
    const { runner, code, forms } = this;
    runner.place(testCase);
    runner.execute(testCase);
    const { index, offset } = this.placeOf(testCase);
    const root = index === 0 ? undefined : regionGraph(code, forms, index, offset);
    runner.remove(testCase);
    if (root === undefined) return [];
    const slot = this.firstSlot + (this.next++ % SLOTS);
    this.slots.set(testCase, slot);
    return [{ body: emitRegion(root, forms).body, slot }];
  }

  private placeOf(testCase: InstructionCase): Place {
    const physical = this.runner.physicalOf(testCase);
    const index = this.code.indexOf(Math.floor(physical / PAGE_BYTES), Constants.DECODE_CODE64);
    return { index, offset: physical % PAGE_BYTES };
  }

  /** Puts the region of a case in the place of its first block. */
  private enterBy(testCase: InstructionCase, slot: number): void {
    const { code, forms } = this;
    const { index, offset } = this.placeOf(testCase);
    const head = code.headAt(index, offset);
    let last = head;
    while (!forms.endsRecords(code.formOf(last))) last += RECORD_BYTES;
    if (!code.replaceHead(head, last + RECORD_BYTES - head, slot, forms.region)) return;
    code.markRegions(index);
  }
}
