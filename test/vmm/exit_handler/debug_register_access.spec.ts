// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { Vpid } from '../../../src/vmm/owners/owners.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { all, At, expectAsBare, guest64, logged, ones, tried } from './exiting_guest.js';
import { stepping } from '../guest_programs.js';

/** With a VPID, VM entries keep translations. */
@injectable()
class KeepsTranslations implements VmcsContribution {
  @inject(Vpid) readonly vpid!: Vpid;
  readonly name = 'keeps-translations';
  setUp(): void {
    this.vpid.enable(this);
  }
}
const keepsTranslations = vcpuModule(({ bind }) => bind(VmcsContribution).to(KeepsTranslations));

const debugRegisters = [
  ...[
    'movabs rax, 0x123456789abcdef0',
    'mov dr0, rax',
    'mov dr1, rsp',
    'mov r9d, 0x2000',
    'mov dr2, r9',
    'mov dr3, rbx',
  ],
  ...[ones('r8'), 'mov r8, dr0', ...logged('r8'), 'mov r8, dr1', 'sub r8, rsp', ...logged('r8'), 'mov r15, dr2'],
  ...[...logged('r15'), 'mov r15, rsp', 'mov rsp, dr0', 'mov rax, rsp', 'mov rsp, r15', ...logged('rax')],
  ...['mov eax, 0xffffffff', 'mov dr6, rax', 'mov r8, dr6', ...logged('r8'), 'xor eax, eax', 'mov dr6, rax'],
  ...['mov r8, dr6', ...logged('r8'), 'mov eax, 0xffffdd00', 'mov dr7, rax', 'mov r8, dr7', ...logged('r8')],
  // DR4 and DR5 are other names of DR6 and DR7, until CR4.DE is 1.
  ...[...tried('.byte 0x0f, 0x21, 0xe0'), ...logged('rax'), ...tried('.byte 0x0f, 0x21, 0xe8'), ...logged('rax')],
  ...['mov eax, 0x400', ...tried('.byte 0x0f, 0x23, 0xe8'), 'mov r8, dr7', ...logged('r8')],
  ...[
    'mov rax, cr4',
    'or rax, 8',
    'mov cr4, rax',
    ...tried('.byte 0x0f, 0x21, 0xe0'),
    ...tried('.byte 0x0f, 0x23, 0xe8'),
  ],
  ...[...tried('.byte 0x44, 0x0f, 0x21, 0xc0'), 'mov rax, cr4', 'and rax, ~8', 'mov cr4, rax'],
  ...['movabs rax, 0x100000400', ...tried('mov dr6, rax'), ...tried('mov dr7, rax'), 'mov r8, dr7', ...logged('r8')],
  ...['mov eax, 0x2400', 'mov dr7, rax', 'mov r8, dr3', ...logged('r8'), 'mov dr7, rax', 'mov dr3, rbx', 'nop'],
  ...stepping('mov dr0, rax', 'nop', 'mov r8, dr7', 'nop'),
];
const breakpoints = [
  ...[
    `mov ebx, ${At.data}`,
    `mov esi, ${At.otherData}`,
    'mov rax, [rbx]',
    'mov [rbx], rax',
    'mov rax, [rsi]',
    'mov [rsi], rax',
  ],
  ...['mov dr0, rbx', 'mov eax, 0x000f0402', 'mov dr7, rax', 'mov [rbx], rcx', 'nop', 'mov rax, [rbx]', 'nop'],
  // The page of the new breakpoint has been used.
  ...['mov dr0, rsi', 'mov rax, [rsi]', 'nop', 'mov [rbx], rcx', 'nop', 'mov dr0, rbx', 'mov rcx, [rbx]', 'nop'],
  ...['lea rax, [rip + there]', 'mov dr1, rax', 'mov eax, 0x000f0408', 'mov dr7, rax', 'nop', 'there: nop'],
  ...['mov eax, 0x400', 'mov dr7, rax', 'mov rcx, [rbx]', 'nop'],
];

describe('MOV DR with "MOV-DR exiting"', () => {
  it('reads and writes the registers, and faults as on the bare machine', () =>
    expectAsBare(guest64(...debugRegisters)));
  it('sets breakpoints', () => expectAsBare(guest64(...breakpoints)));
  it('sets breakpoints in pages whose translations VM entries keep', () =>
    expectAsBare(guest64(...breakpoints), [['VPID', [...all, keepsTranslations]]]));
});
