// SPDX-License-Identifier: LGPL-2.1-only
import type { PreparedReload, Reloaded } from '../../driver/reloaded.js';
import type { MachineSession } from '../../session/machine_session.js';
import type { RunRecording } from './run_recording.js';

/** Who can reload the modules of a machine. */
export interface ReloadingMachine {
  readonly session: MachineSession;
  readonly recording: RunRecording | undefined;
  /** Loads new code. Changes nothing. */
  prepare(files: readonly string[]): Promise<PreparedReload>;
  reload(files: readonly string[], prepared: PreparedReload): Reloaded;
}

/**
 * Gives the VMM of a machine new code, as an event of the run. What cannot be loaded is no event.
 *
 * @param files `.modules` files and module sources. @throws what `prepare` and `reload` throw; RecordingError
 */
export async function reloadModules(machine: ReloadingMachine, files: readonly string[]): Promise<Reloaded> {
  const { session, recording } = machine;
  const prepare = (): Promise<PreparedReload> => machine.prepare(files);
  const prepared = await (recording === undefined ? prepare() : recording.reloads(files, prepare));
  const call = { kind: 'call', method: 'reload', params: { files } } as const;
  return session.call(call, () => machine.reload(files, prepared));
}
