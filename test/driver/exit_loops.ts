// SPDX-License-Identifier: LGPL-2.1-only
// Loops of guests that take one kind of exit at each turn, under the base's own handlers. The test of the exit path counts what they allocate, and
// `npm run bench` times them.
import { inject, injectable } from 'inversify';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadedVmm } from '../../src/driver/loaded_vmm.js';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { PrimaryControl, SecondaryControl, type ControlWord } from '../../src/intrinsics/vmx/control_bits.js';
import { Vector } from '../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { Msr } from '../../src/intrinsics/registers/msr_definitions.js';
import { Cr0, Cr4 } from '../../src/intrinsics/registers/registers.js';
import { Pc } from '../../src/machine/pc.js';
import { vcpuModule } from '../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../src/vmm/vmcs/vmcs_contribution.js';
import { ExceptionBitmap, GuestHostMasks, Vpid, type MaskedRegister } from '../../src/vmm/owners/owners.js';
import { Vmcs } from '../../src/vmm/vmcs/vmcs.js';
import { assemble } from '../support/assembler.js';

/** What a loop wants to exit that the base lets pass. */
interface Traps {
  readonly controls?: readonly (readonly [word: ControlWord, mask: number])[];
  readonly exceptions?: readonly number[];
  readonly watched?: readonly (readonly [register: MaskedRegister, bits: number])[];
}

/** A guest's loop. */
export interface ExitLoop extends Traps {
  readonly name: string;
  readonly reason: ExitReason;
  /** Once, before the loop. */
  readonly before?: readonly string[];
  /** One turn. R15 is not to be touched. */
  readonly turn: readonly string[];
  /** The device of a turn allocates, if the exit does not: it is not among what is asserted. */
  readonly isWithDevice?: boolean;
  /** Exits of a turn; 1 if absent. */
  readonly exits?: number;
}

const primary = (mask: number): Traps => ({ controls: [['primary', mask]] });
const secondary = (mask: number): Traps => ({ controls: [['secondary', mask]] });
const writeMsr = (msr: number, low: number, high: number): string[] => [
  `mov ecx, ${msr}`,
  `mov eax, ${low}`,
  `mov edx, ${high}`,
  'wrmsr',
];
const toggle = (register: MaskedRegister, bit: number): string[] => [
  `mov rax, ${register}`,
  `xor eax, ${bit}`,
  `mov ${register}, rax`,
];

const Address = { code: 0x200000, idt: 0x300000, stackEnd: 0x310000 } as const;
/** Of a page that nothing maps. */
const unmapped = 0x7f00_0000_0000n;
const interruptVector = 0x40;
/** Registers of the local APIC. SDM 3A "Local APIC Register Address Map". */
const apicBase = 0xfee00000;
const Apic = { eoi: apicBase + 0xb0, spurious: apicBase + 0xf0, command: apicBase + 0x300 };

/** A gate for `handler`, whose address the code below knows. R8 is the handler. SDM 3A "64-Bit Mode IDT". */
const gate = (vector: number, handler: string): string[] => [
  `lea r8, [rip + ${handler}]`,
  `mov edi, ${Address.idt + 16 * vector}`,
  'mov [rdi], r8w',
  'mov ax, cs',
  'mov [rdi + 2], ax',
  'mov word ptr [rdi + 4], 0x8e00',
  'shr r8, 16',
  'mov [rdi + 6], r8w',
  'shr r8, 16',
  'mov [rdi + 8], r8d',
];
const enableApic = [`mov ebx, ${Apic.spurious}`, 'mov dword ptr [rbx], 0x1ff'];
/** An interrupt that the processor sends itself waits at the HLT, and ends it at once: no idle time passes. */
const haltForAMoment = [
  'cli',
  `mov ebx, ${Apic.command}`,
  `mov dword ptr [rbx], ${0x44000 | interruptVector}`,
  'sti',
  'hlt',
];

