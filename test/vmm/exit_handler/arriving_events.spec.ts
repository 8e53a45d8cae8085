// SPDX-License-Identifier: LGPL-2.1-only
import { ExitControl, PinBasedControl, type ControlWord } from '../../../src/intrinsics/vmx/control_bits.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { handlers, log } from '../guest_programs.js';
import { expectAsBare } from './exiting_guest.js';

/** An extension that switches controls on, and leaves the exits to the base. */
function withControls(...controls: readonly (readonly [ControlWord, number])[]): readonly PartModule[] {
  const contribution: VmcsContribution = {
    name: 'controls',
    setUp: (vmcs) => controls.forEach(([word, mask]) => vmcs.enable(word, mask)),
  };
  return [vcpuModule(({ bind }) => bind(VmcsContribution).toConstantValue(contribution))];
}
const interrupts = ['pin', PinBasedControl.ExternalInterruptExiting] as const;
const nmis = ['pin', PinBasedControl.NmiExiting] as const;
const virtualNmis = ['pin', PinBasedControl.VirtualNmis] as const;
const timer = ['pin', PinBasedControl.ActivateVmxPreemptionTimer] as const;
const acknowledging = ['exit', ExitControl.AcknowledgeInterruptOnExit] as const;
const vmms = [
  ['interrupts exit', withControls(interrupts)],
  ['NMIs exit', withControls(nmis)],
  ['NMIs exit, with virtual NMIs', withControls(nmis, virtualNmis)],
  ['all of them exit, and the preemption timer is on', withControls(interrupts, nmis, virtualNmis, timer)],
] as const;

const apic = 0xfee00000;
const [inService, requests, eoi, command, lvtTimer, initialCount, divide] = [
  0x100, 0x200, 0xb0, 0x300, 0x320, 0x380, 0x3e0,
];
/** Registers of 32 vectors each: those of 40H to 5FH. */
const vectorBank = 0x20;
const interruptSelf = (vector: number): string => `mov dword ptr [r15 + ${command}], ${0x44000 + vector}`;
const nmiSelf = [`mov dword ptr [r15 + ${command + 0x10}], 0`, `mov dword ptr [r15 + ${command}], 0x4400`];
/** Which interrupts the local APIC holds, and which it has given. */
const logApic = [requests, inService].flatMap((bank) => [`mov r11d, [r15 + ${bank + vectorBank}]`, ...log('r11')]);
/** @param look what the handlers of interrupts log besides where they came from. */
const begin = (look: readonly string[]): readonly string[] => [
  ...handlers({ 2: 'nmi', 64: 'first', 80: 'second', 96: 'wake' }),
  `mov r15d, ${apic}`,
  'mov dword ptr [r15 + 0xf0], 0x1ff',
  'xor r14d, r14d',
  'jmp start',
  ...['first', 'second', 'wake'].flatMap((label) => [
    ...[`${label}: mov r11, [rsp]`, ...log('r11'), 'mov r11, [rsp + 16]', ...log('r11'), ...look],
    ...[`mov dword ptr [r15 + ${eoi}], 0`, 'iretq'],
  ]),
  // The first NMI brings another one while it is handled.
  ...['nmi: mov r11, [rsp]', ...log('r11'), 'inc r14d', 'cmp r14d, 2', 'jne leave', ...nmiSelf, ...nmiSelf, 'nop'],
  ...['leave: iretq', 'start: nop'],
];

const guests: Readonly<Record<string, readonly string[]>> = {
  'interrupts that wait for STI, in order of their priority': [
    ...[
      'cli',
      interruptSelf(64),
      'nop',
      ...logApic,
      interruptSelf(80),
      'nop',
      ...logApic,
      'sti',
      'nop',
      'nop',
      'nop',
      'cli',
    ],
    ...[interruptSelf(64), 'sti', 'cli', 'nop', ...logApic, 'sti', 'nop', 'cli', ...logApic],
  ],
  'interrupts at once, and in shadows': [
    ...[
      'sti',
      'nop',
      interruptSelf(64),
      'nop',
      'nop',
      'mov r8d, ss',
      interruptSelf(80),
      'mov ss, r8d',
      'nop',
      'nop',
      'cli',
    ],
    ...[interruptSelf(64), 'mov ss, r8d', 'sti', 'nop', 'nop', 'cli'],
  ],
  'interrupts that CR8 holds back': [
    ...[
      'mov eax, 5',
      'mov cr8, rax',
      'sti',
      interruptSelf(80),
      'nop',
      ...logApic,
      'xor eax, eax',
      'mov cr8, rax',
      'nop',
      'nop',
    ],
  ],
  'interrupts that end HLT': [
    ...[`mov dword ptr [r15 + ${divide}], 0xb`, `mov dword ptr [r15 + ${lvtTimer}], 96`],
    ...[
      `mov dword ptr [r15 + ${initialCount}], 5000`,
      'sti',
      'hlt',
      'nop',
      'cli',
      interruptSelf(64),
      'sti',
      'hlt',
      'nop',
    ],
  ],
  'NMIs, also while one is handled': [
    ...[
      ...nmiSelf,
      'nop',
      'nop',
      'mov r8d, ss',
      ...nmiSelf,
      'mov ss, r8d',
      'nop',
      'nop',
      ...nmiSelf,
      'nop',
      'nop',
      'mov r11, r14',
    ],
    ...log('r11'),
  ],
};

describe('External interrupts and NMIs that exit, and that an extension leaves to the base', () => {
  for (const [what, lines] of Object.entries(guests)) {
    it(`reach the guest as on the bare machine: ${what}`, () => expectAsBare([...begin(logApic), ...lines], vmms));
  }

  it('are not lost if exits acknowledge them, although the local APIC has then given them before the guest takes them', () =>
    expectAsBare(
      [...begin([]), ...['cli', interruptSelf(64), 'nop', interruptSelf(80), 'nop', 'sti', 'nop', 'nop', 'cli']],
      [['acknowledging', withControls(interrupts, acknowledging)]],
    ));
});
