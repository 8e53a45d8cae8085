// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { executionState } from '../../../src/machine/report/execution_state.js';
import { madeUpLinux, TEXT } from './made_up_linux.js';

describe('VirtualMemory', () => {
  it('reads what the page tables lead to, and 0 elsewhere', async () => {
    const pc = await madeUpLinux('6.1');
    const processor = pc.processors[0]!;
    const memory = pc.symbols.own.spaceOf(processor, executionState(processor));
    pc.core.guestRam.set(Buffer.from('name\0behind'), 0x400ff8);
    expect(memory.physical(TEXT + 0xff8n)).to.equal(0x400ff8);
    expect(memory.text(TEXT + 0xff8n, 100)).to.equal('name');
    expect(memory.text(TEXT + 0xffdn, 100), 'over the end of a page').to.equal('behind');
    expect(memory.u32(TEXT + 0xff8n)).to.equal(0x656d616e);
    expect(memory.u64(TEXT + 0xff8n) & 0xffffffffn).to.equal(0x656d616en);
    expect(memory.u64(TEXT + 0xff9n), 'no page has all of it').to.equal(0n);
    expect([memory.physical(TEXT - 1n), memory.u8(1n << 40n), memory.u64(0n - 8n)]).to.deep.equal([-1, 0, 0n]);
  });

  it('reads nothing beyond RAM that is mapped', async () => {
    const pc = await madeUpLinux('6.1');
    const processor = pc.processors[0]!;
    const memory = pc.symbols.own.spaceOf(processor, executionState(processor));
    // The loader maps the first 4 GiB to themselves.
    expect(memory.physical(0xfff000n)).to.equal(0xfff000);
    expect(memory.physical(0x1000000n)).to.equal(-1);
  });
});