/** Every exit that a booting Linux takes under the base or the extensions of this repository, and those that they ask for besides. */
export const exitLoops: readonly ExitLoop[] = [
  { name: 'CPUID', reason: ExitReason.Cpuid, turn: ['mov eax, 1', 'xor ecx, ecx', 'cpuid'] },
  { name: 'RDMSR of a field', reason: ExitReason.Rdmsr, turn: [`mov ecx, ${Msr.Ia32Efer}`, 'rdmsr'] },
  {
    name: 'RDMSR of the processor’s own',
    reason: ExitReason.Rdmsr,
    before: writeMsr(Msr.Ia32KernelGsBase, 0x81234567, 0xffffffff),
    turn: [`mov ecx, ${Msr.Ia32KernelGsBase}`, 'rdmsr'],
  },
  {
    name: 'RDMSR of the time stamp',
    reason: ExitReason.Rdmsr,
    turn: [`mov ecx, ${Msr.Ia32TimeStampCounter}`, 'rdmsr'],
  },
  {
    name: 'RDMSR of the deadline',
    isWithDevice: true,
    reason: ExitReason.Rdmsr,
    turn: [`mov ecx, ${Msr.Ia32TscDeadline}`, 'rdmsr'],
  },
  { name: 'WRMSR of a field', reason: ExitReason.Wrmsr, turn: writeMsr(Msr.Ia32SysenterEip, 0x81234567, 0xffffffff) },
  {
    name: 'WRMSR of IA32_EFER',
    reason: ExitReason.Wrmsr,
    turn: [`mov ecx, ${Msr.Ia32Efer}`, 'mov eax, 0x501', 'xor edx, edx', 'wrmsr'],
  },
  {
    name: 'WRMSR of the processor’s own',
    reason: ExitReason.Wrmsr,
    turn: writeMsr(Msr.Ia32KernelGsBase, 0x81234567, 0xffffffff),
  },
  {
    name: 'WRMSR of the deadline',
    isWithDevice: true,
    reason: ExitReason.Wrmsr,
    turn: writeMsr(Msr.Ia32TscDeadline, 0xffffffff, 0x7fffffff),
  },
  {
    name: 'XSETBV',
    reason: ExitReason.Xsetbv,
    before: toggle('cr4', Cr4.Osxsave),
    turn: ['xor ecx, ecx', 'mov eax, 3', 'xor edx, edx', 'xsetbv'],
  },
  {
    name: 'MOV to CR0',
    reason: ExitReason.ControlRegisterAccesses,
    turn: toggle('cr0', Cr0.TaskSwitched),
    watched: [['cr0', Cr0.TaskSwitched]],
  },
  {
    name: 'CLTS',
    reason: ExitReason.ControlRegisterAccesses,
    turn: [...toggle('cr0', Cr0.TaskSwitched), 'clts'],
    exits: 2,
    watched: [['cr0', Cr0.TaskSwitched]],
  },
  {
    name: 'LMSW',
    reason: ExitReason.ControlRegisterAccesses,
    turn: ['smsw ax', 'xor eax, 8', 'lmsw ax'],
    watched: [['cr0', Cr0.TaskSwitched]],
  },
  {
    name: 'MOV to CR4',
    reason: ExitReason.ControlRegisterAccesses,
    turn: toggle('cr4', Cr4.PageGlobalEnable),
    watched: [['cr4', Cr4.PageGlobalEnable]],
  },
  {
    name: 'MOV to CR3',
    reason: ExitReason.ControlRegisterAccesses,
    before: ['mov rbx, cr3'],
    turn: ['mov cr3, rbx'],
    ...primary(PrimaryControl.Cr3LoadExiting),
  },
  {
    name: 'MOV from CR3',
    reason: ExitReason.ControlRegisterAccesses,
    turn: ['mov rbx, cr3'],
    ...primary(PrimaryControl.Cr3StoreExiting),
  },
  {
    name: 'MOV to CR8',
    reason: ExitReason.ControlRegisterAccesses,
    turn: ['xor eax, eax', 'mov cr8, rax'],
    ...primary(PrimaryControl.Cr8LoadExiting),
  },
  {
    name: 'MOV from CR8',
    reason: ExitReason.ControlRegisterAccesses,
    turn: ['mov rbx, cr8'],
    ...primary(PrimaryControl.Cr8StoreExiting),
  },
  {
    name: 'HLT',
    isWithDevice: true,
    reason: ExitReason.Hlt,
    before: enableApic,
    turn: haltForAMoment,
    ...primary(PrimaryControl.HltExiting),
  },
  { name: 'RDTSC', reason: ExitReason.Rdtsc, turn: ['rdtsc'], ...primary(PrimaryControl.RdtscExiting) },
  {
    name: 'RDTSCP',
    reason: ExitReason.Rdtscp,
    turn: ['rdtscp'],
    controls: [
      ['primary', PrimaryControl.RdtscExiting],
      ['secondary', SecondaryControl.EnableRdtscp],
    ],
  },
  {
    name: 'INVLPG',
    reason: ExitReason.Invlpg,
    before: ['mov rbx, -4096'],
    turn: ['invlpg [rbx]'],
    ...primary(PrimaryControl.InvlpgExiting),
  },
  { name: 'PAUSE', reason: ExitReason.Pause, turn: ['pause'], ...primary(PrimaryControl.PauseExiting) },
  { name: 'WBINVD', reason: ExitReason.Wbinvd, turn: ['wbinvd'], ...secondary(SecondaryControl.WbinvdExiting) },
  {
    name: 'OUT',
    reason: ExitReason.IoInstruction,
    turn: ['out 0x80, al'],
    ...primary(PrimaryControl.UnconditionalIoExiting),
  },
  {
    name: 'IN',
    reason: ExitReason.IoInstruction,
    turn: ['in al, 0x84'],
    ...primary(PrimaryControl.UnconditionalIoExiting),
  },
  {
    name: '#UD',
    reason: ExitReason.ExceptionOrNonMaskableInterrupt,
    turn: ['ud2'],
    exceptions: [Vector.InvalidOpcode],
  },
  {
    name: '#PF',
    reason: ExitReason.ExceptionOrNonMaskableInterrupt,
    before: [`movabs rbx, ${unmapped}`],
    turn: ['mov al, [rbx]'],
    exceptions: [Vector.PageFault],
  },
];

