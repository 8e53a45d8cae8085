// SPDX-License-Identifier: LGPL-2.1-only
// A task switch exits unconditionally in VMX non-root operation, and the VMM carries it out. SDM 3C "Treatment of Task Switches", SDM 3A "Task
// Switching". The processor has checked what comes before the switch: privileges and gate. What it finds after the switch is the new task's fault.
import { ProcessorFault } from '../../intrinsics/errors.js';
import { InterruptionBit, InterruptionType, TaskSwitchSource, Vector } from '../../intrinsics/vmx/exit_information.js';
import {
  AccessRights,
  Cr0,
  Dr6,
  Dr7,
  InterruptibilityState,
  PendingDebugExceptions,
  Rflags,
  SegmentSelector,
  SystemSegment,
} from '../../intrinsics/registers/registers.js';
import { segmentNames } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import type { Exit } from '../exit/exit.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { isHardwareException, isSoftwareEvent, recordDebug } from './exceptions.js';
import {
  allowsAccess,
  baseOf,
  GuestDescriptors,
  limitOf,
  readSegment,
  registerOf,
  rightsOf,
  selectorCode,
  writeSegment,
  type Descriptor,
} from './guest_segments.js';
import type { LinearMemory } from './linear_memory.js';
import { TaskSegments } from './task_segments.js';
import { leastTssLimit, TaskStateSegment, type NewTask, type TaskImage } from './task_state_segment.js';

/** What a task switch needs besides the exit. */
export interface TaskSwitchContext {
  readonly exit: Exit;
  readonly memory: LinearMemory;
  readonly controlRegisters: ControlRegisters;
  /** Whether CR0.TS is the VMM's: then the guest's is in the read shadow only. */
  readonly hidesTaskSwitched: boolean;
  /** MOV to CR3, without RIP. @throws ProcessorFault if a PDPTE has a reserved bit. */
  loadCr3(value: number): void;
}

/** Bits of a selector's type that say what a TSS is: 16 or 32 bits, busy or not. */
const tssType = AccessRights.S | AccessRights.Type;
const busyBit = SystemSegment.Tss32Busy ^ SystemSegment.Tss32Available;
const is32 = SystemSegment.Tss32Available ^ SystemSegment.Tss16Available;
const bytesOfTask = 8;
const rflagsOfTask = 0x3f7fd5;
const alwaysSet = 2;
const localBreakpoints = Dr7.L0 | Dr7.L1 | Dr7.L2 | Dr7.L3 | Dr7.LocalExact;
const shadows = InterruptibilityState.BlockingBySti | InterruptibilityState.BlockingByMovSs;
const rsp = 4;

/** Carries out the task switch that exited. @throws ProcessorFault the guest's: nothing of the switch, or all but its last checks, is done then. */
export function emulateTaskSwitch(context: TaskSwitchContext): void {
  new TaskSwitch(context).execute();
}

class TaskSwitch {
  private readonly exit: Exit;
  private readonly vmcs: Vmcs;
  private readonly memory: LinearMemory;
  private readonly descriptors: GuestDescriptors;
  private readonly selector: number;
  private readonly source: number;
  /** The event that a task gate of the IDT delivers, 0 without one. */
  private readonly event: number;

  constructor(private readonly context: TaskSwitchContext) {
    this.exit = context.exit;
    this.vmcs = context.exit.vmcs;
    this.memory = context.memory;
    this.descriptors = new GuestDescriptors(this.vmcs, context.memory);
    this.selector = this.exit.qualificationLow & 0xffff;
    this.source = this.exit.qualificationLow >>> 30;
    const vectoring = this.vmcs.readLow(VmcsField.IdtVectoringInformation);
    this.event = this.source === TaskSwitchSource.TaskGateInIdt ? vectoring : 0;
  }

