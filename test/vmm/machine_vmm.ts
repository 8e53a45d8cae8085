// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { LoadedVmm } from '../../src/driver/loaded_vmm.js';
import { component } from '../../src/intrinsics/component.js';
import { VMCALL_MAGIC } from '../../src/vmm/exit/vmcall_interface.js';
import { VmmMemory } from '../../src/intrinsics/instructions/vmm_memory.js';
import { Pc } from '../../src/machine/pc.js';
import { vcpuModule, type PartModule } from '../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../src/vmm/contributions/exit_contribution.js';
import { VmcallContribution } from '../../src/vmm/contributions/vmcall_contribution.js';
import { Ept } from '../../src/vmm/ept/ept.js';
import type { Exit } from '../../src/vmm/exit/exit.js';
import type { VmcallRegisters } from '../../src/vmm/exit/vmcall_registers.js';
import {
  ExceptionBitmap,
  GuestHostMasks,
  IoBitmap,
  MonitorTrap,
  MsrBitmap,
  TscOffset,
  Vpid,
} from '../../src/vmm/owners/owners.js';
import { MemoryManager } from '../../src/vmm/memory_manager/memory_manager.js';
import type { Request } from '../../src/vmm/requests/request.js';
import { Vmcs } from '../../src/vmm/vmcs/vmcs.js';
import { assemble } from '../support/assembler.js';

const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
const stepOpcode = 99;

/** What a step of a test has at hand: the owners of the vCPU that called. */
@injectable()
export class Bench implements VmcallContribution {
  @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
  @inject(IoBitmap) readonly ioBitmap!: IoBitmap;
  @inject(ExceptionBitmap) readonly exceptionBitmap!: ExceptionBitmap;
  @inject(GuestHostMasks) readonly guestHostMasks!: GuestHostMasks;
  @inject(Vpid) readonly vpid!: Vpid;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(TscOffset) readonly tscOffset!: TscOffset;
  @inject(Ept) readonly ept!: Ept;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(MemoryManager) readonly manager!: MemoryManager;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  readonly name = 'a-bench';
  readonly opcodes = [stepOpcode];
  static steps: readonly ((bench: Bench) => void)[] = [];

  /** Calls back after the guest's next instruction. A test needs no snapshot: its argument may be a function. */
  afterStep(callback: () => void): Request {
    return this.monitorTrap.step(this, 'run', callback);
  }

  run(callback: () => void): void {
    callback();
  }

  handleVmcall(registers: VmcallRegisters): boolean {
    Bench.steps[Number(registers.r02)]!(this);
    return true;
  }
}
const BenchPart = component<Bench>('test.Bench', 'vcpu');

/** Lines of a guest that let step `index` run, in VMX root operation. They change RAX, RCX and RDX. */
export function step(index: number): string[] {
  return [`mov eax, ${stepOpcode}`, `movabs rdx, ${VMCALL_MAGIC}`, `mov ecx, ${index}`, 'vmcall'];
}

/** Lines that store RAX at a physical address of the guest's. */
export const store = (address: number): string => `mov [${address}], rax`;

const powerOff = ['mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'];

/** A handler of exits for a test. */
export function onExit(name: string, reasons: readonly number[], handleExit: (exit: Exit) => boolean): PartModule {
  const contribution: ExitContribution = { name, reasons, handleExit };
  return vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue(contribution));
}

/** Lines of a guest, after which it switches the machine off, or the whole image of one that does so itself. */
type Guest = readonly string[] | Uint8Array;

/** A simulated PC with a guest, ready to run. */
async function bootedPc(guest: Guest, memoryMiB: number, processors = 1) {
  const console: number[] = [];
  const pc = await Pc.create({
    coreModule,
    memoryBytes: memoryMiB * 1024 * 1024,
    processors,
    com1: (byte) => void console.push(byte),
    com2: () => {},
    debugConsole: () => {},
  });
  pc.boot({
    kernel: {
      name: 'guest',
      bytes: guest instanceof Uint8Array ? guest : assemble([...guest, ...powerOff], 64, 0x200000),
    },
    modules: [],
    append: '',
  });
  return { pc, console };
}

/** More quanta than any guest of these tests takes. */
const mostQuanta = 1000;

/**
 * Runs a machine to its end. @throws if there is none, instead of a test run that hangs.
 * @param between called after each quantum.
 */
function runToEnd({ pc, console }: Awaited<ReturnType<typeof bootedPc>>, between: () => void = () => {}) {
  let end;
  for (let quanta = 0; (end = pc.runQuantum(() => true)) === undefined; quanta++) {
    between();
    if (quanta > mostQuanta) throw new Error(`the guest did not end: ${JSON.stringify(pc.exits())}`);
  }
  const view = new DataView(pc.ram.buffer, pc.ram.byteOffset);
  return {
    end,
    exits: [...pc.exits()],
    instructions: pc.instructions,
    console: String.fromCharCode(...console),
    word: (address: number): bigint => view.getBigUint64(address, true),
    /** For the report of a death. */
    processors: pc.processorReports(),
  };
}

/** Runs a guest as `runGuest` does, without a VMM. */
export async function runBare(guest: Guest, processors?: number) {
  return runToEnd(await bootedPc(guest, 16, processors));
}

/** What a run under the VMM may have besides. */
interface GuestOptions {
  readonly memoryMiB?: number;
  readonly processors?: number;
  /**
   * When the driver stops the VMM: so many instructions after the guest stored 1 at `word`. From then on the host looks at the machine after each
   * instruction.
   */
  readonly stop?: { readonly word: number; readonly after: number };
}

/** Stops the VMM when the guest has asked for that. @returns what to do after each quantum. */
function stopper(pc: Pc, vmm: LoadedVmm, { word, after }: NonNullable<GuestOptions['stop']>): () => void {
  const asked = new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + word, 1);
  let left = after;
  for (const processor of pc.processors) {
    const run = processor.run.bind(processor);
    processor.run = (instructions) => run(left < 0 ? instructions : 1);
  }
  return () => {
    if (asked[0] === 0 || left < 0 || --left >= 0) return;
    for (const { id } of pc.processors) pc.driverAccess.inDriverContext(id, () => vmm.entry.stopVmm(BigInt(id)));
  };
}

/**
 * Runs a guest under the VMM with `modules` on the simulated PC, to its end. Physical memory is mapped to itself; the
 * guest has 16 MiB, unless it wants more, and its code is at 2 MiB.
 */
export async function runGuest(
  guest: Guest,
  steps: readonly ((bench: Bench) => void)[],
  modules: readonly PartModule[] = [],
  { memoryMiB = 16, processors, stop }: GuestOptions = {},
) {
  const booted = await bootedPc(guest, memoryMiB, processors);
  const { pc } = booted;
  Bench.steps = steps;
  const bench = vcpuModule(({ bind }) => {
    bind(BenchPart).to(Bench);
    bind(VmcallContribution).toService(BenchPart);
  });
  const files = [bench, ...modules].map((module, at) => ({ file: `module ${at}`, module }));
  const { exitOutcome: outcome } = pc.driverAccess;
  const handlers: string[] = [];
  const vmm = LoadedVmm.create(pc.driverAccess, files, { words: new Int32Array(1), outcome, names: handlers });
  try {
    for (const { id } of pc.processors) pc.driverAccess.inDriverContext(id, () => vmm.entry.startVmm(BigInt(id)));
    const between = stop === undefined ? undefined : stopper(pc, vmm, stop);
    return { ...runToEnd(booted, between), handlers };
  } finally {
    vmm.unload();
  }
}