/** The image: its loop runs in the upper half of the address space, as a kernel does, so that no half of RIP is a small number. */
function image(loop: ExitLoop, turns: number): Uint8Array {
  return assemble(
    [
      // the upper half becomes an alias of the lower one
      'mov rbx, cr3',
      'mov rax, [rbx]',
      'mov [rbx + 511 * 8], rax',
      `movabs rax, ${0xffffff8000000000n + BigInt(Address.code)}`,
      'lea rbx, [rip + high]',
      `sub rbx, ${Address.code}`,
      'add rax, rbx',
      'jmp rax',
      'high:',
      `movabs rsp, ${0xffffff8000000000n + BigInt(Address.stackEnd)}`,
      ...gate(Vector.InvalidOpcode, 'invalid'),
      ...gate(Vector.PageFault, 'page'),
      ...gate(interruptVector, 'interrupt'),
      'mov word ptr [rsp], 0xfff',
      `mov eax, ${Address.idt}`,
      'mov [rsp + 2], rax',
      'lidt [rsp]',
      ...(loop.before ?? []),
      `mov r15d, ${turns}`,
      'turn:',
      ...loop.turn,
      'dec r15d',
      'jnz turn',
      'cli',
      'xor eax, eax',
      'mov edx, 0xf4',
      'out dx, eax',
      'invalid:',
      'add qword ptr [rsp], 2',
      'iretq',
      'page:',
      'add rsp, 8',
      'add qword ptr [rsp], 2',
      'iretq',
      'interrupt:',
      `mov ebx, ${Apic.eoi}`,
      'mov dword ptr [rbx], 0',
      'iretq',
    ],
    64,
    Address.code,
  );
}

/** Makes exit what a loop wants. */
function trapping({ controls = [], exceptions = [], watched = [] }: Traps) {
  @injectable()
  class LoopTraps implements VmcsContribution {
    @inject(Vmcs) readonly vmcs!: Vmcs;
    @inject(ExceptionBitmap) readonly exceptionBitmap!: ExceptionBitmap;
    @inject(GuestHostMasks) readonly masks!: GuestHostMasks;
    @inject(Vpid) readonly vpid!: Vpid;
    readonly name = 'loop-traps';

    setUp(): void {
      this.vpid.enable(this);
      for (const [word, mask] of controls) this.vmcs.enable(word, mask);
      for (const vector of exceptions) this.exceptionBitmap.trap(this, vector);
      for (const [register, bits] of watched) this.masks.watch(this, register, BigInt(bits));
    }
  }
  return vcpuModule(({ bind }) => bind(VmcsContribution).to(LoopTraps));
}

/** A machine whose guest is about to run a loop under the VMM. */
export async function startedLoop(loop: ExitLoop, turns: number): Promise<Pc> {
  const pc = await Pc.create({
    coreModule: await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm'))),
    memoryBytes: 16 << 20,
    com1: () => {},
    com2: () => {},
    debugConsole: () => {},
  });
  pc.boot({ kernel: { name: loop.name, bytes: image(loop, turns) }, modules: [], append: '' });
  const vmm = LoadedVmm.create(pc.driverAccess, [{ file: 'loop traps', module: trapping(loop) }], {
    words: new Int32Array(1),
    outcome: new Int32Array(1),
    names: [],
  });
  pc.driverAccess.inDriverContext(0, () => vmm.entry.startVmm(0n));
  return pc;
}
