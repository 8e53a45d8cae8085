// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { CpuidLeaf, FeatureInformationEcx } from '../../src/intrinsics/registers/cpuid_leaves.js';
import type { CompiledTierOptions } from '../../src/machine/compiled/compiled_tier.js';
import { BareflankError } from '../../src/intrinsics/errors.js';
import { Constants } from '../../src/machine/layout/core_constants.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { Sizes } from '../../src/machine/layout/regions.js';
import { Pc, type PcEnd } from '../../src/machine/pc.js';
import { SeededRandom } from '../differential/cases/seeded_random.js';
import { assemble, type CodeBits } from '../support/assembler.js';
import { gate64, Page } from '../support/processor_setup.js';
import { At, Select, SystemMachine, type PagingMode } from '../support/system_machine.js';
import { commonSlot, hostileSlot, mapWindow } from './hostile_code.js';
import { FuzzAt, littleEndian, randomSlot, slotBytes } from './random_code.js';
import { Place, prepareVmx } from './vmx_code.js';

/** A mode of operation in which random code runs. */
export interface FuzzMode {
  readonly name: string;
  readonly bits: CodeBits;
  readonly paging: PagingMode;
  readonly cpl: 0 | 3;
}

/** All modes that a processor can be put into at once; random code gets into others by itself. */
export const fuzzModes: readonly FuzzMode[] = [
  { name: '64-bit', bits: 64, paging: '4-level', cpl: 0 },
  { name: '64-bit, CPL 3', bits: 64, paging: '4-level', cpl: 3 },
  { name: '32-bit with 32-bit paging', bits: 32, paging: '32-bit', cpl: 0 },
  { name: '32-bit with PAE, CPL 3', bits: 32, paging: 'pae', cpl: 3 },
  { name: '32-bit without paging', bits: 32, paging: 'none', cpl: 0 },
  { name: 'real-address', bits: 16, paging: 'none', cpl: 0 },
];

const realSlots = 0x10000;
const realDispatcher = 0x1e000;
const slotCount = 256;
const memoryBytes = 16 << 20;
const longRun = 50_000;
/** Instructions of a hostile program, and how many programs a machine runs, one after the other, if none ends it. */
const hostileProgram = 1_500;
const hostilePrograms = 8;
/** Instructions after which an NMI takes code that runs in a circle to the next slot. */
const nmiEvery = 1_500;
/** Quanta of a run that ends by its budget: those that were cut by timers come on top. */
const mostQuanta = 2_000;

const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'exit_handler_cpuid_count.ts');
const coreModule = new WebAssembly.Module(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));

/** How a run of random code ended, and everything about that which must not be. */
export interface FuzzOutcome {
  readonly kind: PcEnd['kind'] | 'budget' | 'refused';
  readonly detail: string;
  readonly problems: readonly string[];
  readonly instructions: number;
}

/** Memory of a machine that has ended: the next one takes it, since allocating it again takes longer than most runs. */
let spareMemory: WebAssembly.Memory | undefined;

/** A PC of the fuzz's size. @param tier how hot code is compiled; without it none is */
async function createPc(tier?: CompiledTierOptions): Promise<Pc> {
  const memory = spareMemory;
  spareMemory = undefined;
  return Pc.create({
    coreModule,
    memoryBytes,
    com1: () => {},
    com2: () => {},
    ...(memory !== undefined && { memory }),
    ...(tier !== undefined && { compiledTier: tier }),
  });
}

/** A machine with descriptor tables, in which every event leads to the next slot of code. */
export class FuzzMachine {
  private constructor(
    readonly pc: Pc,
    readonly system: SystemMachine,
    private readonly mode: FuzzMode,
  ) {}

  static async create(mode: FuzzMode, tier?: CompiledTierOptions): Promise<FuzzMachine> {
    const pc = await createPc(tier);
    const system = new SystemMachine(pc.core);
    system.start(mode);
    const machine = new FuzzMachine(pc, system, mode);
    if (mode.bits === 16) machine.catchRealEvents();
    else machine.catchEvents();
    machine.interruptCircles();
    return machine;
  }

