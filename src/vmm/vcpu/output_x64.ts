// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { SerialPort } from '../serial/serial_port.js';
import { VcpuManager } from './vcpu_manager.js';
import { Output } from '../output/output.js';

/** Writes to vCPU 0's ring and then to the serial port, as Bareflank's `cout` does. */
@injectable()
export class OutputX64 implements Output {
  @inject(VcpuManager) protected readonly vcpuManager!: VcpuManager;
  @inject(SerialPort) protected readonly serialPort!: SerialPort;

  write(text: string): void {
    this.vcpuManager.write(0n, text);
    this.serialPort.write(text);
  }

  writeToVcpu(vcpuid: bigint, text: string): void {
    this.vcpuManager.write(vcpuid, text);
  }
}
