// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { Msr } from '../../src/intrinsics/registers/msr_definitions.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule, type PartModule } from '../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../src/vmm/contributions/exit_contribution.js';
import { PortContribution } from '../../src/vmm/contributions/port_contribution.js';
import { VmcsContribution } from '../../src/vmm/vmcs/vmcs_contribution.js';
import { Ept } from '../../src/vmm/ept/ept.js';
import { ExceptionBitmap, MonitorTrap } from '../../src/vmm/owners/owners.js';
import type { Request } from '../../src/vmm/requests/request.js';
import { Vmcs } from '../../src/vmm/vmcs/vmcs.js';
import { handlers, log, readLog } from './guest_programs.js';
import { runBare, runGuest } from './machine_vmm.js';

const trapFlag = (on: boolean): string[] => [
  'pushfq',
  on ? 'or qword ptr [rsp], 0x100' : 'and qword ptr [rsp], ~0x100',
  'popfq',
];
const debugctl = (value: number): string[] => [
  `mov ecx, ${Msr.Ia32Debugctl}`,
  `mov eax, ${value}`,
  'xor edx, edx',
  'wrmsr',
];
const btf = 2;

/** A handler of debug exceptions that logs where, DR6, DR7 and DEBUGCTL, clears DR6, and goes on. It keeps the guest's other registers. */
const debugHandler = [
  'jmp start',
  'debug: push rax',
  'push rcx',
  'push rdx',
  'mov rax, [rsp + 24]',
  ...log('rax'),
  'mov rax, dr6',
  ...log('rax'),
  'mov rax, dr7',
  ...log('rax'),
  `mov ecx, ${Msr.Ia32Debugctl}`,
  'rdmsr',
  ...log('rax'),
  'mov eax, 0xffff0ff0',
  'mov dr6, rax',
  // An instruction breakpoint is a fault: RF lets the instruction execute.
  'or dword ptr [rsp + 40], 0x10000',
  ...['pop rdx', 'pop rcx', 'pop rax', 'iretq'],
  'start: nop',
];
const withDebugHandler = (...lines: string[]): string[] => [...handlers({ 1: 'debug' }), ...debugHandler, ...lines];

const watched = 0x2a0000;
const hidden = 0x2b0000;

/** Steps the whole guest by the monitor trap flag. */
@injectable()
class Stepping implements VmcsContribution {
  @inject(MonitorTrap) readonly trap!: MonitorTrap;
  readonly name = 'stepping';
  setUp(): void {
    this.again();
  }
  again(): void {
    this.trap.step(this, 'again');
  }
}

/** Traps every exception and leaves it to the base, which gives it back to the guest. */
@injectable()
class Reflecting implements VmcsContribution {
  @inject(ExceptionBitmap) readonly exceptions!: ExceptionBitmap;
  readonly name = 'reflecting';
  setUp(): void {
    for (const vector of [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19])
      this.exceptions.trap(this, vector);
  }
}

/** Makes instructions exit that otherwise would not. */
@injectable()
class Exiting implements VmcsContribution, PortContribution {
  readonly name = 'exiting';
  readonly ports = [0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88];
  setUp(vmcs: Vmcs): void {
    const { rdtscExiting, invlpgExiting, cr3LoadExiting, cr3StoreExiting, pauseExiting, hltExiting } =
      vmcs.primaryProcessorBasedVmExecutionControls;
    for (const each of [rdtscExiting, invlpgExiting, cr3LoadExiting, cr3StoreExiting, pauseExiting, hltExiting])
      each.enable();
  }
  handlePortRead(): undefined {}
}

/** Hides a page of the guest's: each access exits, and is retried as a step in a view that shows the page. */
@injectable()
class Hiding implements VmcsContribution, ExitContribution {
  @inject(Ept) readonly ept!: Ept;
  @inject(MonitorTrap) readonly trap!: MonitorTrap;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'hiding';
  readonly reasons = [ExitReason.EptViolation];
  private inside: Request | undefined;
  setUp(): void {
    this.ept.view('hiding').restrict(BigInt(hidden), 0);
    this.enter();
  }
  handleExit(): boolean {
    this.inside![Symbol.dispose]();
    this.trap.step(this, 'enter');
    return true;
  }
  enter(): void {
    this.inside = this.ept.enter(this, this.vmcs, this.ept.view('hiding'));
  }
}

