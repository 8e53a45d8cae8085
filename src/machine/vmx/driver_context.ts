// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError, ProcessorFault } from '../../intrinsics/errors.js';
import { SecondaryControl, PrimaryControl } from '../../intrinsics/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Layout } from '../layout.js';
import {
  buildDriverPages,
  carveOutOffset,
  driverInstruction,
  DriverPage,
  driverPhysical,
  DriverSelector,
  driverVirtual,
  trapVector,
  type DriverInstruction,
} from './driver_pages.js';
import { slotOf } from './field_slots.js';
import { writeFlags } from './lazy_flags.js';
import type { LogicalProcessor } from './logical_processor.js';
import { ProcessorDead } from './processor_death.js';
import { UnpagedGuestError } from './unpaged_guest_error.js';
import { copy64, store64, Word } from './words.js';

/** General registers, RIP, flags, segments, tables, control registers: they stand in one piece. */
const savedFrom = Layout.RAX >>> 2;
const savedTo = Layout.DR0 >>> 2;
const gprWords = 32;
const stackBytes = 0x1000;

const Cr0 = { Pe: 1, Ne: 0x20, Pg: 0x80000000 } as const;
const cr4Pae = 0x20;
const efer = { longMode: 0x500 } as const;
const rights = { Code64: 0xa09b, Data: 0xc093, Tss: 0x8b, Unusable: 0x10000 } as const;

/** How long one instruction of the driver may take with its VM exits, before it counts as lost. */
const maximumTurns = 1_000_000;

/**
 * The driver's context on one processor: where start, stop and VMCALLs of the driver run. It puts the processor's state aside and loads a
 * ring-0 64-bit context of its own, whose page table maps only the carve-out. CR0, CR4, EFER and the other MSRs stay the running
 * system's, but for the bits that 64-bit mode and VMX need. VMLAUNCH makes this context the guest; afterwards the saved state is
 * loaded again in whatever VMX mode the processor then is.
 */
export class DriverContext {
  private readonly saved = new Uint32Array(savedTo - savedFrom);
  private savedActivity = 0;
  /** The count of instructions: what the driver executes costs the guest no time. */
  private readonly savedCount = new Uint32Array(2);
  /** The instruction count at `enter`: what the driver executes costs no time of the guest. */
  private readonly savedTime = new Uint32Array(2);
  private savedInterruptibility = 0;
  /** Bits that the context had to set in CR0, CR4, EFER. */
  private readonly forced = { cr0: 0, cr4: 0, efer: 0 };
  private isBuilt = false;
  private active = false;

  constructor(private readonly processor: LogicalProcessor) {}

  /** Whether the processor is in this context. */
  get isActive(): boolean {
    return this.active;
  }

  /** Runs `work` in the context, at an instruction boundary. The processor's own state comes back whether it returns or throws. */
  run<T>(work: () => T): T {
    if (this.active) return work();
    this.enter();
    try {
      return work();
    } finally {
      this.leave();
    }
  }

  /** GUEST_RIP and GUEST_RSP of a launch. */
  launchPoint(): { rip: bigint; rsp: bigint } {
    return { rip: driverVirtual(this.processor.id, DriverPage.Code), rsp: this.stackTop };
  }

  /** Virtual address of the scratch operand, and its byte offset in the machine's memory. */
  operandAddress(): { virtual: bigint; offset: number } {
    const physical = driverPhysical(this.processor.id, DriverPage.Operand);
    return {
      virtual: driverVirtual(this.processor.id, DriverPage.Operand),
      offset: this.processor.core.physicalOffset(physical),
    };
  }

  /** HOST_RIP of the VMM in JavaScript: a page of UD2. */
  undefinedPage(): bigint {
    return driverVirtual(this.processor.id, DriverPage.Undefined);
  }

