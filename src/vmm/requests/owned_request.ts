// SPDX-License-Identifier: LGPL-2.1-only
import type { Request, RequestRecord } from './request.js';

/** The keeper of the records. */
export interface RequestHolder {
  readonly owner: string;
  /** Takes back a request; an id that is unknown, or was released, is ignored. */
  release(id: number): void;
}

/** Can end requests whose handles are gone. */
export interface RequestReleaser extends RequestHolder {
  /** Takes back all requests that a contribution of a vCPU made. */
  releaseOf(contribution: string, vcpuid: bigint): void;
}

/** A handle of a record, without its own data. */
export class OwnedRequest implements Request {
  constructor(
    private readonly holder: RequestHolder,
    readonly id: number,
    private readonly record: RequestRecord<unknown>,
  ) {}

  get owner(): string {
    return this.holder.owner;
  }

  get contribution(): string {
    return this.record.contribution;
  }

  get key(): unknown {
    return this.record.key;
  }

  [Symbol.dispose](): void {
    this.holder.release(this.id);
  }
}
