// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { Colour } from '../output/colour.js';
import { ErrorCode } from '../error_codes.js';
import { EntryError, OutOfMemoryError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { RootPageTable } from '../memory_manager/root_page_table.js';
import { bfdebug } from '../output/output.js';
import { SerialPort } from '../serial/serial_port.js';
import { ignoreExceptions } from '../output/guard_exceptions.js';
import { VcpuManager } from '../vcpu/vcpu_manager.js';
import { VmmTables } from '../vmm_state/vmm_tables.js';
import { EntryHooks, type Entry } from './entry.js';

function guarded(what: string, code: bigint, body: () => void): void {
  try {
    body();
  } catch (error) {
    const actual = error instanceof OutOfMemoryError ? ErrorCode.BF_BAD_ALLOC : code;
    throw new EntryError(`${what}: ${error instanceof Error ? error.message : String(error)}`, actual, {
      causedBy: error,
    });
  }
}

const green = (text: string): string => `\u001b[${Colour.green}m${text}\u001b[${Colour.end}m`;

/** The VMM's entry points. */
@injectable()
export class EntryX64 implements Entry {
  @inject(VcpuManager) protected readonly vcpuManager!: VcpuManager;
  @inject(EntryHooks) protected readonly hooks!: EntryHooks;
  @inject(MemoryManager) protected readonly memoryManager!: MemoryManager;
  @inject(RootPageTable) protected readonly rootPageTable!: RootPageTable;
  @inject(VmmTables) protected readonly tables!: VmmTables;
  @inject(SerialPort) protected readonly serialPort!: SerialPort;

  initVmm(): void {
    guarded('the VMM could not be initialised', ErrorCode.ENTRY_ERROR_VMM_INIT_FAILED, () => {
      this.memoryManager.init();
      this.rootPageTable.init();
      this.tables.init();
      this.serialPort.init();
    });
  }

  startVmm(cpuid: bigint): void {
    guarded(`vcpu ${cpuid} did not start`, ErrorCode.ENTRY_ERROR_VMM_START_FAILED, () => {
      this.vcpuManager.createVcpu(cpuid, this.hooks.preCreateVcpu(cpuid));
      try {
        this.vcpuManager.runVcpu(cpuid, this.hooks.preRunVcpu(cpuid));
      } catch (error) {
        ignoreExceptions(() => this.vcpuManager.deleteVcpu(cpuid));
        throw error;
      }
      bfdebug`success: host os is ${green('now')} in a vm on vcpuid = ${cpuid}`;
    });
  }

  stopVmm(cpuid: bigint): void {
    guarded(`vcpu ${cpuid} did not stop`, ErrorCode.ENTRY_ERROR_VMM_STOP_FAILED, () => {
      this.vcpuManager.hltVcpu(cpuid, this.hooks.preHltVcpu(cpuid));
      this.vcpuManager.deleteVcpu(cpuid, this.hooks.preDeleteVcpu(cpuid));
      bfdebug`success: host os is ${green('not')} in a vm on vcpuid = ${cpuid}`;
    });
  }
}
