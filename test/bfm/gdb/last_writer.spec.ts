// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { DebuggedMemory } from '../../../src/machine/debug/debugged_memory.js';
import { lastWriterOf, parseWrittenBytes } from '../../../src/bfm/gdb/last_writer.js';
import { runOf } from '../../session/random_run.js';
import { debuggerOf } from '../../session/debug/debugger_of.js';

describe('parseWrittenBytes', () => {
  it('knows linear and physical addresses, and counts of bytes', () => {
    expect(parseWrittenBytes('0x1000')).to.deep.equal({ address: 0x1000n, isPhysical: false, bytes: 1 });
    expect(parseWrittenBytes('phys:0xff8,8')).to.deep.equal({ address: 0xff8n, isPhysical: true, bytes: 8 });
    expect(parseWrittenBytes('0xffffffff81000000,4096').bytes).to.equal(4096);
  });

  it('refuses anything else', () => {
    for (const wrong of [
      '',
      '1000',
      '0x',
      '0x1000,',
      '0x1000,0',
      '0xfff,2',
      '0x1000,4097',
      'GUEST_RIP',
      '0x11112222333344445',
    ])
      expect(() => parseWrittenBytes(wrong), wrong).to.throw(UsageError, '--who');
  });
});

describe('lastWriterOf', () => {
  it('names the instruction, the processor and the place in the run, and the bytes before and after', async () => {
    const { debug, pc } = await debuggerOf(runOf(19));
    const address = pc.core.block.get('RSP') - 8n;
    await debug.resume();
    const memory = new DebuggedMemory(pc);
    const parts = { pc, debug, memory, processor: 0 };
    const bytes = (): string => Buffer.from(memory.readPhysical(address, 8)).toString('hex');
    const last = bytes();
    const { lines, instructions } = await lastWriterOf(parts, { address, isPhysical: false, bytes: 8 });
    expect(pc.instructions).to.equal(instructions);
    expect(lines[0]).to.match(
      /^0x[0-9a-f]+ \(physical 0x[0-9a-f]+\), 8 bytes: last written by processor \d, at RIP 0x[0-9a-f]+.*: \w+/,
    );
    expect(lines[1]).to.equal(`  bytes before: ${bytes()}, after: ${last}`);
    expect(lines[2]).to.match(/instructions of all processors before it, \d+ VM exits/);
    const never = await lastWriterOf(parts, { address: 0x70_0000n, isPhysical: true, bytes: 4 });
    expect(never.instructions).to.equal(undefined);
    expect(never.lines[0]).to.include('nothing has written there since the recording began');
  });

  it('says which address leads nowhere', async () => {
    const { debug, pc } = await debuggerOf(runOf(16));
    const parts = { pc, debug, memory: new DebuggedMemory(pc), processor: 0 };
    const error: unknown = await lastWriterOf(parts, { address: 1n << 46n, isPhysical: false, bytes: 1 }).catch(
      (failure: unknown) => failure,
    );
    expect((error as Error).message).to.include('does not translate this linear address');
  });
});
