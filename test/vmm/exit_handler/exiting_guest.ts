// SPDX-License-Identifier: LGPL-2.1-only
// Guests that execute instructions which extensions may make exit, in 64-bit and in 32-bit code, on the bare machine and under the VMM.
import { expect } from 'chai';
import {
  controlMasks,
  PinBasedControl,
  PrimaryControl,
  type ControlWord,
} from '../../../src/intrinsics/vmx/control_bits.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { allowed1 } from '../../../src/machine/vmx/allowed_controls.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { descriptor } from '../../support/processor_setup.js';
import { catchFaults, log, readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';
import { At32, interruptGate, log32, pokeEntry, protectedGuest, Select32 } from '../protected_guest.js';

type Control = readonly [word: ControlWord, name: string];

/** Every control of the processor model that makes instructions, or the time between two of them, exit. */
export const controls: readonly Control[] = (['primary', 'secondary'] as const).flatMap((word) =>
  Object.entries(controlMasks[word])
    .filter(([name, mask]) => name.endsWith('Exiting') && (allowed1(word) & mask) !== 0)
    .map(([name]): Control => [word, name]),
);

/** Controls without which VM entry refuses a control. SDM 3C "Checks on VMX Controls". */
function enableWithNeeded(vmcs: Vmcs, [word, name]: Control): void {
  const mask = (controlMasks[word] as Readonly<Record<string, number>>)[name]!;
  if (mask === PrimaryControl.NmiWindowExiting && word === 'primary') {
    vmcs.enable('pin', PinBasedControl.NmiExiting);
    vmcs.enable('pin', PinBasedControl.VirtualNmis);
  }
  vmcs.enable(word, mask);
}

/** Switches controls on, and leaves the exits to the base. */
function exiting(...those: readonly Control[]): PartModule {
  const contribution: VmcsContribution = {
    name: 'exiting',
    setUp: (vmcs) => those.forEach((control) => enableWithNeeded(vmcs, control)),
  };
  return vcpuModule(({ bind }) => bind(VmcsContribution).toConstantValue(contribution));
}

/** The base, with every control on. */
export const all: readonly PartModule[] = [exiting(...controls)];
/** Each control by itself takes a minute. */
const isFull = process.env['BAREFLANK_FULL'] === '1';
const vmms: readonly (readonly [string, readonly PartModule[]])[] = [
  ['all of them', all],
  ...(isFull ? controls.map((control) => [control[1], [exiting(control)]] as const) : []),
];

/** Memory that the guests use. */
export const At = { data: 0x2a0000, otherData: 0x2b0000, gdt: 0x2c0000, tables: 0x2d0000 } as const;
export const unmapped = '0x700000001234';
export const notCanonical = '0x8000000000000000';

/** Faults are logged, and the guest goes on at R14. A debug exception is logged, and the guest goes on where it was. */
const before64 = catchFaults([0, 6, 7, 8, 10, 11, 12, 13, 14, 17], {
  gates: { 1: 'vector_1', 3: 'vector_3' },
  lines: [
    'vector_1: mov r11, [rsp]',
    ...log('r11'),
    'mov r11, dr6',
    ...log('r11'),
    'mov r11, dr7',
    ...log('r11'),
    'mov r11d, 0xffff0ff0',
    'mov dr6, r11',
    'or dword ptr [rsp + 16], 0x10000',
    'iretq',
    'vector_3: iretq',
  ],
});
let labels = 0;
/** An instruction that faults, or not. */
export const tried = (...lines: string[]): string[] => {
  const label = `after_${labels++}`;
  return [`lea r14, [rip + ${label}]`, ...lines, `${label}: nop`];
};
export const logged = (...registers: string[]): string[] => registers.flatMap(log);
export const logMemory = (address: number, words: number): string[] =>
  Array.from({ length: words }, (_, index) => [`mov r11, [${address + 8 * index}]`, ...log('r11')]).flat();
export const logFlags = ['pushfq', 'pop r11', ...log('r11')];
export const ones = (register: string): string => `mov ${register}, -1`;
export const poke64 = (address: number, value: bigint): string[] => [
  `movabs r11, ${value}`,
  `mov r10d, ${address}`,
  'mov [r10], r11',
];
export const fsBase = (value: number): string[] => [
  `mov ecx, ${Msr.Ia32FsBase >>> 0}`,
  `mov eax, ${value}`,
  'xor edx, edx',
  'wrmsr',
];

/** Faults of 32-bit code are logged: vector, error code, CPL. The guest goes on at EBP. */
const faults32 = [6, 11, 12, 13, 17];
const before32 = [
  ...faults32.flatMap((vector) => interruptGate(vector, `fault_${vector}`)),
  'jmp start',
  ...faults32.flatMap((vector) => [
    `fault_${vector}: ${vector === 6 ? 'xor ecx, ecx' : 'pop ecx'}`,
    `mov edx, ${vector}`,
    ...log32('edx'),
    ...log32('ecx'),
    ...log32('dword ptr [esp + 4]'),
    'mov [esp], ebp',
    'iretd',
  ]),
  'start: nop',
];
export const tried32 = (...lines: string[]): string[] => {
  const label = `after_${labels++}`;
  return [`lea ebp, [${label}]`, ...lines, `${label}: nop`];
};
export const logMemory32 = (address: number, words: number): string[] =>
  Array.from({ length: words }, (_, index) => log32(`dword ptr [${address + 4 * index}]`)).flat();
export const smallSegment = (rights: number): string[] => [
  ...pokeEntry(At32.gdt + Select32.small, descriptor(At.data, 0xf, rights)),
  `mov eax, ${Select32.small}`,
];

/** The image of a guest in 64-bit code that begins with these lines. */
export const guest64 = (...lines: string[]): readonly string[] => [...before64, ...lines];
/** The same of a guest in 32-bit code. */
export const guest32 = (...lines: string[]): Uint8Array => protectedGuest([...before32, ...lines]);

/** A guest logs and takes the same on the bare machine and under an extension that only switches controls on. */
export async function expectAsBare(guest: readonly string[] | Uint8Array, vmm = vmms): Promise<void> {
  const bare = await runBare(guest);
  expect(bare.end).to.include({ kind: 'powered-off' });
  expect(readLog(bare.word)).to.not.deep.equal([]);
  for (const [name, modules] of vmm) {
    const hosted = await runGuest(guest, [], modules);
    expect(hosted.end, name).to.deep.equal(bare.end);
    expect(readLog(hosted.word), name).to.deep.equal(readLog(bare.word));
    expect(hosted.instructions, name).to.equal(bare.instructions);
  }
}
