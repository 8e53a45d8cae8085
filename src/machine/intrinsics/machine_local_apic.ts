// SPDX-License-Identifier: LGPL-2.1-only
import type { LocalApic } from '../../intrinsics/instructions/local_apic.js';
import { ApicBase, Msr, X2apicMsr } from '../../intrinsics/registers/msr_definitions.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { ApicRegister, InterruptCommand } from '../../intrinsics/structures/apic_registers.js';
import { DeliveryMode } from '../devices/interrupts/interrupt_messages.js';
import { lowHalf } from '../processor/halves.js';
import type { Execution } from './execution.js';

/** The bits of IA32_APIC_BASE that are no address. */
const offsetBits = BigInt(X64.pageSize - 1);
/** A register is 16 bytes in the page, and one MSR. */
const msrOf = (register: number): number => X2apicMsr.First + (register >>> 4);

/** The local APIC of a simulated processor. */
export class MachineLocalApic implements LocalApic {
  constructor(private readonly execution: Execution) {}

  isEnabled(): boolean {
    return (lowHalf(this.base()) & ApicBase.ApicGlobalEnable) !== 0;
  }

  isInService(vector: number): boolean {
    const register = ApicRegister.InService + ((vector >>> 5) << 4);
    return (this.read(register) & (1 << (vector & 31))) !== 0;
  }

  endOfInterrupt(): void {
    this.write(ApicRegister.EndOfInterrupt, 0);
  }

  interruptSelf(vector: number): void {
    this.command(InterruptCommand.ShorthandSelf | InterruptCommand.LevelAssert | vector);
  }

  /** The shorthand for the sender itself has no NMI. */
  nmiSelf(): void {
    this.command(InterruptCommand.LevelAssert | (DeliveryMode.Nmi << 8), this.read(ApicRegister.Id));
  }

  /** @param destination in the format of the identifier register. A destination that the guest has written already stays. */
  private command(low: number, destination = 0): void {
    if (this.isX2apic()) {
      this.writeMsr(msrOf(ApicRegister.InterruptCommandLow), low, destination);
      return;
    }
    const before = this.read(ApicRegister.InterruptCommandHigh);
    this.write(ApicRegister.InterruptCommandHigh, destination);
    this.write(ApicRegister.InterruptCommandLow, low);
    this.write(ApicRegister.InterruptCommandHigh, before);
  }

  private read(register: number): number {
    const { core } = this.execution.processor;
    if (!this.isX2apic()) return core.mmioRead(this.page() + register, 4);
    core.readMsr(msrOf(register));
    return lowHalf(core.msrValue);
  }

  private write(register: number, value: number): void {
    if (this.isX2apic()) this.writeMsr(msrOf(register), value, 0);
    else this.execution.processor.core.mmioWrite(this.page() + register, 4, value);
  }

  private writeMsr(address: number, low: number, high: number): void {
    this.execution.processor.core.writeMsr(address, low, high);
  }

  private isX2apic(): boolean {
    return (lowHalf(this.base()) & ApicBase.EnableX2apicMode) !== 0;
  }

  private page(): number {
    return Number(this.base() & ~offsetBits);
  }

  private base(): bigint {
    const { core } = this.execution.processor;
    core.readMsr(Msr.Ia32ApicBase);
    return core.msrValue;
  }
}