  execute(): void {
    const target = this.checkedTarget();
    const steps = (this.vmcs.readLow(VmcsField.GuestRflags) & Rflags.TrapFlag) !== 0 && this.event === 0;
    const old = readSegment(this.vmcs, 'tr');
    new TaskStateSegment(this.memory, old.base, (old.rights & is32) !== 0).save(this.oldTask());
    const tss = new TaskStateSegment(this.memory, BigInt(baseOf(target)), (rightsOf(target) & is32) !== 0);
    const task = this.linked(tss, tss.load(), old.selector);
    this.markBusy(old.selector);
    this.enter(target, task);
    if (isHardwareException(this.event) && (this.event & InterruptionBit.ErrorCode) !== 0) this.pushErrorCode(tss);
    if (this.vmcs.readLow(VmcsField.GuestRip) >>> 0 > this.vmcs.readLow(VmcsField.GuestCsLimit) >>> 0) {
      throw new ProcessorFault(Vector.GeneralProtection, 0, "the new task's EIP is beyond its code segment");
    }
    this.trap(task.isTrapped, steps);
  }

  /** The descriptor of the new TSS. */
  private checkedTarget(): Descriptor {
    const { selector } = this;
    const isReturn = this.source === TaskSwitchSource.IretInstruction;
    const vector = isReturn ? Vector.InvalidTss : Vector.GeneralProtection;
    const refuse = (which: number, what: string): ProcessorFault =>
      new ProcessorFault(which, selectorCode(selector), `task switch: ${what}`);
    if ((selector & SegmentSelector.Ti) !== 0) throw refuse(vector, 'the TSS is not in the GDT');
    const descriptor = this.descriptors.fetch(selector, vector);
    const rights = rightsOf(descriptor);
    const available = isReturn ? SystemSegment.Tss16Busy : SystemSegment.Tss16Available;
    if ((rights & tssType & ~is32) !== available) throw refuse(vector, 'no TSS, or a busy one');
    if ((rights & AccessRights.Present) === 0) throw refuse(Vector.SegmentNotPresent, 'the TSS is not present');
    if (limitOf(descriptor) < leastTssLimit((rights & is32) !== 0)) throw refuse(Vector.InvalidTss, 'a small TSS');
    return descriptor;
  }

  private oldTask(): TaskImage {
    const { vmcs, exit } = this;
    const flags = vmcs.readLow(VmcsField.GuestRflags);
    return {
      eip: this.resumeAt(),
      eflags: this.source === TaskSwitchSource.IretInstruction ? flags & ~Rflags.NestedTask : flags,
      registers: Array.from({ length: bytesOfTask }, (_, index) =>
        index === rsp ? vmcs.readLow(VmcsField.GuestRsp) : exit.registers.halves[2 * index]!,
      ),
      selectors: segmentNames.slice(0, 6).map((name) => readSegment(vmcs, name).selector),
    };
  }

  /** Behind the instruction that switches; a fault's instruction executes again. */
  private resumeAt(): number {
    const rip = this.vmcs.readLow(VmcsField.GuestRip);
    const isFault = this.event !== 0 && !this.isInstruction();
    return isFault ? rip : (rip + this.exit.instructionLength) >>> 0;
  }

  /** Whether an instruction raised the event: INT n, INT1, INT3, INTO. */
  private isInstruction(): boolean {
    const type = (this.event & InterruptionBit.Type) >>> 8;
    return isSoftwareEvent(this.event) || type === InterruptionType.PrivilegedSoftwareException;
  }

  /** A task that is called or interrupted is the new one's link, and NT says so. */
  private linked(tss: TaskStateSegment, task: NewTask, old: number): NewTask {
    if (this.source !== TaskSwitchSource.CallInstruction && this.source !== TaskSwitchSource.TaskGateInIdt) return task;
    tss.writeLink(old);
    return { ...task, eflags: task.eflags | Rflags.NestedTask };
  }

  /** The old task stays busy if it is to be returned to. */
  private markBusy(old: number): void {
    if (this.source === TaskSwitchSource.JmpInstruction || this.source === TaskSwitchSource.IretInstruction) {
      this.descriptors.writeAccessByte(old, (access) => access & ~busyBit);
    }
    if (this.source !== TaskSwitchSource.IretInstruction) {
      this.descriptors.writeAccessByte(this.selector, (access) => access | busyBit);
    }
  }

