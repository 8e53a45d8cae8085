// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from 'bareflank';
import { runUnder } from '../extension_run.js';

/** Another root table with the same entries: 4 KiB at 0x400000. */
const copyTables = ['mov rsi, cr3', 'mov rdx, rsi', 'mov edi, 0x400000', 'mov ecx, 512', 'cld', 'rep movsq'];

describe('hypervisor_example_watch_cr3', () => {
  it('counts loads of CR3 and the address spaces that they leave; the guest sees the value that it wrote', async () => {
    const { results, reports, exits } = await runUnder('watch_cr3', [
      ...copyTables,
      'mov eax, 0x400000',
      'mov cr3, rax',
      'mov rcx, cr3',
      'mov [rbx], rcx',
      'mov cr3, rdx',
      'mov cr3, rax',
      'mov cr3, rdx',
      'mov rcx, cr3',
      'sub rcx, rdx',
      'mov [rbx + 8], rcx',
    ]);
    expect([...results.slice(0, 2)]).to.deep.equal([0x400000n, 0n]);
    expect(reports).to.deep.equal({ 'watch-cr3': { loads: 4, 'address spaces': 2 } });
    expect(exits[ExitReason.ControlRegisterAccesses]).to.equal(4);
  });
});
