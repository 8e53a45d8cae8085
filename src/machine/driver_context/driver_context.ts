// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError, ProcessorFault } from '../../intrinsics/errors.js';
import { SecondaryControl, PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../layout/core_constants.js';
import type { RegisterValues } from '../processor/processor_block.js';
import {
  contextRegisters,
  generalRegisterNames,
  type Segment,
  type SegmentRegister,
} from '../processor/register_names.js';
import {
  driverInstruction,
  DriverPage,
  driverPages,
  driverPhysical,
  DriverSelector,
  driverVirtual,
  trapVector,
  type DriverInstruction,
} from './driver_pages.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { ProcessorDeadError } from '../processor/processor_death.js';
import { UnpagedGuestError } from './unpaged_guest_error.js';

const noGeneralRegisters: RegisterValues = Object.fromEntries(generalRegisterNames.map((name) => [name, 0]));
const stackBytes = 0x1000;
const blockingByNmi = 8;
const gdtLimit = 0x27;
const idtLimit = 16 * 32 - 1;
/** No breakpoint is on. */
const dr7Off = 0x400;

const Cr0 = { Pe: 1n, Ne: 0x20n, Pg: 0x80000000n } as const;
const cr4Pae = 0x20n;
const eferLongMode = 0x500n;
const rights = { Code64: 0xa09b, Data: 0xc093, Tss: 0x8b, Unusable: 0x10000 } as const;

/** How long one instruction of the driver may take, with its VM exits, before it counts as lost: longer than a VMM needs to notice by itself. */
const maximumTurns = 2_000_000;

/**
 * The driver's context on one processor, in which the driver's start, stop and VMCALLs run. It saves the processor's state and loads its own ring-0
 * 64-bit context, whose page table maps only the carve-out. The driver's pages there are present on this processor from `enter`
 * to `leave`; otherwise software finds no memory at their addresses. CR0, CR4, EFER and the other MSRs keep the running
 * system's values, except for the bits that 64-bit mode and VMX need. VMLAUNCH makes this context the guest. Afterwards the saved state is loaded
 * again, in whatever VMX mode the processor is then.
 *
 * To enter and to leave it flushes the processor's TLB, which has one address space, and no tag for pages that are present only here. The running system may
 * lose translations at any time, and a call of the driver is an event of the run: a replay flushes at the same moments.
 */
export class DriverContext {
  private saved: RegisterValues = {};
  /** The instruction count at `enter`: the driver's instructions take none of the guest's time. */
  private savedCount = 0n;
  /** INIT and a start-up IPI that had arrived at `enter` are the running system's: they wait until that continues. */
  private heldSignals = 0;
  /** Bits that the context had to set in CR0, CR4, EFER. */
  private readonly forced = { cr0: 0n, cr4: 0n, efer: 0n };
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
   * @throws ProcessorFault if it faults, ProcessorDeadError if the VMM stopped the processor meanwhile.
   */
  execute(name: DriverInstruction): void {
    const { processor } = this;
    if (!this.active) {
      throw new BareflankError(
        `${name} was called while processor ${processor.id} runs its guest: the driver acts only in its own context`,
      );
    }
    const { offset, length } = driverInstruction(name);
    const { block } = processor.core;
    const code = driverVirtual(processor.id, DriverPage.Code);
    const end = code + BigInt(offset + length);
    processor.deliverExit();
    block.set('RIP', code + BigInt(offset));
    for (let turns = 0; turns < maximumTurns; turns++) {
      if (processor.end !== undefined) throw new ProcessorDeadError(processor.id, processor.end);
      if (block.get('RIP') === end) return;
      this.throwIfTrapped(name, Number(block.get('RIP') - code));
      // VM entry loads what the VMCS says. An NMI is the running system's: it waits until that continues.
      block.set('INTERRUPTIBILITY', block.get('INTERRUPTIBILITY') | blockingByNmi);
      processor.handle(processor.core.run(1));
      processor.deliverExit();
    }
    throw new BareflankError(
      `${name} in the driver's context did not end within ${maximumTurns} VM exits and instructions`,
    );
  }

  /** Whether the pages of this context are in memory: all that a snapshot, which nobody takes within the context, must know of it. */
  get hasPages(): boolean {
    return this.isBuilt;
  }
  set hasPages(value: boolean) {
    this.isBuilt = value;
  }

  private get stackTop(): bigint {
    return driverVirtual(this.processor.id, DriverPage.Stack + stackBytes - 16);
  }

  /** The IDT's gates lead to marks on the code page. After a fault of the instruction, RIP is at such a mark, and the error code is on the stack. */
  private throwIfTrapped(name: DriverInstruction, offset: number): void {
    const { core } = this.processor;
    const vector = trapVector(offset);
    if (vector < 0) return;
    const hasCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
    const stack =
      core.physicalOffset(driverPhysical(this.processor.id, DriverPage.Stack)) +
      Number(core.block.get('RSP') & BigInt(stackBytes - 1));
    const code = hasCode ? core.u32[stack >>> 2]! : undefined;
    core.block.set('RSP', this.stackTop);
    throw new ProcessorFault(
      vector,
      code,
      `${name} raised exception ${vector}${code === undefined ? '' : ` (error code 0x${code.toString(16)})`}`,
    );
  }

  private enter(): void {
    const { processor } = this;
    const { block } = processor.core;
    if (!this.isBuilt) {
      const { core, id } = processor;
      core.writer.write(core.physicalOffset(driverPhysical(id, 0)), driverPages(id));
      this.isBuilt = true;
    }
    // An event that a VM entry injects belongs to the running system's context.
    processor.settle();
    this.saved = Object.fromEntries(contextRegisters.map((name) => [name, block.get(name)]));
    this.savedCount = block.get('INSTRUCTIONS');
    const attention = block.get('ATTENTION');
    this.heldSignals = attention & (Constants.ATTENTION_INIT | Constants.ATTENTION_SIPI);
    block.set('ATTENTION', attention & ~this.heldSignals);
    this.active = true;
    this.loadOwn();
  }

  /** Loads the driver's registers: all general ones 0, interrupts off, flat segments, the driver's tables and CR3. */
  private loadOwn(): void {
    const { id, core } = this.processor;
    const { block } = core;
    block.load({
      ...noGeneralRegisters,
      RSP: this.stackTop,
      RIP: driverVirtual(id, DriverPage.Code),
      RFLAGS: 2,
      ...ownSegments(id),
      GDTR: { base: driverVirtual(id, DriverPage.Gdt), limit: gdtLimit },
      IDTR: { base: driverVirtual(id, DriverPage.Idt), limit: idtLimit },
      CR3: driverPhysical(id, DriverPage.Pml4),
      ...this.longMode(),
      // The software's breakpoints may be on the driver's pages.
      DR7: dr7Off,
      DEBUG_TRAPS: 0,
      INTERRUPTIBILITY: blockingByNmi,
      ACTIVITY: 0,
      CARVE_OUT_ACCESS: Constants.CARVE_OUT_DRIVER,
    });
  }

  /** At a boot start the guest may not be in 64-bit mode yet; VMX needs CR0.NE as well. */
  private longMode(): RegisterValues {
    const { forced } = this;
    const { block } = this.processor.core;
    const [cr0, cr4, efer] = [block.get('CR0'), block.get('CR4'), block.get('EFER')];
    forced.cr0 = (Cr0.Pe | Cr0.Ne | Cr0.Pg) & ~cr0;
    forced.cr4 = cr4Pae & ~cr4;
    forced.efer = eferLongMode & ~efer;
    return { CR0: cr0 | forced.cr0, CR4: cr4 | forced.cr4, EFER: efer | forced.efer };
  }

  private leave(): void {
    const { processor } = this;
    const { block } = processor.core;
    processor.deliverExit();
    block.set('INSTRUCTIONS', this.savedCount);
    block.set('ATTENTION', block.get('ATTENTION') | this.heldSignals);
    this.active = false;
    block.set('CARVE_OUT_ACCESS', 0);
    if (processor.end !== undefined) return;
    processor.engine.state.materializeHost();
    block.load({
      ...this.saved,
      CR4: block.get('CR4') & ~this.forced.cr4,
      EFER: block.get('EFER') & ~this.forced.efer,
    });
    block.set('CR0', this.restoredCr0(block.get('CR0')));
  }

  /** CR0 without the forced bits, except those that a guest must have. */
  private restoredCr0(current: bigint): bigint {
    const { engine } = this.processor;
    if (!engine.instructions.inVmxOperation) return current & ~this.forced.cr0;
    const restored = current & ~(this.forced.cr0 & ~Cr0.Ne);
    const isPaged = (restored & Cr0.Pe) !== 0n && (restored & Cr0.Pg) !== 0n;
    if (!isPaged && !this.isUnrestricted()) throw new UnpagedGuestError(restored);
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

/** Flat segments with the driver's selectors. */
function ownSegments(processor: number): Record<Segment, SegmentRegister> {
  const data = { selector: DriverSelector.Data, base: 0n, limit: 0xffffffff, rights: rights.Data };
  return {
    ES: data,
    CS: { ...data, selector: DriverSelector.Code, rights: rights.Code64 },
    SS: data,
    DS: data,
    FS: data,
    GS: data,
    LDTR: { selector: 0, base: 0n, limit: 0, rights: rights.Unusable },
    TR: {
      selector: DriverSelector.Tss,
      base: driverVirtual(processor, DriverPage.Tss),
      limit: 0x67,
      rights: rights.Tss,
    },
  };
}
