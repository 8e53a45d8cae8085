// SPDX-License-Identifier: LGPL-2.1-only
// The name of a machine's socket. Several commands may start, find and end machines of one name at once. So a name never leads to a socket on which
// its host does not listen yet, and a command removes only a socket of which it has made sure that nobody listens.
import { linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { MachineRunsError } from './host_errors.js';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A path for this process alone, in the folder of the sockets. It is hardly longer than the shortest name of a machine. */
export const privatePath = (path: string): string => join(dirname(path), `.${process.pid}`);

/** @throws what connect reports */
export function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/**
 * Gives a socket on which this process listens the machine's name, unless another host has it.
 *
 * @param own where it listens; that path is gone afterwards. @throws MachineRunsError
 */
export function publishSocket(own: string, path: string): void {
  try {
    linkSync(own, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new MachineRunsError(basename(path, '.sock'));
  } finally {
    rmSync(own, { force: true });
  }
}

async function isDead(path: string): Promise<boolean> {
  try {
    (await dial(path)).destroy();
    return false;
  } catch (error) {
    return codeOf(error) === 'ECONNREFUSED';
  }
}

/**
 * Removes a socket whose host was killed. Another command may have done so already, and a new host may have the name. So the socket is set aside
 * first, and is put back if a host listens on it.
 */
export async function removeDeadSocket(path: string): Promise<void> {
  const aside = privatePath(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if (!(await isDead(aside)) && lstatSync(path, { throwIfNoEntry: false }) === undefined) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}
