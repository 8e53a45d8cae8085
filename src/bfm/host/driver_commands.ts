// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver, DriverState } from '../../driver/driver.js';
import { DriverError } from '../../driver/driver_errors.js';
import { ErrorCode } from '../../vmm/error_codes.js';
import { VmcallError } from '../../vmm/errors.js';
import { VmcallDataType } from '../../vmm/exit/vmcall_interface.js';
import type { SavedDriver } from '../../driver/saved_driver.js';
import { restoreVmm } from '../run/saved_run.js';
import type { SnapshotHeader } from '../snapshot/snapshot_header.js';
import type { PreparedReload, Reloaded } from '../../driver/reloaded.js';
import { addModules, prepareModules } from '../../session/add_modules.js';
import type { VmcallRegisters } from '../../vmm/exit/vmcall_registers.js';
import { CommandError } from './host_errors.js';

const dataTypes: ReadonlySet<bigint> = new Set(Object.values(VmcallDataType).map(BigInt));

/** What the commands of `bfm` do with a driver, including Bareflank's implied steps: `load` of a running VMM stops and unloads it first. */
export class DriverCommands {
  /** The files whose modules are loaded. */
  private files: readonly string[] = [];

  constructor(private readonly driver: Driver) {}

  get moduleFiles(): readonly string[] {
    return this.files;
  }

  get status(): DriverState {
    return this.driver.status;
  }

  /** Loads modules instead of the loaded ones. A failure leaves the VMM unloaded. @param files `.modules` files or module sources */
  async load(files: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const { driver } = this;
    this.unload();
    try {
      addModules(driver, files);
      await driver.load(settings);
      this.files = [...files];
    } catch (error) {
      driver.unload();
      throw error;
    }
  }

  /** Loads new code for the VMM. Changes nothing. @param files `.modules` files or module sources @throws CommandError, ModuleFileError … */
  async prepareReload(files: readonly string[]): Promise<PreparedReload> {
    this.refuseCorrupt();
    this.wantLoaded();
    return prepareModules(this.driver, files);
  }

  /** Lets new code go on with the state of the VMM. @param files from which the code is. @throws what `Driver.reload` throws */
  reload(files: readonly string[], prepared: PreparedReload): Reloaded {
    try {
      const reloaded = this.driver.reload(prepared);
      this.files = [...files];
      return reloaded;
    } catch (error) {
      // After this one, the new code goes on.
      if (error instanceof DriverError) this.files = [...files];
      throw error;
    }
  }

  /** Goes on with the VMM of a snapshot. @param files the modules that it had @throws RestoreError that says which those are */
  async restore(files: readonly string[], saved: SavedDriver, header: SnapshotHeader): Promise<void> {
    addModules(this.driver, files);
    await restoreVmm(this.driver, saved, header);
    this.files = [...files];
  }

  unload(): void {
    this.stop();
    this.files = [];
    this.driver.unload();
  }

  /** Starts the VMM; one that runs is stopped first. */
  start(): void {
    this.stop();
    this.wantLoaded();
    this.driver.start();
  }

  /** Stops the VMM if it runs. */
  stop(): void {
    this.refuseCorrupt();
    if (this.status === 'VMM_RUNNING') this.driver.stop();
  }

  /** The debug ring of a vCPU. */
  dump(vcpuid: bigint): string {
    this.refuseCorrupt();
    this.wantLoaded();
    return this.driver.dump(vcpuid);
  }

  /** @throws CommandError if the VMM does not run, or, with the VMM's reason, if it refuses the VMCALL */
  vmcall(cpuid: number, registers: Partial<VmcallRegisters>): VmcallRegisters {
    this.wantRunning();
    const answer = this.driver.vmcall(cpuid, registers);
    this.expectSuccess(cpuid, answer);
    return answer;
  }

  /** A VMCALL with data of a type. @returns the VMM's answer, empty if it is of no type. @throws CommandError, for one of an unknown type too */
  vmcallData(cpuid: number, type: number, data: Uint8Array): Uint8Array {
    this.wantRunning();
    const { registers, data: answer } = this.driver.vmcallData(cpuid, type, data);
    this.expectSuccess(cpuid, registers);
    if (!dataTypes.has(registers.r07)) throw new CommandError(`the vmm answered data of unknown type ${registers.r07}`);
    return registers.r07 === BigInt(VmcallDataType.VMCALL_DATA_NONE) ? new Uint8Array() : answer;
  }

  /** The end of the machine: stops and unloads what it can. Never throws. */
  remove(): void {
    try {
      this.unload();
    } catch {
      // A VMM that cannot be stopped ends with its machine.
      this.driver.close();
    }
  }

  private wantLoaded(): void {
    if (this.status === 'VMM_UNLOADED')
      throw new CommandError('vmm must be loaded first: bfm load MODULE, or bfm quick MODULE');
  }

  private wantRunning(): void {
    this.refuseCorrupt();
    if (this.status !== 'VMM_RUNNING') throw new CommandError('vmm must be running first: bfm start');
  }

  private refuseCorrupt(): void {
    if (this.status === 'VMM_CORRUPT')
      throw new CommandError('vmm is corrupt (VMM_CORRUPT): end its machine with bfm driver_unload, and start another');
  }

  private expectSuccess(cpuid: number, { r01 }: VmcallRegisters): void {
    if (r01 === 0n) return;
    const name = Object.entries(ErrorCode).find(([, code]) => code === r01)?.[0] ?? 'UNDEFINED_ERROR_CODE';
    const failure = this.driver.vmcallFailure(cpuid);
    const reason = failure === undefined ? '' : `: ${failure.message}`;
    // A refusal is an answer. Only a fault of a handler has a place in somebody's code.
    const causedBy = failure?.error instanceof VmcallError ? undefined : failure?.error;
    throw new CommandError(`the vmm refused the vmcall with ${name} (0x${r01.toString(16)})${reason}`, { causedBy });
  }
}
