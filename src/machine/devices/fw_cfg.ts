// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';

const SELECTOR_PORT = 0x510;
const DATA_PORT = 0x511;

/** What QEMU's firmware configuration device reports to programs written for it. */
export interface FwCfgValues {
  readonly memoryBytes: number;
  readonly processors: number;
}

function littleEndian(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);
}

/** QEMU's firmware configuration device, as far as kvm-unit-tests uses it. QEMU documentation "QEMU Firmware Configuration Device". */
export class FwCfg extends StatefulDevice<{ key: number; offset: number }> {
  readonly name = 'fw_cfg';
  private readonly items: ReadonlyMap<number, readonly number[]>;

  constructor(bus: IoBus, values: FwCfgValues) {
    super();
    this.items = new Map([
      [0x00, [...'QEMU'].map((letter) => letter.charCodeAt(0))],
      [0x01, littleEndian(1, 4)],
      [0x03, littleEndian(values.memoryBytes, 8)],
      [0x05, littleEndian(values.processors, 2)],
      [0x0f, littleEndian(values.processors, 2)],
      // The directory of named files: none.
      [0x19, littleEndian(0, 4)],
    ]);
    claimRegisters(bus, this.registers());
  }

  protected initialState(): { key: number; offset: number } {
    return { key: 0, offset: 0 };
  }

  private registers(): PortRegister[] {
    return [
      { port: SELECTOR_PORT, width: 'any', write: (key) => void (this.state = { key, offset: 0 }) },
      { port: DATA_PORT, read: () => this.nextByte() },
    ];
  }

  private nextByte(): number {
    return this.items.get(this.state.key)?.[this.state.offset++] ?? 0;
  }
}