  private interruptCircles(): void {
    const { pc } = this;
    const timer = pc.chipset.events.timer('fuzz', (deadline) => {
      const { u32 } = pc.core;
      // the handlers never return, so nothing else unblocks NMIs
      u32[Layout.INTERRUPTIBILITY / 4] = u32[Layout.INTERRUPTIBILITY / 4]! & ~8;
      pc.core.nmi();
      timer.arm(deadline + nmiEvery);
    });
    timer.arm(nmiEvery);
  }

  /** Puts code into the slots. */
  fill(slot: (index: number) => readonly number[]): void {
    this.refill(slot);
    this.system.set('RIP', this.mode.bits === 16 ? 0 : FuzzAt.slots);
  }

  /** The same for a guest that runs: it goes on where it is. */
  refill(slot: (index: number) => readonly number[]): void {
    const base = this.mode.bits === 16 ? realSlots : FuzzAt.slots;
    for (let i = 0; i < slotCount; i++) this.system.poke(base + i * slotBytes, ...slot(i));
    this.system.codeChanged(base, slotCount * slotBytes);
  }

  /** A processor without VMX, as the guest of a VMM has it: CPUID does not announce it. */
  hideVmx(): void {
    const { cpuid } = this.pc.core.model;
    const leaf = Layout.CPUID_TABLE + 32 * cpuid.findIndex(({ leaf }) => leaf === CpuidLeaf.FeatureInformation);
    const ecx = leaf / 4 + 6;
    this.pc.core.u32[ecx] = this.pc.core.u32[ecx]! & ~FeatureInformationEcx.Vmx;
  }

  /** General registers and RIP, as text. */
  registers(): string {
    const { block } = this.pc.core;
    const words = this.pc.core.u64.subarray(Layout.RAX / 8, Layout.RAX / 8 + 16);
    return [...words, block.get('RIP')].map((word) => word.toString(16)).join(' ');
  }

  private driver: Driver | undefined;
  private driversPages: Buffer | undefined;

  /** Starts a VMM on the processor. */
  async startVmm(modules: readonly string[] = [cpuidCount]): Promise<void> {
    const driver = await Driver.create({ source: moduleFiles, machine: this.pc.driverAccess });
    for (const module of modules) driver.addModule(module);
    await driver.load();
    driver.start();
    this.driver = driver;
    this.driversPages = this.pagesOfDriver();
  }

  /** The part of the carve-out that belongs to the driver's contexts. */
  private pagesOfDriver(): Buffer {
    const { u8, physicalBytes } = this.pc.core;
    const end = Layout.RAM + physicalBytes;
    return Buffer.from(u8.subarray(end - Sizes.DRIVER_PART, end));
  }

  /** What is wrong with the VMM after the run. It must have survived, unless the guest ended as it would without a VMM, and must obey the driver. */
  private vmmProblems(end: PcEnd | undefined): string[] {
    const { driver } = this;
    if (driver === undefined) return [];
    if (!this.driversPages!.equals(this.pagesOfDriver())) return ["the guest changed the driver's pages"];
    // A machine whose guest halted for good is dead too, but its processor could go on.
    const { death } = this.pc.processors[0]!;
    if (death !== undefined) return isGuestsOwnEnd(death) ? [] : [`the guest brought the VMM down: ${death}`];
    if (end?.unimplemented !== undefined) return [];
    try {
      const answer = driver.vmcall(0, { r00: 1n, r02: 1n });
      driver.stop();
      return answer.r01 === 0n && answer.r03 === 1n ? [] : ['VMCALL versions has a wrong answer'];
    } catch (error) {
      return [`the driver cannot stop the VMM: ${text(error)}`];
    }
  }

