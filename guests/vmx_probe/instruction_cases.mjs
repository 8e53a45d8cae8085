// SPDX-License-Identifier: LGPL-2.1-only
// The results of the host's VMX instructions. A case prints CF and ZF as in RFLAGS (bits 0 and 6), the VM-instruction error if ZF is 1, and RAX.
import { F, host, makeCase, notBochs } from './operations.mjs';

const list = [];
const instruction = (name, ...lines) => list.push(makeCase(name, host(...lines)));
const operand = (value) => [`mov rax, ${value}`, 'push rax'];
const VMCS = '0x411000';
const OTHER = '0x412000';
// Drops the operand without touching flags.
const drop = 'lea rsp, [rsp + 8]';

instruction('VMCLEAR of a VMCS', ...operand(OTHER), 'vmclear [rsp]', drop);
instruction('VMCLEAR unaligned', ...operand('0x412001'), 'vmclear [rsp]', drop);
instruction('VMCLEAR beyond the width', ...operand('0x10000000000000'), 'vmclear [rsp]', drop);
instruction('VMCLEAR of the VMXON region', ...operand('0x410000'), 'vmclear [rsp]', drop);
instruction('VMPTRLD of a VMCS', ...operand(OTHER), 'vmptrld [rsp]', drop);
instruction('VMPTRLD unaligned', ...operand('0x412800'), 'vmptrld [rsp]', drop);
instruction('VMPTRLD beyond the width', ...operand('0x10000000000000'), 'vmptrld [rsp]', drop);
instruction('VMPTRLD of the VMXON region', ...operand('0x410000'), 'vmptrld [rsp]', drop);
instruction('VMPTRLD of another revision', ...operand('0x42d000'), 'vmptrld [rsp]', drop);
instruction(
  'VMPTRLD of a shadow VMCS without shadowing',
  'mov eax, [0x411000]',
  'or eax, 0x80000000',
  'mov [0x42d000], eax',
  ...operand('0x42d000'),
  'vmptrld [rsp]',
  drop,
);
instruction('VMPTRST', 'push 0', 'vmptrst [rsp]', 'mov rax, [rsp]', drop);
instruction(
  'VMPTRST after VMCLEAR of the current VMCS',
  ...operand(VMCS),
  'vmclear [rsp]',
  'vmptrst [rsp]',
  'mov rax, [rsp]',
  drop,
);
instruction(
  'VMREAD without a current VMCS',
  ...operand(VMCS),
  'vmclear [rsp]',
  drop,
  `mov ecx, ${F.GuestRip}`,
  'vmread rax, rcx',
);
instruction(
  'VMWRITE without a current VMCS',
  ...operand(VMCS),
  'vmclear [rsp]',
  drop,
  `mov ecx, ${F.GuestRip}`,
  'vmwrite rcx, rax',
);
instruction('VMLAUNCH without a current VMCS', ...operand(VMCS), 'vmclear [rsp]', drop, 'vmlaunch');
instruction('VMRESUME without a current VMCS', ...operand(VMCS), 'vmclear [rsp]', drop, 'vmresume');
instruction('VMREAD of an unsupported field', 'mov ecx, 0x7ffe', 'vmread rax, rcx');
instruction('VMREAD of an encoding with bit 12', 'mov ecx, 0x781e', 'vmread rax, rcx');
instruction('VMREAD of an encoding above 32 bits', 'mov rcx, 0x10000681e', 'vmread rax, rcx');
instruction(
  'VMREAD of the high half of a 64-bit field',
  `mov ecx, ${F.TscOffset}`,
  'mov rax, 0x1122334455667788',
  'vmwrite rcx, rax',
  `mov ecx, ${F.TscOffset + 1}`,
  'vmread rax, rcx',
);
instruction(
  'VMWRITE of the high half of a 64-bit field',
  `mov ecx, ${F.TscOffset + 1}`,
  'mov eax, 0x99aabbcc',
  'vmwrite rcx, rax',
  `mov ecx, ${F.TscOffset}`,
  'vmread rax, rcx',
);
instruction('VMREAD of the high half of a 32-bit field', `mov ecx, ${F.ExceptionBitmap + 1}`, 'vmread rax, rcx');
instruction('VMREAD of the high half of a natural-width field', `mov ecx, ${F.GuestRip + 1}`, 'vmread rax, rcx');
instruction(
  'VMWRITE of a 16-bit field cuts the value',
  `mov ecx, ${F.GuestCsSelector}`,
  'mov rax, 0x123456789abcdef8',
  'vmwrite rcx, rax',
  'vmread rax, rcx',
);
instruction(
  'VMWRITE of a 32-bit field cuts the value',
  `mov ecx, ${F.ExceptionBitmap}`,
  'mov rax, 0x123456789abcdef8',
  'vmwrite rcx, rax',
  'vmread rax, rcx',
);
instruction('VMREAD to memory', `mov ecx, ${F.HostCr3}`, 'push 0', 'vmread [rsp], rcx', 'mov rax, [rsp]', drop);
instruction(
  'VMWRITE from memory',
  `mov ecx, ${F.GuestRsp}`,
  'push 0x1234',
  'vmwrite rcx, [rsp]',
  drop,
  'vmread rax, rcx',
);
instruction('VMWRITE of an unsupported field', 'mov ecx, 0x7ffe', 'vmwrite rcx, rax');
instruction(
  'VMWRITE of a read-only field',
  `mov ecx, ${F.ExitReason}`,
  'mov eax, 5',
  'vmwrite rcx, rax',
  'vmread rax, rcx',
);
list.push(makeCase('VMCALL in VMX root', notBochs(), host('vmcall')));
instruction('VMXON in VMX root', ...operand('0x410000'), 'vmxon [rsp]', drop);
instruction('VMXOFF and VMXON', 'vmxoff', ...operand('0x410000'), 'vmxon [rsp]', drop);
instruction(
  'VMXON unaligned',
  'vmxoff',
  ...operand('0x410001'),
  'vmxon [rsp]',
  'pushfq',
  'pop rax',
  'and eax, 0x41',
  'push rax',
  'mov qword ptr [rsp + 8], 0x410000',
  'vmxon [rsp + 8]',
  'pop rax',
  drop,
);
instruction(
  'VMXON beyond the width',
  'vmxoff',
  ...operand('0x10000000000000'),
  'vmxon [rsp]',
  'pushfq',
  'pop rax',
  'and eax, 0x41',
  'push rax',
  'mov qword ptr [rsp + 8], 0x410000',
  'vmxon [rsp + 8]',
  'pop rax',
  drop,
);
instruction(
  'VMXON of another revision',
  'vmxoff',
  ...operand('0x42d000'),
  'vmxon [rsp]',
  'pushfq',
  'pop rax',
  'and eax, 0x41',
  'push rax',
  'mov qword ptr [rsp + 8], 0x410000',
  'vmxon [rsp + 8]',
  'pop rax',
  drop,
);
instruction('VMREAD outside VMX', 'vmxoff', `mov ecx, ${F.GuestRip}`, 'vmread rax, rcx');
instruction('VMLAUNCH outside VMX', 'vmxoff', 'vmlaunch');
instruction('VMCALL outside VMX', 'vmxoff', 'vmcall');
instruction('CR4.VMXE cannot be cleared in VMX root', 'mov rax, cr4', 'and rax, -8193', 'mov cr4, rax');
instruction('CR0.NE cannot be cleared in VMX root', 'mov rax, cr0', 'and rax, -33', 'mov cr0, rax');
instruction('CR0.PG cannot be cleared in VMX root', 'mov rax, cr0', 'btr rax, 31', 'mov cr0, rax');
instruction('INVEPT of type 0', 'push 0', 'push 0x41901e', 'mov eax, 0', 'invept rax, [rsp]', drop, drop);
instruction('INVEPT of a single context', 'push 0', 'push 0x41901e', 'mov eax, 1', 'invept rax, [rsp]', drop, drop);
instruction(
  'INVEPT of a single context, bad EPTP',
  'push 0',
  'push 0x419007',
  'mov eax, 1',
  'invept rax, [rsp]',
  drop,
  drop,
);
instruction('INVEPT of all contexts', 'push 0', 'push 0', 'mov eax, 2', 'invept rax, [rsp]', drop, drop);
instruction('INVEPT of type 3', 'push 0', 'push 0', 'mov eax, 3', 'invept rax, [rsp]', drop, drop);
instruction('INVVPID of an address', 'push 0x1000', 'push 1', 'mov eax, 0', 'invvpid rax, [rsp]', drop, drop);
instruction('INVVPID of an address, VPID 0', 'push 0x1000', 'push 0', 'mov eax, 0', 'invvpid rax, [rsp]', drop, drop);
instruction(
  'INVVPID of an address that is not canonical',
  'mov rax, 0x800000000000',
  'push rax',
  'push 1',
  'mov eax, 0',
  'invvpid rax, [rsp]',
  drop,
  drop,
);
instruction('INVVPID with reserved bits', 'push 0', 'push 0x10001', 'mov eax, 1', 'invvpid rax, [rsp]', drop, drop);
instruction('INVVPID of a single context', 'push 0', 'push 1', 'mov eax, 1', 'invvpid rax, [rsp]', drop, drop);
instruction('INVVPID of a single context, VPID 0', 'push 0', 'push 0', 'mov eax, 1', 'invvpid rax, [rsp]', drop, drop);
instruction('INVVPID of all contexts', 'push 0', 'push 0', 'mov eax, 2', 'invvpid rax, [rsp]', drop, drop);
instruction('INVVPID retaining globals', 'push 0', 'push 1', 'mov eax, 3', 'invvpid rax, [rsp]', drop, drop);
instruction('INVVPID of type 4', 'push 0', 'push 1', 'mov eax, 4', 'invvpid rax, [rsp]', drop, drop);
instruction('VMFUNC in VMX root', 'xor eax, eax', 'xor ecx, ecx', 'vmfunc');
instruction('RDMSR of a capability MSR that does not exist', 'mov ecx, 0x4ff', 'rdmsr');
instruction('WRMSR of a capability MSR', 'mov ecx, 0x480', 'rdmsr', 'wrmsr');
instruction('WRMSR of the locked IA32_FEATURE_CONTROL', 'mov ecx, 0x3a', 'rdmsr', 'wrmsr');

/** All cases of VMX instructions in VMX root. */
export const instructionCases = list;
