// SPDX-License-Identifier: LGPL-2.1-only
import { rmSync } from 'node:fs';
import { checkSocketPath, type GdbAddress } from '../gdb/gdb_address.js';
import type { GdbEvent } from '../gdb/gdb_inbox.js';
import { GdbPort } from '../gdb/gdb_port.js';
import { CommandError } from './host_errors.js';

/** Where a port is wanted. */
export interface WantedPort {
  readonly address: GdbAddress;
  /** The socket's name belongs to this machine: what is there was left by a host that was killed. */
  readonly isOwn: boolean;
}

/** A machine's own socket for GDB. @param path of its socket for bfm, in the same folder */
export const ownGdbSocket = (path: string): WantedPort => ({
  address: { kind: 'unix', path: path.replace(/\.sock$/, '.gdb') },
  isOwn: true,
});

const isSame = (one: GdbAddress, other: GdbAddress): boolean =>
  one.kind === 'unix'
    ? other.kind === 'unix' && one.path === other.path
    : other.kind === 'tcp' && one.port === other.port;

/** The port for GDB of a machine in the background. It is opened when somebody asks for it. */
export class MachineGdb {
  private open: { readonly address: GdbAddress; readonly port: GdbPort } | undefined;
  /** Openings and closings come one after another. */
  private work: Promise<unknown> = Promise.resolve();

  /** @param tell takes what comes in */
  constructor(private readonly tell: (event: GdbEvent) => void) {}

  /**
   * Opens the port; one that is open there already stays.
   *
   * @returns what GDB's `target remote` takes. @throws FileError, CommandError if another one is open
   */
  listen(wanted: WantedPort): Promise<string> {
    return this.inTurn(() => this.opened(wanted));
  }

  /** Closes the port. Its client is gone for the machine. */
  close(): Promise<void> {
    return this.inTurn(() => {
      const { open } = this;
      this.open = undefined;
      open?.port.close();
      if (open !== undefined) this.tell({ kind: 'closed' });
    });
  }

  /** @param text for the client */
  send(text: string): void {
    this.open?.port.send(text);
  }

  private async opened({ address, isOwn }: WantedPort): Promise<string> {
    const { open } = this;
    if (open !== undefined && !isSame(open.address, address))
      throw new CommandError(`gdb: the machine has a port for GDB at ${open.port.target}: bfm gdb off closes it`);
    if (open !== undefined) return open.port.target;
    if (address.kind === 'unix' && isOwn) rmSync(address.path, { force: true });
    else if (address.kind === 'unix') checkSocketPath(address.path, 'gdb');
    const port = await GdbPort.listen(address, (event) => {
      if (this.open?.port === port) this.tell(event);
    });
    this.open = { address, port };
    return port.target;
  }

  private inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.work.then(work);
    this.work = done.catch(() => {});
    return done;
  }
}
