// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DebuggedMemory } from '../../../src/machine/debug/debugged_memory.js';
import { firstWriterOf, lastWriterOf } from '../../../src/bfm/gdb/last_writer.js';
import { runOf } from '../../session/random_run.js';
import { debuggerOf } from '../../session/debug/debugger_of.js';

describe('lastWriterOf', () => {
  it('names the instruction, the processor and the place in the run, and the bytes before and after', async () => {
    const { debug, pc } = await debuggerOf(runOf(19));
    const address = pc.core.block.get('RSP') - 8n;
    await debug.resume();
    const memory = new DebuggedMemory(pc);
    const parts = { pc, debug, memory, processor: 0 };
    const bytes = (): string => Buffer.from(memory.readPhysical(address, 8)).toString('hex');
    const last = bytes();
    const { lines, instructions } = await lastWriterOf(parts, { kind: 'memory', address, isPhysical: false, bytes: 8 });
    expect(pc.instructions).to.equal(instructions);
    expect(lines[0]).to.match(
      /^0x[0-9a-f]+ \(physical 0x[0-9a-f]+\), 8 bytes: last written by processor \d, at RIP 0x[0-9a-f]+.*: \w+/,
    );
    expect(lines[1]).to.equal(`  bytes before: ${bytes()}, after: ${last}`);
    expect(lines[2]).to.match(/instructions of all processors before it, \d+ VM exits/);
    const never = await lastWriterOf(parts, { kind: 'memory', address: 0x70_0000n, isPhysical: true, bytes: 4 });
    expect(never.instructions).to.equal(undefined);
    expect(never.lines[0]).to.include('nothing has written there since the recording began');
  });

  it('says which address leads nowhere', async () => {
    const { debug, pc } = await debuggerOf(runOf(16));
    const parts = { pc, debug, memory: new DebuggedMemory(pc), processor: 0 };
    const error: unknown = await lastWriterOf(parts, {
      kind: 'memory',
      address: 1n << 46n,
      isPhysical: false,
      bytes: 1,
    }).catch((failure: unknown) => failure);
    expect((error as Error).message).to.include('does not translate this linear address');
  });
});

describe('firstWriterOf', () => {
  it('says that no page table translates a linear address yet', async () => {
    const target = { kind: 'memory', address: 0x1000n, isPhysical: false, bytes: 1 } as const;
    const error: unknown = await firstWriterOf(() => Promise.resolve(undefined), target).catch(
      (failure: unknown) => failure,
    );
    expect((error as Error).message).to.include('nothing translates this linear address yet');
  });
});
