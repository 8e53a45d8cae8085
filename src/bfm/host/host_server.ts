// SPDX-License-Identifier: LGPL-2.1-only
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import {
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { FileError } from '../failures/file_error.js';
import { AttachedConsole } from './attached_console.js';
import { FrameLimit } from './frame_limit.js';
import { MachineRunsError } from './host_errors.js';
import { checkedParameters, typedBytes } from './host_parameters.js';
import { ATTACH, TYPE, type AttachAnswer, type HostRequests, type MachineMethod } from './host_protocol.js';
import { ownGdbSocket } from './machine_gdb.js';
import { privatePath, publishSocket } from './machine_socket.js';
import type { MachineThread } from './machine_thread.js';

const methods: readonly MachineMethod[] = [
  ...(['load', 'reload', 'unload', 'start', 'stop', 'dump'] as const),
  ...(['vmcall', 'vmcallData', 'save', 'evaluate', 'memoryHash'] as const),
];

/** Bytes of a message from a client: the data of a VMCALL, a piece of what is typed or a list of files is far shorter. */
const LONGEST_MESSAGE = 1 << 22;

/** How long a client that removed the machine may take to hang up. */
const GOODBYE_MILLISECONDS = 1000;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Turns errors into answers: the client prints their messages. */
async function answered<T>(work: Promise<T>): Promise<T | ResponseError<void>> {
  try {
    return await work;
  } catch (error) {
    return new ResponseError(ErrorCodes.UnknownErrorCode, error instanceof Error ? error.message : String(error));
  }
}

/** The socket on which a host listens: JSON-RPC for any number of clients at once. */
export class HostServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  /** Of the socket, while it has the machine's name. */
  private path: string | undefined;

  /** @param removed called when a client removed the machine. */
  constructor(
    private readonly machine: MachineThread,
    private readonly removed: () => void,
  ) {
    this.server = createServer((socket) => this.accept(socket));
  }

  /** Listens on a socket that only its owner can open. @throws MachineRunsError if another host has the name, FileError */
  async listen(path: string): Promise<void> {
    const own = privatePath(path);
    const umask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.server.once('error', reject);
        this.server.listen(own, resolve);
      });
      // A client that cannot be accepted, for instance without free file descriptors, must not affect the machine.
      this.server.on('error', () => {});
      chmodSync(own, 0o600);
      publishSocket(own, path);
      this.path = path;
    } catch (error) {
      this.server.close();
      if (error instanceof MachineRunsError) throw error;
      throw new FileError(
        `${path}: the socket cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      process.umask(umask);
    }
  }

  /** Opens the machine's port for GDB. @param params of the request. @throws CommandError, FileError, MachineLostError */
  async openGdb(params: unknown): Promise<HostRequests['gdb']['result']> {
    const { address } = checkedParameters('gdb', params);
    const target = await this.machine.openGdb(
      address === undefined ? ownGdbSocket(this.path!) : { address, isOwn: false },
    );
    return { target };
  }

  /** Removes the socket and notifies attached clients. */
  close(): void {
    this.stopListening();
    for (const socket of this.sockets) socket.end();
  }

  /** Gives the machine's name up, once: the next machine of that name may have it already. */
  private stopListening(): void {
    this.server.close();
    if (this.path !== undefined) rmSync(this.path, { force: true });
    this.path = undefined;
  }

  private accept(socket: Socket): void {
    const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
    const frames = new FrameLimit(LONGEST_MESSAGE);
    this.sockets.add(socket);
    socket.on('data', (data: Buffer) => {
      if (!frames.accepts(data)) socket.destroy();
    });
    // A client that goes away in the middle of an answer must not affect the machine.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.sockets.delete(socket);
      connection.dispose();
    });
    connection.onError(() => socket.destroy());
    for (const method of methods)
      connection.onRequest(method, (params: object) => answered(this.machine.request(method, params as never)));
    connection.onRequest('status', () => this.machine.status());
    connection.onRequest('gdb', (params: unknown) => answered(this.openGdb(params)));
    connection.onRequest('closeGdb', () => answered(this.machine.closeGdb().then(() => null)));
    connection.onRequest('remove', () => this.remove(socket));
    this.serveConsole(connection, socket);
    connection.listen();
  }

  /** The client hangs up when it has its answer. If it does not, the host does not wait for it. */
  private async remove(socket: Socket): Promise<null> {
    await this.machine.remove();
    // The socket's file is gone before the client hears of it, so that it can start the next machine at once.
    this.stopListening();
    // The client has hung up already, so no event will come.
    if (socket.destroyed) {
      this.removed();
      return null;
    }
    const timer = setTimeout(() => socket.destroy(), GOODBYE_MILLISECONDS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.removed();
    });
    return null;
  }

  private serveConsole(connection: MessageConnection, socket: Socket): void {
    const { machine } = this;
    const send = async (method: string, params: object): Promise<void> => {
      try {
        await connection.sendNotification(method, params);
      } catch {
        // `sendNotification` throws if the connection is closed, and rejects if it closes now: the client has gone.
        socket.destroy();
      }
    };
    const listener = new AttachedConsole(send);
    connection.onRequest(ATTACH, (): AttachAnswer => {
      // A request is handled after it has arrived: its client may have hung up meanwhile.
      if (!socket.destroyed) machine.listeners.add(listener);
      return { backlog: base64(machine.backlog), ending: machine.ending };
    });
    const type = async (params: unknown): Promise<null> => {
      await machine.type(typedBytes(params));
      return null;
    };
    connection.onRequest(TYPE, (params: unknown) => answered(type(params)));
    // A client that does not wait for an answer does not learn about dropped input.
    connection.onNotification(TYPE, (params: unknown) => void type(params).catch(() => {}));
    socket.on('close', () => machine.listeners.delete(listener));
  }
}