  /** Runs one program after the other, until one ends the machine. @param next puts the next one into the slots. */
  runPrograms(next: () => void): FuzzOutcome & { readonly programs: number } {
    let programs = 0;
    const outcome = this.run(hostileProgram * hostilePrograms, () => {
      if (this.pc.instructions < programs * hostileProgram) return;
      if (programs++ > 0) next();
    });
    return { ...outcome, programs };
  }

  /** Runs to an end or to the budget. @param before is called before each quantum. */
  run(budget: number = longRun, before: () => void = () => {}): FuzzOutcome {
    const { pc } = this;
    let end: PcEnd | undefined;
    const problems: string[] = [];
    try {
      let quanta = 0;
      for (; end === undefined && pc.instructions < budget && quanta < mostQuanta; quanta++) {
        before();
        const time = pc.virtualTime;
        end = pc.runQuantum(() => true);
        if (end === undefined && pc.virtualTime === time && quanta > 1000) problems.push('virtual time stops');
      }
    } catch (error) {
      problems.push(`thrown: ${text(error)}`);
    }
    const damage = this.damage();
    return this.outcome(end?.kind ?? 'budget', end?.detail ?? '', [...problems, ...damage, ...this.vmmProblems(end)]);
  }

  /** Gives the memory to the next machine: this one is not used any more. */
  release(): void {
    spareMemory = this.pc.core.memory;
  }

  /** The outcome of a start that failed. */
  refused(error: unknown): FuzzOutcome {
    const problems = error instanceof BareflankError ? [] : [`thrown: ${text(error)}`];
    return this.outcome('refused', text(error), problems);
  }

