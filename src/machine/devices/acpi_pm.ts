// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { EventQueue } from './event_queue.js';
import { ticksAt } from './frequency.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters } from './port_registers.js';
import type { SystemControl } from './system_control.js';

/** First port of the ACPI power-management block, where QEMU's PC has it. */
export const ACPI_PM_BASE = 0x600;
/** The ACPI power-management timer's clock. */
export const ACPI_PM_TIMER_HZ = 3579545;

/** The blocks and the timer, with the gap between them. */
const BLOCK_BYTES = 12;
const TIMER_TICKS = 0x1000000;
const SLEEP_ENABLE = 0x2000;
const SCI_ENABLE = 1;

interface AcpiPmState {
  status: number;
  enable: number;
  control: number;
}

/** A register of the block. An access may reach a part of it, or several registers. */
interface BlockRegister {
  readonly offset: number;
  readonly bytes: 2 | 4;
  readonly read: () => number;
  /** @param mask the bits that are written. Without this function, the register is read-only. */
  readonly write?: (value: number, mask: number) => void;
}

/**
 * The fixed hardware of ACPI: PM1 event and control blocks at 600h–605h and the 24-bit timer at 608h. Setting SLP_EN switches the power
 * off, whatever the sleep type: this machine has no other sleep state. ACPI specification "ACPI Hardware Specification".
 */
export class AcpiPm extends StatefulDevice<AcpiPmState> {
  readonly name = 'acpi_pm';
  private readonly registers: readonly BlockRegister[] = [
    { offset: 0, bytes: 2, read: () => this.state.status, write: (value) => void (this.state.status &= ~value) },
    {
      offset: 2,
      bytes: 2,
      read: () => this.state.enable,
      write: (value, mask) => void (this.state.enable = (this.state.enable & ~mask) | value),
    },
    { offset: 4, bytes: 2, read: () => this.state.control, write: (value, mask) => this.writeControl(value, mask) },
    { offset: 8, bytes: 4, read: () => ticksAt(this.events.now(), ACPI_PM_TIMER_HZ) % TIMER_TICKS },
  ];

  constructor(
    bus: IoBus,
    private readonly events: EventQueue,
    private readonly system: SystemControl,
  ) {
    super();
    claimRegisters(bus, [
      {
        port: ACPI_PM_BASE,
        ports: BLOCK_BYTES,
        width: 'any',
        read: (size, port) => this.read(port - ACPI_PM_BASE, size),
        write: (value, size, port) => this.write(port - ACPI_PM_BASE, size, value),
      },
    ]);
  }

  protected initialState(): AcpiPmState {
    return { status: 0, enable: 0, control: SCI_ENABLE };
  }

  private read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  private readByte(offset: number): number {
    const register = this.registers.find((each) => offset >= each.offset && offset < each.offset + each.bytes);
    return register === undefined ? 0 : (register.read() >>> (8 * (offset - register.offset))) & 0xff;
  }

  private write(offset: number, size: AccessSize, value: number): void {
    for (const register of this.registers) {
      const shift = 8 * (register.offset - offset);
      const [bits, mask] = [partOf(value, shift), partOf(size === 4 ? 0xffffffff : (1 << (8 * size)) - 1, shift)];
      if (mask !== 0) register.write?.(bits, mask);
    }
  }

  private writeControl(value: number, mask: number): void {
    const { state } = this;
    state.control = (((state.control & ~mask) | value) & ~SLEEP_ENABLE) | SCI_ENABLE;
    if (value & SLEEP_ENABLE) this.system.powerOff('ACPI PM1a control, port 0x604');
  }
}

/** The 16 bits of a value that begin at a bit, which may be outside the value. */
function partOf(value: number, shift: number): number {
  if (shift >= 32 || shift <= -16) return 0;
  return (shift < 0 ? value << -shift : value >>> shift) & 0xffff;
}
