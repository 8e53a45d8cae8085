// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { InterruptController } from './interrupts/interrupt_lines.js';
import type { IoBus, MmioHandler } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';

const LOOPBACK_PORT = 0xe0;
const FLUSH_PORT = 0xe4;
const BYTE_PORT = 0xe8;
const INTERRUPT_PORT = 0x2000;
const INTERRUPT_COUNT = 24;
const MEMORY = 0xff000000;
const MEMORY_BYTES = 0x10000;

/** QEMU's pc-testdev: a register that reads back at E0h and E8h, interrupt wires at 2000h, a page flush at E4h, memory at FF000000h. */
export class PcTestDevice extends StatefulDevice<{ register: number; memory: number[] }> implements MmioHandler {
  readonly name = 'pc_test_device';

  /**
   * @param interrupts the wires that the ports from 2000h drive.
   * @param flushPage flushes the translations of the page at an address.
   */
  constructor(
    bus: IoBus,
    private readonly interrupts: InterruptController,
    private readonly flushPage: (address: number) => void,
  ) {
    super();
    claimRegisters(bus, this.registers());
    bus.claimMemory(MEMORY, MEMORY_BYTES, this);
  }

  protected initialState(): { register: number; memory: number[] } {
    return { register: 0, memory: [] };
  }

  private registers(): PortRegister[] {
    const loopback = {
      read: (_size: AccessSize, port: number) => this.state.register >>> (8 * (port & 3)),
      write: (value: number, size: AccessSize, port: number) => this.merge((port & 3) * 8, size, value),
    };
    return [
      { port: LOOPBACK_PORT, ports: 4, width: 'any', ...loopback },
      { port: FLUSH_PORT, ports: 4, width: 'any', write: (address) => this.flushPage(address) },
      { port: BYTE_PORT, ...loopback },
      {
        port: INTERRUPT_PORT,
        ports: INTERRUPT_COUNT,
        width: 'any',
        write: (level, _size, port) => this.interrupts.setInput(port - INTERRUPT_PORT, level !== 0),
      },
    ];
  }

  private merge(shift: number, size: AccessSize, value: number): void {
    const mask = ((size === 4 ? 0xffffffff : (1 << (8 * size)) - 1) << shift) >>> 0;
    this.state.register = ((this.state.register & ~mask) | ((value << shift) & mask)) >>> 0;
  }

  readMmio(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= (this.state.memory[offset + i] ?? 0) << (8 * i);
    return value >>> 0;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    const { memory } = this.state;
    while (memory.length < offset + size) memory.push(0);
    for (let i = 0; i < size; i++) memory[offset + i] = (value >>> (8 * i)) & 0xff;
  }
}
