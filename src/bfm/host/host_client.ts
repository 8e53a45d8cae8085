// SPDX-License-Identifier: LGPL-2.1-only
import { lstatSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import {
  createMessageConnection,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { HostError, HostGoneError, NoMachineError } from './host_errors.js';
import { ATTACH, TYPE, type AttachAnswer, type HostMethod, type HostRequests } from './host_protocol.js';
import { socketPath } from './runtime_folder.js';

function open(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return resolve(undefined);
      if (error.code !== 'ECONNREFUSED') return reject(new HostError(`${path}: ${error.message}`));
      if (!lstatSync(path).isSocket())
        return reject(
          new HostError(`${path} is no socket, and not of our making: remove it, or use another --machine`),
        );
      // Nobody listens: its host was killed.
      rmSync(path, { force: true });
      resolve(undefined);
    });
  });
}

/** A connection to the background host of a machine. */
export class HostClient {
  private readonly connection: MessageConnection;
  /** Resolves when the host has gone, or `close` was called. */
  readonly closed: Promise<void>;

  private constructor(private readonly socket: Socket) {
    this.connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve());
      socket.on('error', () => socket.destroy());
    });
    this.connection.onError(() => socket.destroy());
  }

  /** @returns undefined if no host runs; the socket of a dead one is removed. @throws UsageError, FileError, HostError */
  static async find(machine: string): Promise<HostClient | undefined> {
    const socket = await open(socketPath(machine));
    return socket === undefined ? undefined : new HostClient(socket);
  }

  /** @throws NoMachineError too */
  static async connect(machine: string): Promise<HostClient> {
    const client = await HostClient.find(machine);
    if (client === undefined) throw new NoMachineError(machine);
    client.listen();
    return client;
  }

  /** @throws HostError with the host's message, or that it went away */
  request<M extends HostMethod>(method: M, params: HostRequests[M]['params']): Promise<HostRequests[M]['result']> {
    return this.ask(method, params);
  }

  /** Takes part in the console from now on. */
  attach(): Promise<AttachAnswer> {
    return this.ask(ATTACH, {});
  }

  /** Calls `listener` at each notification of a kind. Before `attach`. */
  on<T>(notification: string, listener: (params: T) => void): void {
    this.connection.onNotification(notification, listener);
  }

  /**
   * Types at the guest's console. What is typed after the host has gone is lost; `closed` tells of it.
   *
   * @returns once the bytes are on their way to the guest. @throws HostError if the host refuses them
   */
  async type(bytes: Uint8Array): Promise<void> {
    try {
      await this.ask(TYPE, { data: Buffer.from(bytes).toString('base64') });
    } catch (error) {
      if (!(error instanceof HostGoneError)) throw error;
    }
  }

  /** Reads nothing more until `resume`: the host drops output meanwhile, rather than this process keeps it. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends the connection. */
  close(): void {
    this.connection.dispose();
    this.socket.destroy();
  }

  private listen(): void {
    this.connection.listen();
  }

  private async ask<T>(method: string, params: object): Promise<T> {
    const gone = this.closed.then(() => {
      throw new HostGoneError(`the machine's host went away before it answered ${method}`);
    });
    try {
      return await Promise.race([this.connection.sendRequest<T>(method, params), gone]);
    } catch (error) {
      if (error instanceof HostError) throw error;
      if (error instanceof ResponseError) throw new HostError(error.message);
      // The connection's own: it was closed or is broken.
      throw new HostGoneError(`the machine's host went away before it answered ${method}`, { causedBy: error });
    }
  }
}