  /** From here on faults belong to the new task. */
  private enter(target: Descriptor, task: NewTask): void {
    const { vmcs, exit } = this;
    const cpl = exit.privilegeLevel();
    task.registers.forEach((value, index) => {
      if (index === rsp) vmcs.writeHalves(VmcsField.GuestRsp, value, 0);
      else exit.registers.values[index] = BigInt(value);
    });
    const tr = registerOf(this.selector, target);
    writeSegment(vmcs, 'tr', { ...tr, rights: tr.rights | busyBit });
    this.enterAddressSpace(task);
    this.setTaskSwitched();
    vmcs.writeHalves(VmcsField.GuestRflags, ((task.eflags & rflagsOfTask) | alwaysSet) >>> 0, 0);
    vmcs.writeHalves(VmcsField.GuestRip, task.eip, 0);
    vmcs.writeHalves(VmcsField.GuestDr7, vmcs.readLow(VmcsField.GuestDr7) & ~localBreakpoints, 0);
    this.changeBlocking();
    new TaskSegments(vmcs, this.descriptors, task).load(cpl);
  }

  private enterAddressSpace({ cr3 }: NewTask): void {
    if (cr3 === undefined || (this.vmcs.readLow(VmcsField.GuestCr0) & Cr0.Paging) === 0) return;
    try {
      this.context.loadCr3(cr3);
    } catch (error) {
      if (!(error instanceof ProcessorFault)) throw error;
      this.vmcs.writeHalves(VmcsField.GuestCr3, cr3, 0);
      throw new ProcessorFault(Vector.InvalidTss, selectorCode(this.selector), 'a reserved bit in a PDPTE');
    }
  }

  private setTaskSwitched(): void {
    const { vmcs } = this;
    const shadow = vmcs.readLow(VmcsField.Cr0ReadShadow) | Cr0.TaskSwitched;
    vmcs.writeHalves(VmcsField.Cr0ReadShadow, shadow >>> 0, 0);
    if (this.context.hidesTaskSwitched) return;
    vmcs.writeHalves(VmcsField.GuestCr0, (vmcs.readLow(VmcsField.GuestCr0) | Cr0.TaskSwitched) >>> 0, 0);
  }

  /** Blocking by STI and MOV SS ends. The delivery of an NMI blocks NMIs, and IRET unblocks them. */
  private changeBlocking(): void {
    let blocking = this.vmcs.readLow(VmcsField.GuestInterruptibilityState) & ~shadows;
    const isNmi = (this.event & InterruptionBit.Type) >>> 8 === InterruptionType.NonMaskableInterrupt;
    if (this.event !== 0 && isNmi) blocking |= InterruptibilityState.BlockingByNmi;
    if (this.source === TaskSwitchSource.IretInstruction) blocking &= ~InterruptibilityState.BlockingByNmi;
    this.vmcs.writeHalves(VmcsField.GuestInterruptibilityState, blocking, 0);
  }

  private pushErrorCode({ is32Bit }: TaskStateSegment): void {
    const { vmcs } = this;
    const bytes = is32Bit ? 4 : 2;
    const stack = readSegment(vmcs, 'ss');
    const mask = (stack.rights & AccessRights.Db) === 0 ? 0xffff : 0xffffffff;
    const old = vmcs.readLow(VmcsField.GuestRsp);
    const offset = ((old - bytes) & mask) >>> 0;
    if (!allowsAccess(vmcs, stack, offset, bytes, true)) {
      throw new ProcessorFault(Vector.StackSegmentFault, 0, "no room for an error code on the new task's stack");
    }
    const maker = this.exit.privilegeLevel() === 3 ? 'user' : 'supervisor';
    this.memory.write(stack.base + BigInt(offset), bytes, vmcs.readLow(VmcsField.IdtVectoringErrorCode), maker);
    vmcs.writeHalves(VmcsField.GuestRsp, ((old & ~mask) | offset) >>> 0, 0);
  }

  /** The event has been delivered. A trap flag of the old task, and T of the new one, trap before its first instruction. */
  private trap(isTrapped: boolean, steps: boolean): void {
    const { vmcs, exit } = this;
    exit.endDelivery();
    if (isTrapped) {
      recordDebug(vmcs, this.context.controlRegisters, Dr6.BT | (steps ? Dr6.BS : 0));
      exit.inject(Vector.DebugException);
    } else if (steps) {
      const pending = vmcs.readLow(VmcsField.GuestPendingDebugExceptions) | PendingDebugExceptions.BS;
      vmcs.writeHalves(VmcsField.GuestPendingDebugExceptions, pending >>> 0, 0);
    }
  }
}
