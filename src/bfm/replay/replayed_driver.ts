// SPDX-License-Identifier: LGPL-2.1-only
import { Driver } from '../../driver/driver.js';
import type { DriverOptions } from '../../driver/driver_options.js';
import type { SavedDriver } from '../../driver/saved_driver.js';
import type { DriverCall } from '../../session/machine_event.js';
import type { MachineSession } from '../../session/machine_session.js';
import type { ReplayedVmm } from '../../session/replay/replay_session.js';
import { DriverCommands } from '../host/driver_commands.js';
import { performCall } from '../host/perform_call.js';
import type { SnapshotHeader } from '../snapshot/snapshot_header.js';

/** The driver of a replay. After a step back it is another one. */
export class ReplayedDriver implements ReplayedVmm {
  private failure: string | undefined;

  private constructor(
    private readonly session: MachineSession,
    private readonly options: DriverOptions,
    private present: Driver,
    private commands: DriverCommands,
  ) {}

  static async create(session: MachineSession, options: DriverOptions): Promise<ReplayedDriver> {
    const driver = await Driver.create(options);
    return new ReplayedDriver(session, options, driver, new DriverCommands(driver));
  }

  get driver(): Driver {
    return this.present;
  }

  get lastFailure(): string | undefined {
    return this.failure;
  }

  /** @throws ModuleLoadError … */
  async load(files: readonly string[], settings: Readonly<Record<string, string>>): Promise<void> {
    await this.commands.load(files, settings);
  }

  /** Goes on with the VMM of the snapshot with which the recorded run began. @throws RestoreError, ModuleLoadError, VmmImageError */
  async goOn(files: readonly string[], saved: SavedDriver, header: SnapshotHeader): Promise<void> {
    await this.commands.restore(files, saved, header);
  }

  /** The start with which the recorded run began. @throws EntryError, DriverError */
  startAtBoot(): void {
    this.commands.start();
  }

  /** The state hash says whether a call that fails did the same as in the recorded run. */
  async call(call: DriverCall): Promise<void> {
    try {
      await this.session.call(call, () => performCall(this.commands, call.method, call.params));
    } catch (error) {
      this.failed(call.method, error);
    }
  }

  start(): void {
    try {
      this.commands.start();
    } catch (error) {
      this.failed('start', error);
    }
  }

  /** @throws RestoreError, ModuleLoadError, VmmImageError */
  async restore(saved: SavedDriver): Promise<void> {
    this.failure = undefined;
    this.present = await Driver.create(this.options);
    this.commands = new DriverCommands(this.present);
    for (const { file } of saved.modules) this.present.addModule(file);
    await this.present.restore(saved);
  }

  private failed(method: string, error: unknown): void {
    this.failure = `${method}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
