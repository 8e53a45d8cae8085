// SPDX-License-Identifier: LGPL-2.1-only
// System instructions. Semantics: system.ts, control.ts, invpcid.ts, monitor.ts, msr.ts, port_io.ts, random.ts and vmx_instructions.ts of src/machine/cpu/system.
import { row, type InstructionRow, type RowOptions } from './row.js';

const system: RowOptions = { system: true, privileged: true };
const control: RowOptions = { system: true, privileged: true, file: 'control' };
const msr: RowOptions = { system: true, privileged: true, file: 'msr' };
const monitor: RowOptions = { system: true, privileged: true, feature: 'monitor', file: 'monitor' };
const random: RowOptions = { system: true, file: 'random' };
const portIo: RowOptions = { system: true, privileged: true, file: 'port_io' };
const vmx: RowOptions = { system: true, privileged: true, feature: 'vmx', file: 'vmx_instructions' };

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('0F 20', 'Rd,Cd', 'MOV_FROM_CR', control),
  row('0F 22', 'Cd,Rd', 'MOV_TO_CR', control),
  row('0F 21', 'Rd,Dd', 'MOV_FROM_DR', control),
  row('0F 23', 'Dd,Rd', 'MOV_TO_DR', control),
  row('0F 06', '', 'CLTS', control),
  row('0F 01 /4', 'Ev', 'SMSW', { ...control, bytes: 2 }),
  row('0F 01 /6', 'Ew', 'LMSW', { ...control, memory: 'read' }),
  row('0F 32', '', 'RDMSR', msr),
  row('0F 30', '', 'WRMSR', msr),
  row('0F 31', '', 'RDTSC', { ...msr, resumes: true }),
  row('0F 01 F9', '', 'RDTSCP', { ...msr, resumes: true, feature: 'rdtscp' }),
  row('0F 33', '', 'RDPMC', msr),
  row('F3 0F C7 /7', 'Rd', 'RDPID', { ...msr, feature: 'rdpid' }),
  // The manual's NFx: no F2 and no F3, but 66 is the operand size.
  row('NP 0F C7 /6', 'Rv', 'RDRAND', { ...random, feature: 'rdrand' }),
  row('66 0F C7 /6', 'Rv', 'RDRAND', { ...random, feature: 'rdrand' }),
  row('NP 0F C7 /7', 'Rv', 'RDSEED', { ...random, feature: 'rdseed' }),
  row('66 0F C7 /7', 'Rv', 'RDSEED', { ...random, feature: 'rdseed' }),
  row('0F A2', '', 'CPUID', system),
  row('0F 05', '', 'SYSCALL', system),
  row('0F 07', '', 'SYSRET', { ...system, size: 'y' }),
  row('0F 34', '', 'SYSENTER', system),
  row('0F 35', '', 'SYSEXIT', { ...system, size: 'y' }),
  row('FA', '', 'CLI', { ...system, resumes: true }),
  row('FB', '', 'STI', { ...system, resumes: true }),
  row('9C', '', 'PUSHF', { ...system, resumes: true, stack: true, size: 'v', default64: true }),
  row('9D', '', 'POPF', { ...system, stack: true, size: 'v', default64: true }),
  row('NP 0F 01 CA', '', 'CLAC', system),
  row('NP 0F 01 CB', '', 'STAC', system),
  row('F4', '', 'HLT', system),
  row('F3 90', '', 'PAUSE', { ...system, resumes: true }),
  row('NP 0F 01 C8', 'Xb', 'MONITOR', monitor),
  row('NP 0F 01 C9', '', 'MWAIT', monitor),
  row('0F 01 /7', 'M', 'INVLPG', { ...system, memory: 'read', bytes: 1 }),
  row('66 0F 38 82', 'Gd,Mdq', 'INVPCID', { ...system, memory: 'read', feature: 'invpcid', file: 'invpcid' }),
  row('0F 08', '', 'INVD', system),
  row('0F 09', '', 'WBINVD', system),
  row('NP 0F 01 D1', '', 'XSETBV', { ...system, feature: 'xsave' }),
  row('E4', 'AL,Ib', 'IN_IMM', portIo),
  row('E5', 'eAX,Ib', 'IN_IMM', { ...portIo, size: 'z' }),
  row('EC', 'AL,DX', 'IN_DX', portIo),
  row('ED', 'eAX,DX', 'IN_DX', { ...portIo, size: 'z' }),
  row('E6', 'Ib,AL', 'OUT_IMM', { ...portIo, size: 'b' }),
  row('E7', 'Ib,eAX', 'OUT_IMM', { ...portIo, size: 'z' }),
  row('EE', 'DX,AL', 'OUT_DX', { ...portIo, size: 'b' }),
  row('EF', 'DX,eAX', 'OUT_DX', { ...portIo, size: 'z' }),
  row('6C', 'Yb', 'INS', portIo),
  row('6D', 'Yz', 'INS', portIo),
  row('6E', 'Xb', 'OUTS', portIo),
  row('6F', 'Xz', 'OUTS', portIo),
  row('F3 0F C7 /6', 'Mq', 'VMXON', { ...vmx, memory: 'read' }),
  row('66 0F C7 /6', 'Mq', 'VMCLEAR', { ...vmx, memory: 'read' }),
  row('NP 0F C7 /6', 'Mq', 'VMPTRLD', { ...vmx, memory: 'read' }),
  row('NP 0F C7 /7', 'Mq', 'VMPTRST', { ...vmx, memory: 'write' }),
  row('NP 0F 78', 'Ev,Gv', 'VMREAD', { ...vmx, force64: true }),
  row('NP 0F 79', 'Gv,Ev', 'VMWRITE', { ...vmx, force64: true }),
  row('NP 0F 01 C1', '', 'VMCALL', vmx),
  row('NP 0F 01 C2', '', 'VMLAUNCH', vmx),
  row('NP 0F 01 C3', '', 'VMRESUME', vmx),
  row('NP 0F 01 C4', '', 'VMXOFF', vmx),
  row('66 0F 38 80', 'Gd,Mdq', 'INVEPT', { ...vmx, memory: 'read' }),
  row('66 0F 38 81', 'Gd,Mdq', 'INVVPID', { ...vmx, memory: 'read' }),
];