  /**
   * Executes an instruction of the driver's code page for real, VM exits and their handling included. Operands are in the registers.
   * @throws ProcessorFault if it faults, ProcessorDead if the VMM stopped the processor meanwhile.
   */
  execute(name: DriverInstruction): void {
    const { processor } = this;
    if (!this.active) {
      throw new BareflankError(
        `${name} was called while processor ${processor.id} runs its guest: the driver acts only in its own context`,
      );
    }
    const { offset, length } = driverInstruction(name);
    const code = driverVirtual(processor.id, DriverPage.Code);
    const end = this.low(code) + offset + length;
    processor.deliverExit();
    this.setRip(code + BigInt(offset));
    for (let turns = 0; turns < maximumTurns; turns++) {
      if (processor.end !== undefined) throw new ProcessorDead(processor.id, processor.end);
      if (this.processor.core.u32[Word.rip] === end) return;
      this.throwIfTrapped(name, this.low(code));
      processor.handle(processor.core.run(1));
      processor.deliverExit();
    }
    throw new BareflankError(
      `${name} in the driver's context did not end within ${maximumTurns} VM exits and instructions`,
    );
  }

  private get stackTop(): bigint {
    return driverVirtual(this.processor.id, DriverPage.Stack + stackBytes - 16);
  }

  private low(address: bigint): number {
    return Number(address & 0xffffffffn);
  }

  private setRip(address: bigint): void {
    const { u32 } = this.processor.core;
    store64(u32, Word.rip, this.low(address), Number(address >> 32n));
    u32[Word.currentRecord] = 0;
  }

  /** The IDT's gates lead to marks on the code page: a fault of the instruction shows as such a RIP, its error code stands on the stack. */
  private throwIfTrapped(name: DriverInstruction, codeLow: number): void {
    const { core } = this.processor;
    const vector = trapVector(core.u32[Word.rip]! - codeLow);
    if (vector < 0) return;
    const hasCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
    const stack =
      core.physicalOffset(driverPhysical(this.processor.id, DriverPage.Stack)) +
      (core.u32[Word.rsp]! & (stackBytes - 1));
    const code = hasCode ? core.u32[stack >>> 2]! : undefined;
    store64(core.u32, Word.rsp, this.low(this.stackTop), Number(this.stackTop >> 32n));
    throw new ProcessorFault(
      vector,
      code,
      `${name} raised exception ${vector}${code === undefined ? '' : ` (error code 0x${code.toString(16)})`}`,
    );
  }

  private enter(): void {
    const { core } = this.processor;
    const { u32 } = core;
    if (!this.isBuilt) {
      buildDriverPages(core.u8, carveOutOffset(u32[Layout.RAM_BYTES >>> 2]!), this.processor.id);
      this.isBuilt = true;
    }
    this.processor.deliverExit();
    if (this.processor.end !== undefined) throw new ProcessorDead(this.processor.id, this.processor.end);
    this.saved.set(u32.subarray(savedFrom, savedTo));
    this.savedActivity = u32[Word.activity]!;
    copy64(this.savedCount, 0, u32, Word.instructions);
    this.savedTime.set(u32.subarray(Word.instructions, Word.instructions + 2));
    this.savedInterruptibility = u32[Word.interruptibility]!;
    this.loadOwn(u32);
    this.active = true;
    core.stateLoaded();
  }

