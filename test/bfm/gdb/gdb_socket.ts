// SPDX-License-Identifier: LGPL-2.1-only
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { framed, PacketReader } from '../../../src/bfm/gdb/packet_framing.js';

/** A client of GDB's protocol on a Unix socket, as the specs without GDB need one. */
export class GdbSocket {
  /** Text that the stub showed in GDB's console. */
  console = '';
  /** What the stub said of the machine at first. */
  status = '';
  readonly closed: Promise<void>;
  private readonly reader = new PacketReader();
  private readonly replies: string[] = [];
  private wake: () => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Uint8Array) => this.receive(bytes));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Attaches. A port turns a client away until it has heard that the one before has gone. @param path of the socket @returns a client that is answered */
  static async dial(path: string): Promise<GdbSocket> {
    for (;;) {
      const socket = connect(path);
      await once(socket, 'connect');
      const client = new GdbSocket(socket);
      const answer = await Promise.race([client.ask('?'), client.closed]);
      if (answer !== undefined) return Object.assign(client, { status: answer });
    }
  }

  /** Sends a packet. @returns the answer */
  async ask(packet: string): Promise<string> {
    this.socket.write(framed(packet), 'latin1');
    return this.reply();
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.socket.write('\x03', 'latin1');
  }

  /** The next answer. */
  async reply(): Promise<string> {
    while (this.replies.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.replies.shift()!;
  }

  /** A packet that has no answer. */
  tell(packet: string): void {
    this.socket.write(framed(packet), 'latin1');
  }

  hangUp(): void {
    this.socket.destroy();
  }

  private receive(bytes: Uint8Array): void {
    for (const received of this.reader.push(bytes)) {
      if (received.kind !== 'packet') continue;
      if (received.data.startsWith('O') && received.data !== 'OK')
        this.console += Buffer.from(received.data.slice(1), 'hex').toString();
      else this.replies.push(received.data);
    }
    this.wake();
  }
}
