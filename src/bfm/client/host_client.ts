// SPDX-License-Identifier: LGPL-2.1-only
import { lstatSync } from 'node:fs';
import type { Socket } from 'node:net';
import {
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { HostError, HostGoneError, NoMachineError } from '../host/host_errors.js';
import { ATTACH, TYPE, type AttachAnswer, type HostMethod, type HostRequests } from '../host/host_protocol.js';
import { dial, removeDeadSocket } from '../host/machine_socket.js';
import { socketPath } from '../host/runtime_folder.js';
import { whileAnswering } from './while_answering.js';

/** How long a host may take for a sign of life. */
const PATIENCE_MILLISECONDS = 10_000;

/**
 * @param again another host may have begun to listen since the first attempt was refused
 * @returns undefined if no host has the name; the socket of a dead one is removed
 */
async function open(path: string, again = false): Promise<Socket | undefined> {
  try {
    return await dial(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = lstatSync(path, { throwIfNoEntry: false });
    // Another process removed the socket, or it never existed.
    if (code === 'ENOENT' || found === undefined) return undefined;
    if (code !== 'ECONNREFUSED') throw new HostError(`${path}: ${message}`, { causedBy: error });
    if (!found.isSocket())
      throw new HostError(`${path} exists and is not a socket: remove it, or use another --machine`);
    if (!again) return open(path, true);
    await removeDeadSocket(path);
    return undefined;
  }
}

/** A connection to the background host of a machine. */
export class HostClient {
  private readonly connection: MessageConnection;
  /** Resolves when the host has gone, or `close` was called. */
  readonly closed: Promise<void>;

  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
    private readonly patience: number,
  ) {
    this.connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve());
      socket.on('error', () => socket.destroy());
    });
    this.connection.onError(() => socket.destroy());
  }

  /**
   * @param patience milliseconds that the host may take for a sign of life
   * @returns undefined if no host runs; the socket of a dead one is removed. @throws UsageError, FileError, HostError
   */
  static async find(machine: string, patience = PATIENCE_MILLISECONDS): Promise<HostClient | undefined> {
    const path = socketPath(machine);
    const socket = await open(path);
    return socket === undefined ? undefined : new HostClient(socket, path, patience);
  }

  /** @throws NoMachineError too */
  static async connect(machine: string, patience = PATIENCE_MILLISECONDS): Promise<HostClient> {
    const client = await HostClient.find(machine, patience);
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
   * Types at the guest's console. Input after the host has gone is lost; `closed` resolves then.
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

  /** Reads nothing until `resume`. Meanwhile the host drops output, so that this process need not keep it. */
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

  private silence(method: string): HostError {
    return new HostError(
      `${method}: the machine's host has not answered for ${this.patience / 1000} s: its process is stopped, or the computer is overloaded. ` +
        `Find it by pgrep -f ${this.path}; kill -CONT lets a stopped process go on, kill -KILL ends it with its machine`,
      { details: { where: this.path } },
    );
  }

  private async ask<T>(method: string, params: object): Promise<T> {
    const gone = this.closed.then(() => {
      throw new HostGoneError(`the machine's host went away before it answered ${method}`);
    });
    try {
      const answer = Promise.race([this.connection.sendRequest<T>(method, params), gone]);
      // The host's own thread answers this one, even while its machine is busy.
      const ping = (): Promise<unknown> => this.connection.sendRequest('status', {});
      return await whileAnswering(answer, ping, this.patience, () => this.silence(method));
    } catch (error) {
      if (error instanceof HostError) throw error;
      if (error instanceof ResponseError && error.code !== Number(ErrorCodes.PendingResponseRejected))
        throw new HostError(error.message);
      // An error of the connection: it was closed or is broken.
      throw new HostGoneError(`the machine's host went away before it answered ${method}`, { causedBy: error });
    }
  }
}
