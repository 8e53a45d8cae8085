// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Pc } from '../../../src/machine/pc.js';
import type { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { OrcTables } from '../../../src/machine/symbols/orc_tables.js';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';
import { CallChains, NO_CALLERS } from '../../../src/session/profile/call_chains.js';
import { addressOfTable, BASE, orcImage, TEXT } from '../../machine/symbols/orc_image.js';

/** Each function keeps nothing on its stack but the return address. */
const made = [
  { start: 0, kind: 'call', stack: [5, 8], base: [0, 0] },
  { start: 0x100, kind: 'call', stack: [0, 0], base: [0, 0] },
] as const;
const tables = OrcTables.of(new SymbolMemory(orcImage(made, true)), addressOfTable(made.length), BASE)!;
const STACK = 0xffff_c900_0000_1ff0n;

/** A machine whose stack is at the end of a page of memory, and goes on in a page that is not mapped. */
function machine(...stack: readonly bigint[]) {
  const u64 = new BigUint64Array(0x2000 / 8);
  u64.set(stack, 0x1ff0 / 8);
  let looks = 0;
  const pc = {
    symbols: { own: { callTables: () => (looks++, tables) } },
    core: {
      u64,
      translate: (linear: bigint) => (linear === 0xffff_c900_0000_1000n ? 0x1000 : -1),
      physicalOffset: (physical: number) => physical,
    },
  } as unknown as Pc;
  const processor = (rip: bigint, cpl = 0): LogicalProcessor => {
    const registers: Readonly<Record<string, unknown>> = { RIP: rip, RSP: STACK, RBP: 0n, CPL: cpl };
    return { core: { block: { get: (name: string) => registers[name] } } } as unknown as LogicalProcessor;
  };
  return { pc, processor, looks: () => looks };
}

describe('CallChains', () => {
  it('gives the same number to the same callers, the last one first', () => {
    const { pc, processor } = machine(TEXT + 0x20n, TEXT + 0x40n);
    const chains = new CallChains(pc);
    const chain = chains.at(processor(TEXT));
    expect(chains.of(chain)).to.deep.equal([TEXT + 0x1fn, TEXT + 0x3fn]);
    expect(chains.at(processor(TEXT + 8n))).to.equal(chain);
    expect(chains.of(NO_CALLERS)).to.deep.equal([]);
  });

  it('knows nothing of processes, and looks for the tables in the kernel only, now and then', () => {
    const { pc, processor, looks } = machine();
    const chains = new CallChains({ ...pc, symbols: { own: { callTables: () => undefined } } } as unknown as Pc);
    for (let i = 0; i < 300; i++) expect(chains.at(processor(TEXT))).to.equal(NO_CALLERS);
    const own = new CallChains(pc);
    expect([own.at(processor(0x40_0000n)), own.at(processor(TEXT, 3))]).to.deep.equal([NO_CALLERS, NO_CALLERS]);
    expect(looks()).to.equal(0);
  });

  it('cuts chains of which there are too many', () => {
    const { pc, processor } = machine(TEXT + 0x20n, TEXT + 0x40n);
    const chains = new CallChains(pc, 1);
    expect(chains.of(chains.at(processor(TEXT)))).to.deep.equal([TEXT + 0x3fn]);
  });
});
