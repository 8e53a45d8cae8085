// SPDX-License-Identifier: LGPL-2.1-only
import type { CoreBus } from './processor/core_bus.js';
import type { Chipset } from './devices/chipset.js';
import type { AccessSize } from './devices/device.js';
import { readX2apic, readX2apicHigh, writeX2apic, x2apicOffset } from './devices/interrupts/x2apic_registers.js';
import { Msr } from '../intrinsics/registers/msr_definitions.js';
import { fromHalves, highHalf, lowHalf } from './processor/halves.js';

/** Connects the processor core to the devices. The chipset comes later than the core, which it must be able to interrupt. */
export class PcBus implements CoreBus {
  /** Called with the vector of each interrupt that a processor takes from the interrupt controllers. */
  acknowledged: ((vector: number) => void) | undefined;
  private connected: Chipset | undefined;
  private high = 0;

  connect(chipset: Chipset): void {
    this.connected = chipset;
  }

  private get chipset(): Chipset {
    return this.connected!;
  }

  portRead(port: number, size: number): number {
    return this.chipset.bus.readPort(port, size as AccessSize);
  }

  portWrite(port: number, size: number, value: number): void {
    this.chipset.bus.writePort(port, size as AccessSize, value);
  }

  mmioRead(address: number, size: number): number {
    return this.chipset.readMemory(address, size as AccessSize);
  }

  mmioWrite(address: number, size: number, value: number): void {
    this.chipset.writeMemory(address, size as AccessSize, value);
  }

  acknowledgeInterrupt(): number {
    const vector = this.chipset.currentApic.acknowledge();
    this.acknowledged?.(vector);
    return vector;
  }

  numericError(asserted: boolean): boolean {
    return this.chipset.numericError.setError(asserted);
  }

  taskPriorityRead(): number {
    return this.chipset.currentApic.taskPriority;
  }

  taskPriorityWrite(value: number): void {
    this.chipset.currentApic.taskPriority = value;
  }

  initialized(): void {
    this.chipset.currentApic.init();
  }

  msrRead(index: number): number | undefined {
    if (index !== Msr.Ia32TscDeadline) return this.registerRead(x2apicOffset(index));
    const value = this.chipset.currentApic.timer.tscDeadline;
    this.high = highHalf(value);
    return lowHalf(value);
  }

  private registerRead(offset: number): number | undefined {
    const apic = this.chipset.currentApic;
    this.high = readX2apicHigh(apic, offset);
    return readX2apic(apic, offset);
  }

  msrHigh(): number {
    return this.high;
  }

  msrWrite(index: number, low: number, high: number): boolean {
    const apic = this.chipset.currentApic;
    if (index === Msr.Ia32TscDeadline) apic.timer.tscDeadline = fromHalves(low, high);
    else if (index === Msr.Ia32ApicBase) apic.baseMsr = low >>> 0;
    // IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST move the deadline's moment in virtual time.
    else if (index === Msr.Ia32TimeStampCounter || index === Msr.Ia32TscAdjust) apic.timer.tscMoved();
    else return writeX2apic(apic, x2apicOffset(index), low >>> 0, high >>> 0);
    return true;
  }
}
