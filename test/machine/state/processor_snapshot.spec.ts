// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FieldSizes, Layout } from '../../../src/machine/layout/layout.js';
import { msrTable } from '../../../src/machine/processor/machine_words.js';
import { WasmCore } from '../../../src/machine/processor/wasm_core.js';
import { restoreCore, saveCore, wordsLeftOut } from '../../../src/machine/state/processor_snapshot.js';
import { coreModule, emptyBus } from '../../support/test_core.js';

const cores = async (): Promise<readonly WasmCore[]> =>
  WasmCore.createAll({ module: await coreModule(), memoryBytes: 16 << 20, bus: emptyBus, processors: 2 });

/** What the core derives: it must come back although it was left out. */
const derived = ['MODE', 'DECODE_MODE', 'STACK_MASK', 'CODE_MASK', 'TLB_DATA', 'TLB_FETCH'] as const;

describe('processor_snapshot', () => {
  it('brings each word of the block back, and makes those again that it left out', async () => {
    const [, first] = await cores();
    const [other, second] = await cores();
    first!.load();
    // protected mode with paging, a guest of its own, a stack of 32 bits
    first!.block.load({ CR0: 0x80000011, CR3: 0x5000, RIP: 0x1234, RFLAGS: 0x246, ACTIVITY: 0 });
    first!.block.set('SS', { selector: 8, base: 0n, limit: 0xffffffff, rights: 0xc093 });
    for (const name of Object.keys(FieldSizes) as (keyof typeof FieldSizes)[])
      if (/^(TLB_LARGE|TLB_GLOBAL|EXIT_COLD|XMM$|MTRR_)/.test(name)) first!.u8[Layout[name] + 1] = 0x5a;
    const state = saveCore(first!);
    other!.load();
    second!.load();
    restoreCore(second!, state);
    for (const name of Object.keys(FieldSizes) as (keyof typeof FieldSizes)[]) {
      if (wordsLeftOut.includes(name) && !(derived as readonly string[]).includes(name)) continue;
      const from = Layout[name];
      const bytes = (core: WasmCore): number[] => [...core.u8.subarray(from, from + FieldSizes[name])];
      expect(bytes(second!), name).to.deep.equal(bytes(first!));
    }
    expect(second!.block.get('MODE'), 'protected mode with paging').to.not.equal(0);
  });

  it('leaves out what has no meaning between two runs, and never takes the number of another processor', async () => {
    const [first, second] = await cores();
    first!.load();
    first!.u32[Layout.VMX_OPERAND_REGISTER / 4] = 0x1234;
    first!.u32[Layout.STOP / 4] = 16;
    const state = saveCore(first!);
    const word = (name: keyof typeof FieldSizes): number => state.block[Layout[name] - Layout.PROCESSOR]!;
    expect([word('VMX_OPERAND_REGISTER'), word('STOP'), word('MODE')]).to.deep.equal([0, 0, 0]);
    second!.load();
    restoreCore(second!, state);
    expect([second!.block.isLoaded, second!.u32[Layout.PROCESSOR_ID / 4]]).to.deep.equal([true, 1]);
  });

  it('takes none of the words that it leaves out from a state that has them: a budget would count as executed', async () => {
    const [first] = await cores();
    first!.load();
    const state = saveCore(first!);
    for (const name of wordsLeftOut)
      state.block.fill(0x5a, Layout[name] - Layout.PROCESSOR, Layout[name] - Layout.PROCESSOR + FieldSizes[name]);
    restoreCore(first!, state);
    expect(first!.instructionCount).to.equal(0);
    for (const name of ['ZERO', 'STOP', 'BUDGET', 'CURRENT_RECORD'] as const)
      expect(first!.u32[Layout[name] / 4], name).to.equal(0);
  });

  it('holds the plain MSRs of its processor', async () => {
    const [first, second] = await cores();
    first!.u64[msrTable(0) / 8 + 1] = 0x77n;
    first!.load();
    const state = saveCore(first!);
    expect([state.msrs.length, state.msrs[0]]).to.deep.equal([first!.plainMsrs.length, 0x77n]);
    second!.load();
    restoreCore(second!, state);
    expect(second!.plainMsrs[0]![1]).to.equal(0x77n);
  });
});
