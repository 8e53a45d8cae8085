// SPDX-License-Identifier: LGPL-2.1-only
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import type { CoreBus } from '../../../src/machine/processor/core_bus.js';
import { WasmCore } from '../../../src/machine/processor/wasm_core.js';
import { VmcsField, type VmcsFieldName } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { slotOf } from '../../../src/machine/vmx/vmcs/field_slots.js';
import { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { vmcsRevision } from '../../../src/machine/vmx/vmcs/vmcs.js';
import { Owner } from '../../../src/machine/vmx/vmx_state.js';
import { VmxStatus } from '../../../src/machine/vmx/instructions/vmx_status.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { assemble, type CodeBits } from '../../support/assembler.js';
import { coreModule, emptyBus } from '../../support/test_core.js';
import { readField, Region, validFields, writeField } from './vmcs_setup.js';

/** Physical, and guest-linear, addresses of the guest. */
export const Guest = {
  Code: 0x10000,
  Handler: 0x11000,
  Stack: 0x20000,
  Data: 0x30000,
  Gdt: 0x40000,
  Idt: 0x41000,
  Tss: 0x42000,
  Pml4: 0x50000,
  Pdpt: 0x51000,
  Pd: 0x52000,
  BitmapA: 0x60000,
  BitmapB: 0x61000,
  MsrBitmap: 0x62000,
  EptPml4: 0x70000,
  EptPdpt: 0x71000,
  EptPd: 0x72000,
  EptPt: 0x73000,
} as const;

/** What a VM exit reported, and the guest's RIP. */
export interface ExitRecord {
  readonly reason: number;
  readonly qualification: bigint;
  readonly length: number;
  readonly information: number;
  readonly interruption: number;
  readonly errorCode: number;
  readonly vectoring: number;
  readonly vectoringError: number;
  readonly linear: bigint;
  readonly physical: bigint;
  readonly rip: bigint;
}

/** How a guest is set up. */
export interface GuestOptions {
  readonly code: readonly string[];
  readonly bits?: CodeBits;
  /** Code at `Guest.Handler`, where all gates of the IDT lead. */
  readonly handler?: readonly string[];
  readonly fields?: Partial<Record<VmcsFieldName, bigint>>;
  readonly bus?: Partial<CoreBus>;
  /** Before the launch: more set-up of memory. */
  readonly prepare?: (machine: GuestMachine) => void;
  /** What to do at an exit besides going on after the instruction; `true` = RIP was set here. */
  readonly onExit?: (exit: ExitRecord, machine: GuestMachine) => boolean | void;
}

const hlt = 12;
const memoryBytes = 0x1000000;

/** Controls that let nothing but the unconditional exits and HLT leave. */
const base: Partial<Record<VmcsFieldName, bigint>> = {
  ...validFields,
  PrimaryProcessorBasedVmExecutionControls: 0x04006172n | 0x80n | (1n << 25n) | (1n << 28n),
  AddressOfIoBitmapA: BigInt(Guest.BitmapA),
  AddressOfIoBitmapB: BigInt(Guest.BitmapB),
  AddressOfMsrBitmap: BigInt(Guest.MsrBitmap),
  GuestCr3: BigInt(Guest.Pml4),
  GuestCr4: 0x2020n,
  GuestRip: BigInt(Guest.Code),
  GuestRsp: BigInt(Guest.Stack),
  GuestGdtrBase: BigInt(Guest.Gdt),
  GuestGdtrLimit: 0x7fn,
  GuestIdtrBase: BigInt(Guest.Idt),
  GuestIdtrLimit: 0xfffn,
  GuestTrBase: BigInt(Guest.Tss),
  GuestTrLimit: 0x67n,
};

/** VMCS fields of a guest under the EPT that `identityEpt` builds. */
export function eptFields(flags = 0): Partial<Record<VmcsFieldName, bigint>> {
  return {
    PrimaryProcessorBasedVmExecutionControls: base.PrimaryProcessorBasedVmExecutionControls! | 0x80000000n,
    SecondaryProcessorBasedVmExecutionControls: BigInt(SecondaryControl.EnableEpt),
    EptPointer: BigInt(Guest.EptPml4 | 0x1e | flags),
  };
}
/** EPT that maps the first 2 MiB one to one. @param flags bits 11:0 of the entries of single pages, by address. */
export function identityEpt(machine: GuestMachine, flags: Readonly<Record<number, number>> = {}): void {
  machine.write64(Guest.EptPml4, BigInt(Guest.EptPdpt | 7));
  machine.write64(Guest.EptPdpt, BigInt(Guest.EptPd | 7));
  machine.write64(Guest.EptPd, BigInt(Guest.EptPt | 7));
  for (let page = 0; page < 512; page++) {
    const address = page << 12;
    machine.write64(Guest.EptPt + 8 * page, BigInt(address | (flags[address] ?? 0x37)));
  }
}

/** A guest of real code on the real core, under a hypervisor that a test writes in JavaScript. */
export class GuestMachine {
  readonly exits: ExitRecord[] = [];
  readonly processor: LogicalProcessor;

  private constructor(
    readonly core: WasmCore,
    private readonly options: GuestOptions,
  ) {
    this.processor = new LogicalProcessor(0, core, { cr4Allowed: core.cr4Allowed });
    this.processor.exitEntry = () => this.exit();
  }

  /** Makes the machine, with the guest launched but not run. */
  static async create(options: GuestOptions): Promise<GuestMachine> {
    const core = WasmCore.createSync({ module: await coreModule(), memoryBytes, bus: { ...emptyBus, ...options.bus } });
    const machine = new GuestMachine(core, options);
    machine.buildMemory();
    machine.enterVmx();
    options.prepare?.(machine);
    machine.launch();
    return machine;
  }

  /** Runs the guest until it executes HLT, at most so many instructions. @returns the exits before that. */
  run(instructions = 10_000): readonly ExitRecord[] {
    this.processor.run(instructions);
    return this.exits;
  }

  /** A 64-bit value of physical memory. */
  read64(physical: number): bigint {
    return this.core.u64[this.core.physicalOffset(physical) >>> 3]!;
  }
  write64(physical: number, value: bigint): void {
    this.core.writer.write64(this.core.physicalOffset(physical), Number(value & 0xffffffffn), Number(value >> 32n));
  }
  write8(physical: number, value: number): void {
    this.core.u8[this.core.physicalOffset(physical)] = value;
  }
  /** A general register: RAX RCX RDX RBX RSP RBP RSI RDI R8 … */
  register(n: number): bigint {
    return this.core.u64[(Layout.RAX >>> 3) + n]!;
  }
  field(name: VmcsFieldName): bigint {
    return readField(this.processor.engine, name);
  }
  setField(name: VmcsFieldName, value: bigint): void {
    const status = writeField(this.processor.engine, name, value);
    if (status !== VmxStatus.Succeed) throw new Error(`VMWRITE ${name} failed`);
  }

  private buildMemory(): void {
    const { code, bits = 64, handler = ['hlt'] } = this.options;
    this.core.u8.set(assemble(code, bits, Guest.Code), this.core.physicalOffset(Guest.Code));
    this.core.u8.set(assemble(handler, bits, Guest.Handler), this.core.physicalOffset(Guest.Handler));
    this.write64(Guest.Pml4, BigInt(Guest.Pdpt) | 7n);
    this.write64(Guest.Pdpt, BigInt(Guest.Pd) | 7n);
    for (let i = 0; i < 8; i++) this.write64(Guest.Pd + 8 * i, BigInt(i * 0x200000) | 0x87n);
    this.write64(Guest.Gdt + 8, 0x00af9b000000ffffn);
    this.write64(Guest.Gdt + 16, 0x00cf93000000ffffn);
    for (let vector = 0; vector < 256; vector++) {
      this.write64(
        Guest.Idt + 16 * vector,
        0x8e00_0008_0000n | (BigInt(Guest.Handler) & 0xffffn) | ((BigInt(Guest.Handler) >> 16n) << 48n),
      );
    }
  }

  private enterVmx(): void {
    const { core, processor } = this;
    const { u32 } = core;
    u32[Word.cr0] = 0x80000031;
    u32[Word.cr4] = 0x2020;
    u32[Word.efer] = 0x500;
    u32[Word.cr3] = Guest.Pml4;
    u32[Word.featureControl] = 5;
    u32[Word.rights + 1] = 0xa09b;
    core.stateLoaded();
    for (const region of [Region.Vmxon, Region.Vmcs]) u32[core.physicalOffset(region) >>> 2] = vmcsRevision;
    processor.engine.instructions.vmxon(Region.Vmxon, 0);
    processor.engine.instructions.vmclear(Region.Vmcs, 0);
    processor.engine.instructions.vmptrld(Region.Vmcs, 0);
  }

  private launch(): void {
    for (const [name, value] of Object.entries({ ...base, ...this.options.fields }))
      this.setField(name as VmcsFieldName, value);
    const { engine } = this.processor;
    if (engine.enter(true, Owner.JavaScript) !== VmxStatus.Transferred) {
      throw new Error(
        `VMLAUNCH failed: error ${readField(engine, 'VmInstructionError')}, ${engine.checks.runFull()?.name}`,
      );
    }
  }

  private exit(): void {
    const low = (name: VmcsFieldName): number => this.processor.engine.vmcs.low(slotOf(VmcsField[name]));
    const record: ExitRecord = {
      reason: low('ExitReason'),
      qualification: this.field('ExitQualification'),
      length: low('VmExitInstructionLength'),
      information: low('VmExitInstructionInformation'),
      interruption: low('VmExitInterruptionInformation'),
      errorCode: low('VmExitInterruptionErrorCode'),
      vectoring: low('IdtVectoringInformation'),
      vectoringError: low('IdtVectoringErrorCode'),
      linear: this.field('GuestLinearAddress'),
      physical: this.field('GuestPhysicalAddress'),
      rip: this.field('GuestRip'),
    };
    if (record.reason === hlt) {
      this.processor.die('the guest halted');
      return;
    }
    this.exits.push(record);
    if (this.options.onExit?.(record, this) !== true) this.setField('GuestRip', record.rip + BigInt(record.length));
    if (this.processor.end === undefined) this.processor.engine.enter(false, Owner.JavaScript);
  }
}
