// SPDX-License-Identifier: LGPL-2.1-only
// NMIs and interrupts that arrive while the VMM itself executes: in an exit handler, and in the driver's context.
import { expect } from 'chai';
import { ExitControl, PinBasedControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ApicBase, Msr, X2apicMsr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { ApicRegister } from '../../../src/intrinsics/structures/apic_registers.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { assemble } from '../../support/assembler.js';
import { othersCode, startPage } from '../../machine/race_guest.js';
import { handlers, log, readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';

const msrOf = (register: number): number => X2apicMsr.First + (register >> 4);
const command = msrOf(ApicRegister.InterruptCommandLow);

/** WRMSR to the command register exits; the base then executes it, so that the interrupt arrives in VMX root operation. */
const trapping: PartModule = vcpuModule(({ bind }) =>
  bind(MsrContribution).toConstantValue({ name: 'trapping', msrs: [command], handleMsrWrite: () => false }),
);
/** Switches controls on, and leaves the exits to the base. */
const withControls = (pin: number, exit = 0): readonly PartModule[] => [
  trapping,
  vcpuModule(({ bind }) =>
    bind(VmcsContribution).toConstantValue({
      name: 'controls',
      setUp: (vmcs) => {
        vmcs.enable('pin', pin);
        if (exit !== 0) vmcs.enable('exit', exit);
      },
    }),
  ),
];
const nmisExit = withControls(PinBasedControl.NmiExiting);
const virtualNmis = withControls(PinBasedControl.NmiExiting | PinBasedControl.VirtualNmis);
const acknowledging = withControls(PinBasedControl.ExternalInterruptExiting, ExitControl.AcknowledgeInterruptOnExit);

const wrmsr = (address: number, low: number, high = 0): string[] => [
  `mov ecx, ${address}`,
  `mov eax, ${low}`,
  `mov edx, ${high}`,
  'wrmsr',
];
const enableX2apic = [
  `mov ecx, ${Msr.Ia32ApicBase}`,
  'rdmsr',
  `or eax, ${ApicBase.ApicGlobalEnable | ApicBase.EnableX2apicMode}`,
  'wrmsr',
  ...wrmsr(msrOf(ApicRegister.SpuriousInterruptVector), 0x1ff),
];
const nmiTo = (processor: number): string[] => wrmsr(command, 0x4400, processor);
const interruptSelf = (vector: number): string[] => wrmsr(command, 0x44000 + vector);
const asksForStop = 0x2f0000;
/** The same, and the last instruction before WRMSR asks the host to stop the VMM. */
const withStop = (lines: readonly string[]): string[] => [
  ...lines.slice(0, -1),
  `mov r8d, ${asksForStop}`,
  'mov dword ptr [r8], 1',
  ...lines.slice(-1),
];

/** Logs where each NMI and each interrupt arrives. @param inFirst executed in the handler of the first NMI. */
const begin = (inFirst: readonly string[]): string[] => [
  ...handlers({ 2: 'nmi', 64: 'interrupt', 80: 'interrupt' }),
  ...enableX2apic,
  'xor r14d, r14d',
  'jmp start',
  ...['interrupt: mov r11, [rsp]', ...log('r11'), 'mov r11, [rsp + 16]', ...log('r11')],
  ...['push rax', 'push rcx', 'push rdx', ...wrmsr(msrOf(ApicRegister.EndOfInterrupt), 0)],
  ...['pop rdx', 'pop rcx', 'pop rax', 'iretq'],
  ...['nmi: mov r11, [rsp]', ...log('r11'), 'mov r11, [rsp + 16]', ...log('r11')],
  ...['inc r14d', 'cmp r14d, 1', 'jne leave', 'push rax', 'push rcx', 'push rdx', ...inFirst],
  ...['nop', 'nop', 'pop rdx', 'pop rcx', 'pop rax', 'leave: iretq', 'start: nop'],
];
const end = ['nop', 'nop', 'nop', 'mov r11, r14', ...log('r11')];

/** The events arrive as without a VMM, at the same instructions. */
async function expectAsBare(
  guest: readonly string[],
  vmms: Readonly<Record<string, readonly PartModule[]>>,
  stop?: { readonly word: number; readonly after: number },
): Promise<void> {
  const bare = await runBare(guest);
  expect(readLog(bare.word)).to.have.length.greaterThan(2);
  for (const [name, modules] of Object.entries(vmms)) {
    const hosted = await runGuest(guest, [], modules, stop === undefined ? {} : { stop });
    expect(readLog(hosted.word), name).to.deep.equal(readLog(bare.word));
    expect(hosted.instructions, name).to.equal(bare.instructions);
  }
}

describe('An NMI that arrives while the VMM executes', () => {
  it('reaches the guest once, behind the instruction that exited, and in no shadow', () => {
    const shadowed = nmiTo(0);
    const guest = [
      ...begin([...nmiTo(0), ...nmiTo(0)]),
      ...nmiTo(0),
      ...['nop', 'mov r8d, ss', ...shadowed.slice(0, -1), 'mov ss, r8d', ...shadowed.slice(-1), ...end],
    ];
    return expectAsBare(guest, { 'no NMI exits': [trapping], 'NMIs exit': nmisExit, 'virtual NMIs': virtualNmis });
  });

  for (const [name, modules] of Object.entries({ 'NMIs exit': nmisExit, 'virtual NMIs': virtualNmis })) {
    for (const after of [1, 2]) {
      it(`is not lost if the driver stops the VMM ${after} instructions later, and ${name}`, () =>
        expectAsBare([...begin([]), ...withStop(nmiTo(0)), ...end], { [name]: modules }, { word: asksForStop, after }));
    }
  }

  it('is not lost if the driver stops the VMM while the guest handles another one', () =>
    expectAsBare(
      [...begin(withStop(nmiTo(0))), ...nmiTo(0), ...end],
      { 'NMIs exit': nmisExit },
      { word: asksForStop, after: 3 },
    ));

  it('reaches another processor once, whatever the VMM does there', async () => {
    const [started, count, rounds] = [0x600, 0x602, 5];
    const [code, handler] = [startPage << 12, (startPage << 12) + 0x40];
    // In real-address mode, entry 2 of the table at 0 leads to the handler. The loop exits all the time.
    const main = [
      ...['xor ax, ax', 'mov ds, ax', 'mov ss, ax', 'mov sp, 0x7000'],
      ...[`mov word ptr [8], ${handler & 0xffff}`, 'mov word ptr [10], 0', `mov word ptr [${started}], 1`],
      ...['again: xor ax, ax', 'cpuid', 'jmp again'],
    ];
    const bytes = new Uint8Array(0x80);
    bytes.set(assemble(main, 16, code));
    bytes.set(assemble([`inc word ptr [${count}]`, 'xor ax, ax', 'cpuid', 'iret'], 16, handler), handler - code);
    const guest = [
      ...handlers({}),
      ...enableX2apic,
      ...['lea rsi, [rip + others]', `mov edi, ${code}`, `mov ecx, ${bytes.length}`, 'rep movsb'],
      ...wrmsr(command, 0x4500, 1),
      ...wrmsr(command, 0x4600 + startPage, 1),
      ...[`mov ebx, ${started}`, 'ready: pause', 'cmp word ptr [rbx], 1', 'jne ready', 'xor r13d, r13d'],
      ...['round: inc r13d', ...nmiTo(1), 'wait: pause', 'cmp word ptr [rbx + 2], r13w', 'jb wait'],
      ...[`cmp r13d, ${rounds}`, 'jne round', 'movzx r11d, word ptr [rbx + 2]', ...log('r11'), 'jmp done'],
      ...othersCode(bytes),
      'done: nop',
    ];
    const bare = await runBare(guest, 2);
    expect(readLog(bare.word)).to.deep.equal([BigInt(rounds)]);
    for (const modules of [[trapping], nmisExit, virtualNmis]) {
      const hosted = await runGuest(guest, [], modules, { processors: 2 });
      expect(readLog(hosted.word)).to.deep.equal([BigInt(rounds)]);
    }
  });
});

describe('Interrupts that exits acknowledged', () => {
  it('are not lost if the driver stops the VMM before the guest takes them', () =>
    expectAsBare(
      [
        ...begin([]),
        ...['cli', ...interruptSelf(64), ...withStop(interruptSelf(80)), 'nop', 'nop', 'sti', 'nop', 'nop', 'cli'],
        ...end,
      ],
      { acknowledging },
      { word: asksForStop, after: 4 },
    ));
});
