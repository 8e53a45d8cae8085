// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from 'bareflank';
import { runUnder } from '../extension_run.js';

const write = (msr: number, value: number): string[] => [
  `mov ecx, ${msr}`,
  `mov eax, ${value}`,
  'xor edx, edx',
  'wrmsr',
];
const read = (msr: number, at: number): string[] => [`mov ecx, ${msr}`, 'rdmsr', `mov [rbx + ${at}], rax`];

/** An interrupt table whose #GP handler counts at RBX + 40 and steps over the two bytes of WRMSR. */
const catchFaults = [
  'lea rax, [rip + handler]',
  'mov edi, 0x410000',
  'mov [rdi + 208], ax',
  'mov word ptr [rdi + 210], cs',
  'mov word ptr [rdi + 212], 0x8e00',
  'shr rax, 16',
  'mov [rdi + 214], ax',
  'mov word ptr [rbx + 48], 0xfff',
  'mov [rbx + 50], rdi',
  'lidt [rbx + 48]',
  'jmp begin',
  'handler: inc qword ptr [rbx + 40]',
  'add rsp, 8',
  'add qword ptr [rsp], 2',
  'iretq',
  'begin: nop',
];

describe('hypervisor_example_deny_msr_write', () => {
  it('lets IA32_LSTAR be written once; a later write is #GP in the guest and in the log', async () => {
    const { results, reports, vmm } = await runUnder('deny_msr_write', [
      ...catchFaults,
      ...write(Msr.Ia32Lstar, 0x1234),
      ...write(Msr.Ia32Lstar, 0x5678),
      ...read(Msr.Ia32Lstar, 0),
      ...write(Msr.Ia32Cstar, 1),
      ...write(Msr.Ia32Cstar, 2),
      ...read(Msr.Ia32Cstar, 8),
    ]);
    expect([results[0], results[1], results[5]], 'LSTAR, CSTAR, faults').to.deep.equal([0x1234n, 2n, 1n]);
    expect(reports).to.deep.equal({ 'deny-msr-write': { denied: 1 } });
    expect(vmm).to.match(/MSR 0xc0000082 := 0x5678 at 0x200[0-9a-f]{3} is denied/);
  });

  it('keeps the MSR that its parameter names', async () => {
    const code = [...catchFaults, ...write(Msr.Ia32Cstar, 1), ...write(Msr.Ia32Cstar, 2), ...read(Msr.Ia32Cstar, 0)];
    const settings = { 'deny_msr_write.msr': `${Msr.Ia32Cstar}` };
    const { results, reports } = await runUnder('deny_msr_write', code, settings);
    expect([results[0], results[5]]).to.deep.equal([1n, 1n]);
    expect(reports).to.deep.equal({ 'deny-msr-write': { denied: 1 } });
  });
});