  private outcome(kind: FuzzOutcome['kind'], detail: string, problems: string[]): FuzzOutcome {
    const { pc } = this;
    if (/undefined|NaN|\[object|TypeError|RangeError|RuntimeError/.test(detail)) problems.push(`detail: ${detail}`);
    return { kind, detail, problems, instructions: pc.instructions };
  }

  /** What of the machine's own memory is not as it must be: guests reach only what a TLB or the decoder gives them. */
  private damage(): string[] {
    const { core } = this.pc;
    const { u32, u64 } = core;
    const found: string[] = [];
    const last = Layout.RAM + core.physicalBytes;
    for (let entry = Layout.TLBS; entry < Layout.TLBS + Constants.TLB_LOGS; entry += 32) {
      for (const tag of [u64[entry / 8]!, u64[entry / 8 + 1]!, u64[entry / 8 + 2]!]) {
        if (tag === 0xffffffffffffffffn || tag === 0n) continue;
        const host = (Number(tag & 0xffffffffn) + u32[entry / 4 + 6]!) >>> 0;
        if (host < Layout.RAM || host >= last) found.push(`a TLB entry leads to ${host.toString(16)}`);
        else if (host >= Layout.RAM + memoryBytes)
          found.push(`the guest reached the carve-out at ${host.toString(16)}`);
      }
    }
    for (let at = Layout.EMPTY_TLB; at < Layout.EMPTY_TLB + Constants.TLB_BYTES; at += 8)
      if (u64[at / 8] !== 0xffffffffffffffffn) found.push('the empty TLB is not empty');
    if (u32[Layout.RECORD_NEXT / 4]! > Layout.RECORDS_END) found.push('the record space overflowed');
    if (u32[Layout.RAM_BYTES / 4] !== memoryBytes) found.push('the size of RAM changed');
    if (last > core.u8.length || Sizes.CARVE_OUT + memoryBytes !== core.physicalBytes) found.push('memory moved');
    for (let at = Layout.CPUID_TABLE; at < Layout.CPUID_TABLE + core.model.cpuid.length * 32; at += 32)
      if (u32[at / 4] !== core.model.cpuid[(at - Layout.CPUID_TABLE) / 32]!.leaf >>> 0) found.push('CPUID changed');
    // without PAE no address of a guest leads beyond 4 GiB, where the VMM's memory is
    const reaches = core.u32[Layout.CR4 / 4]! & 0x20;
    const ownEnd = Layout.RAM + memoryBytes + 0x10000;
    if (
      this.driver === undefined &&
      reaches === 0 &&
      core.u8.subarray(Layout.RAM + memoryBytes, ownEnd).some((byte) => byte !== 0)
    )
      found.push('memory beyond 4 GiB was written');
    return [...new Set(found)];
  }

  /** 32- and 64-bit modes: all handlers lead to a dispatcher, which goes on in the next slot at the mode's privilege level. */
  private catchEvents(): void {
    const { system, mode } = this;
    const { bits, cpl } = mode;
    const jump = (from: number): number[] => [0xe9, ...littleEndian(BigInt(FuzzAt.dispatcher - from - 5), 4)];
    for (let vector = 0; vector < 256; vector++)
      system.poke(At.handlers + vector * 16, ...jump(At.handlers + vector * 16));
    // their own stack, since the random code's may be anywhere
    if (bits === 64)
      for (let vector = 0; vector < 256; vector++)
        system.gate(vector, gate64(Select.code64, BigInt(At.handlers + vector * 16), 1));
    if (cpl === 3)
      for (let page = FuzzAt.slots; page < FuzzAt.slots + slotCount * slotBytes; page += 0x1000)
        system.map(page, page, Page.present | Page.writable | Page.user);
    this.protect(At.handlers, At.gdt, At.idt, FuzzAt.dispatcher);
    const [a, width] = bits === 64 ? ['rax', 'q'] : ['eax', 'd'];
    const code = bits === 64 ? Select.userCode64 : Select.userCode32;
    const frame = [Select.userData, At.userStackTop, 0x202, code];
    const data = [`mov edx, ${Select.data}`, ...['ds', 'es'].map((segment) => `mov ${segment}, edx`)];
    const enter = cpl === 0 ? [`jmp ${a}`] : [...frame.map((value) => `push ${value}`), `push ${a}`, `iret${width}`];
    system.write(
      FuzzAt.dispatcher,
      [
        ...(bits === 32 ? data : []),
        `mov esp, ${cpl === 3 ? At.ring0StackTop : At.kernelStackTop}`,
        `mov eax, [${FuzzAt.counter}]`,
        'inc eax',
        `and eax, ${slotCount - 1}`,
        `mov [${FuzzAt.counter}], eax`,
        'shl eax, 6',
        `add eax, ${FuzzAt.slots}`,
        ...enter,
      ],
      bits,
    );
  }

  /** Takes the right to write from pages that keep a run going. */
  protect(...pages: readonly number[]): void {
    if (this.mode.paging === 'none') return;
    for (const page of pages) this.system.map(page, page, Page.present);
    this.pc.core.flushTlb();
  }

  /** Real-address mode: all vectors lead to the dispatcher. */
  private catchRealEvents(): void {
    const { system } = this;
    for (let vector = 0; vector < 256; vector++)
      system.poke32(vector * 4, (0x1000 << 16) | (realDispatcher - realSlots));
    const program = assemble(
      [
        'mov ax, 0x1000',
        'mov ss, ax',
        'mov sp, 0xd000',
        'mov ds, ax',
        'mov es, ax',
        'mov ax, [0xf000]',
        'inc ax',
        `and ax, ${slotCount - 1}`,
        'mov [0xf000], ax',
        'shl ax, 6',
        'jmp ax',
      ],
      16,
      realDispatcher - realSlots,
    );
    system.poke(realDispatcher, ...program);
    system.codeChanged(0, 0x20000);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
}

/** Whether the guest caused a death that it would die on the bare machine too: a triple fault. */
function isGuestsOwnEnd(detail: string): boolean {
  return /triple.fault/i.test(detail);
}

/** Runs hostile programs of a seed under a VMM: what they try must neither reach the VMM's memory nor end the VMM. */
export async function fuzzHostile(
  seed: number,
  modules?: readonly string[],
): Promise<FuzzOutcome & { readonly programs: number }> {
  const { machine, next } = await hostileMachine(seed, hostileSlot);
  await machine.startVmm(modules);
  const outcome = machine.runPrograms(next);
  machine.release();
  return outcome;
}

/**
 * Runs the same hostile programs on the bare machine and under a VMM: they must come to the same end, after as many instructions, and find the
 * same in memory. @returns the outcome under the VMM.
 */
export async function fuzzTwins(seed: number, modules?: readonly string[]): Promise<FuzzOutcome> {
  const { machine: bare, next: nextBare } = await hostileMachine(seed, commonSlot);
  bare.hideVmx();
  const expected = bare.runPrograms(nextBare);
  const registers = bare.registers();
  const ram = Buffer.from(bare.pc.core.ram);
  bare.release();
  const { machine, next } = await hostileMachine(seed, commonSlot);
  await machine.startVmm(modules);
  const outcome = machine.runPrograms(next);
  const problems = [...outcome.problems, ...differences(expected, outcome)];
  const changed = firstDifference(ram, machine.pc.core.ram);
  if (changed !== undefined) problems.push(changed);
  const found = machine.registers();
  // A guest that ended the machine left its registers in the VMCS.
  if (outcome.kind === 'budget' && found !== registers)
    problems.push(`on the bare machine ${registers}, here ${found}`);
  machine.release();
  return { ...outcome, problems };
}

/** A machine with the first program of a seed. `next` puts the next one into its slots. */
async function hostileMachine(seed: number, slot: typeof hostileSlot) {
  const machine = await FuzzMachine.create(fuzzModes[0]!);
  const random = new SeededRandom(seed);
  mapWindow(machine.system, random);
  machine.fill(() => slot(random));
  return { machine, next: () => machine.refill(() => slot(random)) };
}

function differences(bare: FuzzOutcome, hosted: FuzzOutcome): string[] {
  const [expected, found] = [bare, hosted].map(
    ({ kind, detail, instructions }) => `${isGuestsOwnEnd(detail) ? 'triple fault' : kind} after ${instructions}`,
  );
  return expected === found ? [] : [`on the bare machine ${expected} (${bare.detail}), under the VMM ${found}`];
}

function firstDifference(bare: Buffer, hosted: Uint8Array): string | undefined {
  if (bare.equals(hosted)) return undefined;
  const at = bare.findIndex((byte, index) => byte !== hosted[index]);
  return `at ${at.toString(16)} the bare machine has ${bare[at]!.toString(16)}, the guest ${hosted[at]!.toString(16)}`;
}

/** Runs random code of a seed. The state hash says that equal seeds give equal runs. @returns `compiled`: how many instructions regions executed */
export async function fuzzGuest(
  mode: FuzzMode,
  seed: number,
  withVmm: boolean,
  tier?: CompiledTierOptions,
): Promise<FuzzOutcome & { readonly stateHash: string; readonly compiled: number }> {
  const machine = await FuzzMachine.create(mode, tier);
  const random = new SeededRandom(seed);
  machine.fill(() => randomSlot(random, mode.bits));
  const outcome = await outcomeOf(machine, withVmm);
  const compiled = machine.pc.compiledTier?.executed.instructions ?? 0;
  return { ...outcome, stateHash: machine.pc.stateHash(), compiled };
}

async function outcomeOf(machine: FuzzMachine, withVmm: boolean): Promise<FuzzOutcome> {
  if (withVmm) {
    try {
      await machine.startVmm();
    } catch (error) {
      return machine.refused(error);
    }
  }
  return machine.run();
}

/** Runs a random hypervisor of a seed, with random guests: VMX instructions with random operands, in 64-bit mode. */
export async function fuzzVmx(seed: number): Promise<FuzzOutcome & { readonly exits: number }> {
  const machine = await FuzzMachine.create(fuzzModes[0]!);
  const random = new SeededRandom(seed);
  const slot = prepareVmx(machine.system);
  machine.protect(Place.restore, Place.pointers);
  machine.fill(() => slot(random));
  const outcome = machine.run();
  const exits = machine.pc.exits().reduce((sum, count) => sum + count, 0);
  machine.release();
  return { ...outcome, exits };
}
