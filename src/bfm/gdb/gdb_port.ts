// SPDX-License-Identifier: LGPL-2.1-only
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { FileError } from '../failures/file_error.js';
import type { GdbEvent } from './gdb_inbox.js';
import type { GdbAddress } from './gdb_address.js';

/** Bytes that wait for a client. One that reads no answers is hung up on. */
const MOST_UNREAD = 1 << 24;

/** What GDB sends first: an acknowledgement, a packet or Ctrl-C. A page in a browser can send packets too, but only behind the head of a request. */
const FIRST_BYTES: readonly number[] = [...Buffer.from('+-$\x03')];

/** Where GDB connects to. One client at a time: another one is turned away. */
export class GdbPort {
  private client: Socket | undefined;

  private constructor(
    private readonly server: Server,
    private readonly path: string | undefined,
    /** As GDB's `target remote` wants it. */
    readonly target: string,
  ) {}

  /**
   * Listens: on TCP at 127.0.0.1 alone, or on a Unix socket for its owner alone.
   *
   * @param receive takes what comes in. @throws FileError
   */
  static async listen(address: GdbAddress, receive: (event: GdbEvent) => void): Promise<GdbPort> {
    const server = createServer();
    const umask = address.kind === 'unix' ? process.umask(0o177) : undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        if (address.kind === 'unix') server.listen(address.path, resolve);
        else server.listen(address.port, '127.0.0.1', resolve);
      });
      if (address.kind === 'unix') chmodSync(address.path, 0o600);
    } catch (error) {
      server.close();
      const where = address.kind === 'unix' ? address.path : `port ${address.port}`;
      throw new FileError(
        `the port for GDB: ${where} cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
    server.on('error', () => {});
    const bound = server.address();
    const target = typeof bound === 'object' && bound !== null ? `:${bound.port}` : (bound ?? '');
    const port = new GdbPort(server, address.kind === 'unix' ? address.path : undefined, target);
    server.on('connection', (socket) => port.accept(socket, receive));
    return port;
  }

  /** Sends to the client, if there is one. @param text of characters 0 to FFH */
  send(text: string): void {
    const { client } = this;
    if (client === undefined) return;
    if (client.writableLength > MOST_UNREAD) client.destroy();
    else client.write(text, 'latin1');
  }

  close(): void {
    this.server.close();
    this.client?.end();
    this.client?.unref();
    if (this.path !== undefined) rmSync(this.path, { force: true });
  }

  private accept(socket: Socket, receive: (event: GdbEvent) => void): void {
    socket.on('error', () => {});
    if (this.client !== undefined) {
      socket.destroy();
      return;
    }
    this.client = socket;
    socket.setNoDelay(true);
    receive({ kind: 'opened', isPrivate: this.path !== undefined });
    let isKnown = false;
    socket.on('data', (bytes: Uint8Array) => {
      isKnown ||= FIRST_BYTES.includes(bytes[0]!);
      if (isKnown) receive({ kind: 'bytes', bytes });
      else socket.destroy();
    });
    socket.on('close', () => {
      this.client = undefined;
      receive({ kind: 'closed' });
    });
  }
}