const contribute = <T>(type: new () => T, ...symbols: symbol[]): PartModule =>
  vcpuModule(({ bind }) => {
    bind(type).toSelf();
    for (const symbol of symbols) bind<T>(symbol).toService(type);
  });

const vmms: readonly [string, readonly PartModule[]][] = [
  ['the base', []],
  ['an extension that steps the guest', [contribute(Stepping, VmcsContribution)]],
  ['an extension that traps exceptions', [contribute(Reflecting, VmcsContribution)]],
  ['an extension with more exits', [contribute(Exiting, VmcsContribution, PortContribution)]],
  ['an extension that hides a page', [contribute(Hiding, VmcsContribution, ExitContribution)]],
  [
    'all of them',
    [
      contribute(Stepping, VmcsContribution),
      contribute(Reflecting, VmcsContribution),
      contribute(Exiting, VmcsContribution, PortContribution),
      contribute(Hiding, VmcsContribution, ExitContribution),
    ],
  ],
];

/** Logs the time stamp after each of some instructions. */
const timed = (...instructions: string[]): string[] =>
  instructions.flatMap((line) => [line, 'rdtsc', 'shl rdx, 32', 'or rax, rdx', 'mov r15, rax', ...log('r15')]);

/** The code that runs with TF = 1, in pieces that do not depend on each other. */
const stepped = (bits: number, ...lines: string[]): string[] => [
  ...debugctl(bits),
  ...trapFlag(true),
  ...lines,
  ...trapFlag(false),
];

const page = (address: number): string[] => [`mov ebx, ${address}`];

