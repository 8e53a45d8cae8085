// SPDX-License-Identifier: LGPL-2.1-only
import type { FromMachine, MachineMethod, MachineRequests } from '../machine/site_messages.js';

/** What a page hears of its machine. */
export type MachineNews = Exclude<FromMachine, { readonly kind: 'answer' | 'error' }>;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side of a machine in a worker. */
export class MachineClient {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  /** Why nothing is answered any more. */
  private failure: Error | undefined;

  /** @param hear takes what the machine tells; it is called in the order of the messages */
  constructor(private readonly hear: (news: MachineNews) => void) {
    this.worker = new Worker(new URL('machine_worker.js', document.baseURI), { type: 'module' });
    this.worker.onmessage = ({ data }: MessageEvent<FromMachine>) => this.receive(data);
    this.worker.onerror = ({ message }) => this.receive({ kind: 'failed', message });
  }

  /** Asks the machine for something. @throws Error with its message if it fails */
  request<M extends MachineMethod>(
    method: M,
    params: MachineRequests[M]['params'],
  ): Promise<MachineRequests[M]['result']> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ kind: 'request', id, method, params });
    });
  }

  /** Types at the guest's console. */
  type(bytes: readonly number[]): void {
    this.worker.postMessage({ kind: 'typed', bytes });
  }

  /** Ends the machine, whatever it does. */
  end(): void {
    this.worker.terminate();
    this.fail(new Error('the machine was switched off'));
  }

  private receive(message: FromMachine): void {
    if (message.kind === 'failed') this.fail(new Error(`the machine has stopped: ${message.message}`));
    if (message.kind !== 'answer' && message.kind !== 'error') return this.hear(message);
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === 'answer') waiting?.resolve(message.result as never);
    else waiting?.reject(new Error(message.message));
  }

  private fail(error: Error): void {
    this.failure = error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