  /** Loads the driver's registers: all general ones 0, interrupts off, flat segments, the driver's tables and CR3. */
  private loadOwn(u32: Uint32Array): void {
    const { id } = this.processor;
    const set = (word: number, value: bigint): void => store64(u32, word, this.low(value), Number(value >> 32n));
    u32.fill(0, savedFrom, savedFrom + gprWords);
    set(Word.rsp, this.stackTop);
    set(Word.rip, driverVirtual(id, DriverPage.Code));
    writeFlags(u32, 2);
    this.setSegment(u32, 1, DriverSelector.Code, 0xffffffff, rights.Code64);
    for (const segment of [0, 2, 3, 4, 5]) this.setSegment(u32, segment, DriverSelector.Data, 0xffffffff, rights.Data);
    this.setSegment(u32, 6, 0, 0, rights.Unusable);
    this.setSegment(u32, 7, DriverSelector.Tss, 0x67, rights.Tss);
    set(Word.bases + 14, driverVirtual(id, DriverPage.Tss));
    set(Word.gdtrBase, driverVirtual(id, DriverPage.Gdt));
    set(Word.idtrBase, driverVirtual(id, DriverPage.Idt));
    u32[Word.gdtrLimit] = 0x27;
    u32[Word.idtrLimit] = 16 * 32 - 1;
    set(Word.cr3, BigInt(driverPhysical(id, DriverPage.Pml4)));
    this.forceLongMode(u32);
    u32[Word.interruptibility] = this.savedInterruptibility & 8;
    u32[Word.activity] = 0;
    u32[Word.currentRecord] = 0;
  }

  private setSegment(u32: Uint32Array, segment: number, selector: number, limit: number, accessRights: number): void {
    u32[Word.selectors + segment] = selector;
    u32[Word.limits + segment] = limit;
    u32[Word.rights + segment] = accessRights;
    store64(u32, Word.bases + 2 * segment, 0, 0);
  }

  /** At a boot start the guest may not be in 64-bit mode yet; VMX needs CR0.NE as well. */
  private forceLongMode(u32: Uint32Array): void {
    const { forced } = this;
    forced.cr0 = (Cr0.Pe | Cr0.Ne | Cr0.Pg) & ~u32[Word.cr0]!;
    forced.cr4 = cr4Pae & ~u32[Word.cr4]!;
    forced.efer = efer.longMode & ~u32[Word.efer]!;
    u32[Word.cr0] = u32[Word.cr0]! | forced.cr0;
    u32[Word.cr4] = u32[Word.cr4]! | forced.cr4;
    u32[Word.efer] = u32[Word.efer]! | forced.efer;
  }

  private leave(): void {
    const { processor } = this;
    const { core, engine } = processor;
    const { u32 } = core;
    processor.deliverExit();
    u32.set(this.savedTime, Word.instructions);
    this.active = false;
    if (processor.end !== undefined) return;
    engine.state.materializeHost();
    const cr0 = u32[Word.cr0]!;
    const cr4 = u32[Word.cr4]!;
    u32.set(this.saved, savedFrom);
    u32[Word.cr0] = this.restoredCr0(cr0);
    u32[Word.cr4] = cr4 & ~this.forced.cr4;
    u32[Word.efer] = u32[Word.efer]! & ~this.forced.efer;
    copy64(u32, Word.instructions, this.savedCount, 0);
    u32[Word.activity] = this.savedActivity;
    u32[Word.interruptibility] = this.savedInterruptibility;
    u32[Word.currentRecord] = 0;
    core.stateLoaded();
  }

  /** CR0 without the forced bits, but for those that a guest must have. */
  private restoredCr0(current: number): number {
    const { engine } = this.processor;
    if (!engine.instructions.inVmxOperation) return current & ~this.forced.cr0;
    const restored = current & ~(this.forced.cr0 & ~Cr0.Ne);
    if ((restored & (Cr0.Pe | Cr0.Pg)) >>> 0 !== (Cr0.Pe | Cr0.Pg) >>> 0 && !this.isUnrestricted()) {
      throw new UnpagedGuestError(restored);
    }
    return restored;
  }

  private isUnrestricted(): boolean {
    const { vmcs } = this.processor.engine;
    const primary = vmcs.low(slotOf(VmcsField.PrimaryProcessorBasedVmExecutionControls));
    const secondary = vmcs.low(slotOf(VmcsField.SecondaryProcessorBasedVmExecutionControls));
    return (
      (primary & PrimaryControl.ActivateSecondaryControls) !== 0 &&
      (secondary & SecondaryControl.UnrestrictedGuest) !== 0
    );
  }
}