const programs: readonly [string, string[]][] = [
  [
    'the time that each instruction takes',
    [
      ...handlers({}),
      'mov r8, cr3',
      'mov r9, cr4',
      'xor eax, eax',
      ...page(hidden),
      ...timed(
        'nop',
        'cpuid',
        'mov ecx, 0x10',
        'rdmsr',
        'rdtscp',
        'rdtsc',
        'in al, 0x80',
        'out 0x80, al',
        'mov cr3, r8',
      ),
      ...timed('mov r8, cr3', 'mov cr4, r9', 'invlpg [rbx]', 'pause', 'wbinvd', 'mov rax, [rbx]', 'mov [rbx], rax'),
      ...timed('mov ecx, 3', 'lea rdi, [rbx]', 'rep stosb', 'lea rsi, [rbx]', 'rep lodsb'),
    ],
  ],
  [
    'the time of exceptions',
    [
      ...handlers({ 3: 'skip', 6: 'fault', 13: 'general' }),
      ...['jmp start', 'skip: iretq', 'fault: add qword ptr [rsp], 2', 'iretq'],
      ...['general: add rsp, 8', 'add qword ptr [rsp], 2', 'iretq', 'start: nop'],
      ...timed('int3', 'ud2', 'mov ecx, 0x12345', 'rdmsr', 'wrmsr', 'nop'),
    ],
  ],
  [
    'exceptions during the delivery of others',
    [
      // The gates of 11 (#NP), 13 (#GP) and 64 are not present: #GP becomes #NP on its way, and both become #DF.
      ...handlers({ 8: 'double', 14: 'page' }),
      ...['jmp start', 'double: mov rax, [rsp]', ...log('rax'), 'mov rax, cr2', ...log('rax')],
      ...['add rsp, 8', 'mov qword ptr [rsp], r14', 'iretq'],
      ...['page: mov rax, [rsp]', ...log('rax'), 'mov rax, cr2', ...log('rax')],
      ...['add rsp, 8', 'mov qword ptr [rsp], r14', 'iretq', 'start: nop'],
      ...['lea r14, [rip + first]', 'mov ecx, 0x12345', 'rdmsr', 'first: nop'],
      ...['lea r14, [rip + second]', 'int 0x40', 'second: nop'],
      ...['lea r14, [rip + third]', 'movabs rbx, 0x700000001234', 'mov rbx, [rbx]', 'third: nop'],
    ],
  ],
  [
    'single steps',
    withDebugHandler(...stepped(0, 'nop', 'cpuid', 'nop', 'in al, 0x80', 'mov ecx, 0x10', 'rdmsr', 'nop')),
  ],
  [
    'single steps of REP',
    withDebugHandler(
      ...page(hidden),
      'mov rdi, rbx',
      'mov ecx, 3',
      ...trapFlag(true),
      'rep stosb',
      'nop',
      ...trapFlag(false),
    ),
  ],
  [
    'single steps on branches',
    withDebugHandler(
      ...stepped(btf, 'nop', 'cpuid', 'nop', 'jmp over', 'nop', 'over: nop', 'cpuid', 'nop'),
      ...stepped(btf, 'xor eax, eax', 'jz there', 'nop', 'there: nop'),
      ...stepped(btf, 'nop', 'call away', 'nop'),
      ...['jmp done', 'away: ret', 'done: nop'],
    ),
  ],
  [
    'single steps on branches to the next instruction, and to themselves',
    withDebugHandler(
      ...stepped(btf, 'nop', 'jmp next', 'next: nop', 'nop'),
      ...stepped(btf, 'xor eax, eax', 'jz near', 'near: nop', 'jnz not', 'not: nop'),
      ...stepped(btf, 'mov ecx, 3', 'self: loop self', 'nop'),
      ...stepped(btf, 'lea rax, [rip + after]', 'jmp rax', 'after: nop'),
      ...stepped(btf, 'call onward', 'onward: nop', 'add rsp, 8'),
      ...[...page(watched), 'mov rdi, rbx', 'mov ecx, 3'],
      ...stepped(btf, 'mov ecx, 3', 'rep stosb', 'nop'),
    ),
  ],
  [
    'single steps in the shadow of MOV SS',
    withDebugHandler(
      ...['mov r8d, ss', 'xor eax, eax', ...stepped(0, 'mov ss, r8d', 'cpuid', 'nop'), ...page(hidden)],
      ...stepped(0, 'mov ss, r8d', 'rdtsc', 'nop'),
      ...stepped(0, 'mov ss, r8d', 'in al, 0x80', 'nop'),
      ...stepped(0, 'mov ss, r8d', 'mov rdx, [rbx]', 'nop'),
      ...stepped(0, 'mov rdx, [rbx]', 'nop'),
      ...['mov [rbx], r8', ...stepped(0, 'mov ss, [rbx]', 'nop')],
      ...stepped(btf, 'mov ss, r8d', 'mov rdx, [rbx]', 'cpuid', 'jmp beyond', 'beyond: nop'),
    ),
  ],
  [
    'data breakpoints, also in the shadow of MOV SS and of instructions that exit',
    withDebugHandler(
      ...[...page(watched), 'mov dr0, rbx', 'mov eax, 0x000f0403', 'mov dr7, rax'],
      ...['mov qword ptr [rbx], 5', 'nop', 'mov rax, [rbx]', 'nop'],
      ...['mov r8d, ss', 'mov [rbx], r8', 'nop', 'xor eax, eax', 'mov ss, [rbx]', 'cpuid', 'nop', ...page(watched)],
      ...['mov ss, [rbx]', 'rdtsc', 'nop'],
      ...[`mov edx, ${hidden}`, 'mov ss, [rbx]', 'mov rax, [rdx]', 'nop'],
      ...['push [rbx]', 'pop rax', 'nop', `mov esi, ${watched}`, `mov edi, ${hidden}`, 'movsq', 'nop'],
    ),
  ],
  [
    'instruction breakpoints, general detection and INT1',
    withDebugHandler(
      ...[
        'lea rax, [rip + here]',
        'mov dr0, rax',
        'lea rax, [rip + there]',
        'mov dr1, rax',
        'mov eax, 0x40f',
        'mov dr7, rax',
      ],
      ...['nop', 'xor eax, eax', 'here: cpuid', 'nop', 'there: nop', '.byte 0xf1', 'nop'],
      // RF lets CPUID pass its breakpoint, and not the instruction behind it.
      ...['lea rax, [rip + first]', 'mov dr0, rax', 'lea rax, [rip + second]', 'mov dr1, rax'],
      ...['mov eax, 0x40f', 'mov dr7, rax', 'xor eax, eax', 'first: cpuid', 'second: nop', 'nop'],
      ...[...debugctl(btf), '.byte 0xf1', 'nop', 'mov eax, 0x2400', 'mov dr7, rax', 'mov rax, dr7', 'nop'],
    ),
  ],
  [
    'debug exceptions of HLT, and in the shadow of STI and of MOV SS',
    [
      ...handlers({ 1: 'debug', 3: 'trap', 6: 'fault', 48: 'trap' }),
      ...debugHandler,
      ...['jmp go', 'fault: add qword ptr [rsp], 2', 'iretq', 'trap: nop', 'iretq', 'go: nop'],
      'mov r8d, ss',
      ...stepped(0, 'hlt', 'nop'),
      ...stepped(0, 'cli', 'sti', 'nop', 'cli', 'sti', 'hlt', 'nop', 'cli'),
      ...['cli', ...stepped(0, 'sti', 'int3', 'nop', 'cli', 'sti', '.byte 0xf1', 'nop', 'cli', 'sti', 'ud2', 'cli')],
      ...stepped(0, 'mov ss, r8d', '.byte 0xf1', 'nop', 'mov ss, r8d', 'int3', 'nop'),
      ...stepped(0, 'mov ss, r8d', 'int 0x30', 'nop', 'mov ss, r8d', 'ud2', 'nop'),
      ...['cli', ...stepped(btf, 'sti', '.byte 0xf1', 'nop', 'cli', 'mov ss, r8d', '.byte 0xf1', 'nop')],
      ...[...page(watched), 'mov [rbx], r8', 'mov dr0, rbx', 'mov eax, 0x000f0403', 'mov dr7, rax'],
      ...['mov ss, [rbx]', 'int3', 'nop', 'mov ss, [rbx]', '.byte 0xf1', 'nop'],
      ...stepped(0, 'mov ss, [rbx]', 'int3', 'nop', 'mov ss, [rbx]', '.byte 0xf1', 'nop'),
    ],
  ],
  [
    'data breakpoints of MOV SS whose next instruction faults',
    [
      ...handlers({ 1: 'debug', 3: 'trap', 6: 'invalid', 13: 'general' }),
      ...debugHandler,
      ...['jmp go', 'general: add rsp, 8', 'invalid: add qword ptr [rsp], 2', 'iretq', 'trap: nop', 'iretq', 'go: nop'],
      ...['mov r8d, ss', ...page(watched), 'mov [rbx], r8', 'mov dr0, rbx', 'mov eax, 0x000f0403', 'mov dr7, rax'],
      ...[
        'mov ss, [rbx]',
        'ud2',
        'nop',
        'mov ecx, 0x12345',
        'mov ss, [rbx]',
        'rdmsr',
        'nop',
        'mov ss, [rbx]',
        'int3',
        'nop',
      ],
      ...stepped(0, 'mov ss, [rbx]', 'ud2', 'nop', 'mov ss, [rbx]', 'rdmsr', 'nop'),
    ],
  ],
  [
    'I/O breakpoints',
    withDebugHandler(
      ...[
        'mov rax, cr4',
        'or rax, 8',
        'mov cr4, rax',
        'mov eax, 0x80',
        'mov dr1, rax',
        'mov eax, 0x87',
        'mov dr2, rax',
      ],
      // DR1: one byte at 80H. DR2: four bytes at 84H. DR3 is off.
      ...['mov dr3, rax', 'mov eax, 0x2e200428', 'mov dr7, rax', 'mov edx, 0x7f'],
      ...['out 0x80, al', 'nop', 'in al, 0x80', 'nop', 'in al, 0x81', 'nop', 'out dx, ax', 'nop', 'out dx, al', 'nop'],
      ...['in eax, 0x82', 'nop', 'in ax, 0x83', 'nop', 'in al, 0x88', 'nop', 'out 0x87, al', 'nop'],
      ...stepped(0, 'out 0x80, al', 'nop'),
      ...['mov r8d, ss', 'mov ss, r8d', 'out 0x80, al', 'nop', 'nop'],
      ...[...page(watched), 'mov rsi, rbx', 'mov rdi, rbx', 'mov edx, 0x80', 'outsb', 'nop', 'insb', 'nop'],
      ...['mov rax, cr4', 'and rax, ~8', 'mov cr4, rax', 'out 0x80, al', 'nop'],
    ),
  ],
];

describe('A guest under the VMM sees the same as on the bare machine', () => {
  for (const [what, lines] of programs) {
    for (const [name, modules] of vmms) {
      it(`${what}, under ${name}`, async () => {
        const bare = await runBare(lines);
        const hosted = await runGuest(lines, [], modules);
        expect(hosted.end).to.deep.equal(bare.end);
        expect(bare.end.kind).to.equal('powered-off');
        expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
        expect(readLog(bare.word)).to.not.deep.equal([]);
        expect(hosted.instructions).to.equal(bare.instructions);
      });
    }
  }
});
