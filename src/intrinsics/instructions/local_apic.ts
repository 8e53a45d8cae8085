// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** The local APIC of the processor that executes the caller, in xAPIC or x2APIC mode. SDM 3A "Local APIC". Precondition: the caller is no guest. */
export interface LocalApic {
  /** Whether IA32_APIC_BASE enables the local APIC. If not, nothing else here may be called. */
  isEnabled(): boolean;
  /** Whether an interrupt was acknowledged and has had no EOI. */
  isInService(vector: number): boolean;
  /** EOI: ends the service of the interrupt with the highest vector. */
  endOfInterrupt(): void;
  /** Sends an interrupt to this processor. */
  interruptSelf(vector: number): void;
  /** Sends an NMI to this processor. It waits there while the processor is in VMX root operation, or blocks NMIs. */
  nmiSelf(): void;
}
export const LocalApic = component<LocalApic>('bareflank.intrinsics.LocalApic', 'vmm');
