// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { EventQueue } from './event_queue.js';
import { ticksAt } from './frequency.js';
import type { IoBus, PortHandler } from './io_bus.js';
import type { SystemControl } from './system_control.js';

/** First port of the ACPI power-management block, where QEMU's PC has it. */
export const ACPI_PM_BASE = 0x600;
/** The ACPI power-management timer's clock. */
export const ACPI_PM_TIMER_HZ = 3579545;

const SLEEP_ENABLE = 0x2000;
const SCI_ENABLE = 1;

interface AcpiPmState {
  status: number;
  enable: number;
  control: number;
}

/**
 * The fixed hardware of ACPI: PM1 event and control blocks at 600h–605h and the 24-bit timer at 608h. Setting SLP_EN switches the power
 * off, whatever the sleep type: this machine has no other sleep state. ACPI specification "ACPI Hardware Specification".
 */
export class AcpiPm extends StatefulDevice<AcpiPmState> implements PortHandler {
  readonly name = 'acpi_pm';

  constructor(
    bus: IoBus,
    private readonly events: EventQueue,
    private readonly system: SystemControl,
  ) {
    super();
    bus.claimPorts(ACPI_PM_BASE, 12, this, 'any');
  }

  protected initialState(): AcpiPmState {
    return { status: 0, enable: 0, control: SCI_ENABLE };
  }

  readPort(port: number, size: AccessSize): number {
    const offset = port - ACPI_PM_BASE;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    const state = this.state;
    switch (port - ACPI_PM_BASE) {
      case 0:
        state.status &= ~value;
        if (size === 4) state.enable = value >>> 16;
        break;
      case 2:
        state.enable = value & 0xffff;
        break;
      case 4:
        state.control = (value & 0xffff & ~SLEEP_ENABLE) | SCI_ENABLE;
        if (size > 1 && value & SLEEP_ENABLE) this.system.powerOff('ACPI PM1a control, port 0x604');
        break;
      default:
      // The timer is read-only.
    }
  }

  private readByte(offset: number): number {
    const { status, enable, control } = this.state;
    const timer = ticksAt(this.events.now(), ACPI_PM_TIMER_HZ) % 0x1000000;
    const register = offset < 2 ? status : offset < 4 ? enable : offset < 6 ? control : offset < 8 ? 0 : timer;
    const shift = offset < 8 ? (offset & 1) * 8 : (offset & 3) * 8;
    return (register >>> shift) & 0xff;
  }
}
