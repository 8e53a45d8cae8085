// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { InterruptionBit, InterruptionType } from '../../intrinsics/vmx/exit_information.js';
import { ExitReason, ExitReasonBit } from '../../intrinsics/vmx/exit_reasons.js';
import type { GeneralRegisters } from '../../intrinsics/instructions/general_registers.js';
import {
  AccessRights,
  Cr0,
  Debugctl,
  InterruptibilityState,
  PendingDebugExceptions,
  Rflags,
} from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { derived } from '../state/state.js';
import { StateSave } from '../state_save/state_save.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { passDebugException, prepareDelivery } from './event_state.js';
import type { Exit } from './exit.js';

const blockingBits = InterruptibilityState.BlockingBySti | InterruptibilityState.BlockingByMovSs;

/** Exit information straight from the VMCS. The members that each exit uses allocate nothing. */
@injectable()
export class ExitIntelX64 implements Exit {
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(StateSave) protected readonly stateSave!: StateSave;
  @inject(VcpuIdentity) readonly vcpuid!: bigint;
  // State of one exit: `capture` sets it.
  @derived() wholeReason = 0;
  @derived() reason: ExitReason = 0;
  @derived() hasInjected = false;
  @derived() hasAdvanced = false;
  @derived() private hasDelivered = false;

  get registers(): GeneralRegisters {
    return this.stateSave.registers;
  }

  capture(): void {
    this.wholeReason = this.vmcs.readLow(VmcsField.ExitReason);
    this.reason = (this.wholeReason & ExitReasonBit.BasicExitReason) as ExitReason;
    this.hasInjected = false;
    this.hasAdvanced = false;
    this.hasDelivered = false;
  }

  get instructionLength(): number {
    return this.vmcs.readLow(VmcsField.VmExitInstructionLength);
  }

  get qualificationLow(): number {
    return this.vmcs.readLow(VmcsField.ExitQualification);
  }

  get qualificationHigh(): number {
    return this.vmcs.readHigh(VmcsField.ExitQualification);
  }

  get qualification(): bigint {
    return this.vmcs.read(VmcsField.ExitQualification);
  }

  get interruptionInformation(): number {
    return this.vmcs.readLow(VmcsField.VmExitInterruptionInformation);
  }

  get instructionInformation(): number {
    return this.vmcs.readLow(VmcsField.VmExitInstructionInformation);
  }

  get guestLinearAddress(): bigint {
    return this.vmcs.read(VmcsField.GuestLinearAddress);
  }

  get guestPhysicalAddress(): bigint {
    return this.vmcs.readIfExists(VmcsField.GuestPhysicalAddress);
  }

  advance(): void {
    const { vmcs } = this;
    const low = vmcs.readLow(VmcsField.GuestRip) >>> 0;
    const next = (low + this.instructionLength) >>> 0;
    const high = vmcs.readHigh(VmcsField.GuestRip);
    vmcs.writeHalves(VmcsField.GuestRip, next | 0, next < low ? this.carryInto(high) : high);
    this.finish(false);
  }

  endIteration(): void {
    this.finish(true);
  }

  inject(vector: number, errorCode?: number): void {
    // In real-address mode exceptions have no error code, and VM entry refuses one.
    const isReal = (this.vmcs.readLow(VmcsField.GuestCr0) & Cr0.ProtectionEnable) === 0;
    const hasCode = errorCode === undefined || isReal ? 0 : InterruptionBit.ErrorCode;
    const information = InterruptionBit.Valid | (InterruptionType.HardwareException << 8) | hasCode | vector;
    this.injectEvent(information, errorCode ?? 0, 0);
  }

  injectEvent(information: number, errorCode: number, instructionLength: number): void {
    const { vmcs } = this;
    vmcs.writeHalves(VmcsField.VmEntryInterruptionInformationField, information | 0, 0);
    vmcs.writeHalves(VmcsField.VmEntryExceptionErrorCode, errorCode, 0);
    vmcs.writeHalves(VmcsField.VmEntryInstructionLength, instructionLength, 0);
    prepareDelivery(vmcs, information);
    this.hasInjected = true;
  }

  completeDelivery(): void {
    if (this.hasInjected) return;
    const vectoring = this.vmcs.readLow(VmcsField.IdtVectoringInformation);
    if ((vectoring & InterruptionBit.Valid) !== 0 && !this.hasDelivered) this.deliverAgain(vectoring);
    else if (this.reason === ExitReason.ExceptionOrNonMaskableInterrupt)
      passDebugException(this.vmcs, this.interruptionInformation);
  }

  endDelivery(): void {
    this.hasDelivered = true;
  }

  privilegeLevel(): number {
    return (this.vmcs.readLow(VmcsField.GuestSsAccessRights) & AccessRights.Dpl) >> 5;
  }

  /**
   * RF let this instruction pass its breakpoint, and no other; it is 1 between two iterations. SDM 3B "Instruction-Breakpoint Exception Condition".
   */
  private finish(isRepeating: boolean): void {
    const { vmcs } = this;
    this.hasAdvanced = true;
    const blocking = vmcs.readLow(VmcsField.GuestInterruptibilityState);
    if ((blocking & blockingBits) !== 0) {
      vmcs.writeHalves(VmcsField.GuestInterruptibilityState, blocking & ~blockingBits, 0);
    }
    const flags = vmcs.readLow(VmcsField.GuestRflags);
    const next = isRepeating ? flags | Rflags.ResumeFlag : flags & ~Rflags.ResumeFlag;
    if (next !== flags) vmcs.writeHalves(VmcsField.GuestRflags, next >>> 0, 0);
    if ((flags & Rflags.TrapFlag) !== 0) this.pendSingleStep();
  }

  /** RIP wraps at 32 bits outside 64-bit mode. */
  private carryInto(high: number): number {
    const is64Bit = (this.vmcs.readLow(VmcsField.GuestCsAccessRights) & AccessRights.L) !== 0;
    return is64Bit ? (high + 1) | 0 : high;
  }

  /** Not with DEBUGCTL.BTF: then only branches trap. SDM 3B "Single-Stepping on Branches". */
  private pendSingleStep(): void {
    if ((this.vmcs.readLow(VmcsField.GuestIa32Debugctl) & Debugctl.Btf) !== 0) return;
    const pending = this.vmcs.readLow(VmcsField.GuestPendingDebugExceptions);
    this.vmcs.writeHalves(VmcsField.GuestPendingDebugExceptions, pending | PendingDebugExceptions.BS, 0);
  }

  private deliverAgain(vectoring: number): void {
    // Bit 12 says how an NMI was unblocked; at entry it is reserved.
    const information = vectoring & ~InterruptionBit.NmiUnblockingDueToIret;
    this.injectEvent(information, this.vmcs.readLow(VmcsField.IdtVectoringErrorCode), this.instructionLength);
  }
}
