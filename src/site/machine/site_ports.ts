// SPDX-License-Identifier: LGPL-2.1-only
import type { SessionPorts } from '../../session/session_ports.js';
import { ByteBatch } from './byte_batch.js';

/** Bytes that may wait for the guest. What is pasted beyond is lost, as on a serial line without flow control. */
const MOST_TYPED = 1 << 16;

/** A session's surroundings in a page: what is typed comes in messages, and what is printed goes out in messages. */
export class SitePorts implements SessionPorts {
  readonly console: ByteBatch;
  readonly vmm: ByteBatch;
  private typed: number[] = [];

  /** @param send takes what the guest and the VMM print */
  constructor(
    send: (kind: 'console' | 'vmm', bytes: Uint8Array) => void,
    readonly now: () => number = () => performance.now(),
  ) {
    this.console = new ByteBatch((bytes) => send('console', bytes));
    this.vmm = new ByteBatch((bytes) => send('vmm', bytes));
  }

  /** Somebody typed. */
  type(bytes: readonly number[]): void {
    this.typed.push(...bytes.slice(0, MOST_TYPED - this.typed.length));
  }

  hasInput(): boolean {
    return this.typed.length > 0;
  }

  /** Somebody may always type. */
  isInputOpen(): boolean {
    return true;
  }

  takeInput(): readonly number[] {
    return this.typed.splice(0);
  }

  /** Messages are read between two slices, and a slice is short. */
  wantsAttention(): boolean {
    return false;
  }

  quantumEnded(): void {}

  /** Sends what was printed. */
  sendAll(): void {
    this.console.sendAll();
    this.vmm.sendAll();
  }
}
