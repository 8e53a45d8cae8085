// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import type { GeneralRegisters } from '../../intrinsics/instructions/general_registers.js';
import type { Vmcs } from '../vmcs/vmcs.js';

/** The VM exit that is being handled. SDM 3C "VM-Exit Information Fields". */
export interface Exit {
  /** The basic exit reason. */
  readonly reason: ExitReason;
  /** All 32 bits of the exit-reason field. */
  readonly wholeReason: number;
  /** The vCPU that exited. */
  readonly vcpuid: bigint;
  /** Bytes of the instruction that caused the exit, where the SDM defines them. */
  readonly instructionLength: number;
  /** Bits 31:0 of the exit qualification. */
  readonly qualificationLow: number;
  /** Bits 63:32. */
  readonly qualificationHigh: number;
  readonly qualification: bigint;
  readonly interruptionInformation: number;
  readonly instructionInformation: number;
  readonly guestLinearAddress: bigint;
  readonly guestPhysicalAddress: bigint;
  /** The guest's general-purpose registers, RSP excepted: change them to change the guest. */
  readonly registers: GeneralRegisters;
  readonly vmcs: Vmcs;
  /** Reads what every exit needs. The dispatcher calls it once per exit. */
  capture(): void;
  /** Steps over the instruction: RIP moves on, blocking by STI and MOV SS ends, a trap flag traps. */
  advance(): void;
  /** Ends an iteration of an instruction with a REP prefix as `advance` ends an instruction. RIP stays, and RF is 1: another iteration follows. */
  endIteration(): void;
  /** Whether `advance` or `endIteration` was called during this exit. */
  readonly hasAdvanced: boolean;
  /**
   * Injects an exception at the next entry. RIP stays at the instruction, and the base does not complete it. A contribution denies an
   * MSR access, a port access, a CPUID leaf or a VMCALL in this way.
   *
   * @param errorCode for the vectors that have one.
   */
  inject(vector: number, errorCode?: number): void;
  /**
   * Injects an event of any kind. SDM 3C "VM-Entry Controls for Event Injection". The guest is active then, and a shadow of STI or MOV SS ends,
   * as VM entry wants it.
   *
   * @param information in the format of the VM-entry interruption-information field.
   * @param instructionLength of the instruction that causes a software interrupt or exception.
   */
  injectEvent(information: number, errorCode: number, instructionLength: number): void;
  /** Whether an event was injected during this exit. */
  readonly hasInjected: boolean;
  /**
   * Delivers again the event whose delivery the exit interrupted, unless something was injected. A guest that goes on after a debug exception that
   * no handler injected is active, and out of the shadow of STI and MOV SS. Called by the dispatcher.
   */
  completeDelivery(): void;
  /** Says that the VMM has delivered the event itself: a task gate led to the task that runs now. */
  endDelivery(): void;
  /** The guest's privilege level: the DPL of SS. */
  privilegeLevel(): number;
}
export const Exit = component<Exit>('bareflank.Exit', 'vcpu');
