// SPDX-License-Identifier: LGPL-2.1-only
import { killThisProcess } from '../worker/end_worker.js';
import type { HostStart, HostStartMessage } from './host_protocol.js';
import { HostServer } from './host_server.js';
import { MachineThread } from './machine_thread.js';

/** The background host. `bfm driver_load` starts it detached, tells it what to run, waits for one message, and leaves it. */

/** Handles the end of the command. If it ends before it said what to run, or before it knows that its machine runs, nothing may be left. */
let commandHasGone = (): void => process.exit(1);
process.once('disconnect', () => commandHasGone());

const { request, path, watches, gdb } = await new Promise<HostStart>((resolve) => process.once('message', resolve));

function tell(message: HostStartMessage): Promise<void> {
  return new Promise((done) => {
    if (process.connected) process.send!(message, () => done());
    else done();
  });
}

// A host outlives the terminal that it was started from.
process.on('SIGHUP', () => {});
process.on('SIGINT', () => {});

const machine = new MachineThread(request, () => removeMachine());

/** Ends the process, even if a machine is blocked in a system call. */
async function finish(status: number): Promise<void> {
  if (!(await machine.close())) killThisProcess();
  process.exitCode = status;
  setTimeout(() => process.exit(), 100).unref();
}
const end = (): void => {
  server.close();
  void finish(0);
};
const server = new HostServer(machine, end);
const removeMachine = (): void => void machine.remove().then(end);
process.on('SIGTERM', removeMachine);

commandHasGone = () => {
  server.close();
  void finish(1);
};
if (!process.connected) commandHasGone();

try {
  await machine.started();
  await server.listen(path);
  const opened = gdb && (await server.openGdb(gdb));
  // Loaded only if needed: it brings the bundler.
  if (watches) await (await import('./reload_on_change.js')).reloadOnChange(machine, request.modules);
  commandHasGone = () => {};
  if (process.connected) await tell({ ready: true, ...(opened && { gdbTarget: opened.target }) });
  else removeMachine();
} catch (error) {
  await tell({ failed: error instanceof Error ? error.message : String(error) });
  await finish(1);
}
if (process.connected) process.disconnect();
