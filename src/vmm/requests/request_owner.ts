// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import { ContributionError } from '../errors.js';
import { state } from '../state/state.js';
import { OwnedRequest, type RequestReleaser } from './owned_request.js';
import type { Request, Requester, RequestRecord } from './request.js';

/** Keeps requests as data, by id. The owner decides what the sum of all requests means. */
@injectable()
export abstract class RequestOwner<K> implements RequestReleaser {
  abstract readonly owner: string;
  /** In the order of the requests. */
  @state() protected readonly records = new Map<number, RequestRecord<K>>();
  @state() private newestId = 0;

  release(id: number): void {
    const record = this.records.get(id);
    if (record === undefined) return;
    this.records.delete(id);
    this.released(record.key);
  }

  releaseOf(contribution: string, vcpuid: bigint): void {
    for (const [id, record] of [...this.records])
      if (record.contribution === contribution && this.isOf(record.key, vcpuid)) this.release(id);
  }

  /** Whether a request is one of a vCPU. An owner of the VMM's scope, which has requests of several, overrides this. */
  protected isOf(_key: K, _vcpuid: bigint): boolean {
    return true;
  }

  /**
   * Keeps a request and makes it take effect. A request that cannot take effect is not kept.
   *
   * @throws ContributionError if `by` has no name; what `requested` throws.
   */
  protected ask(by: Requester, key: K): Request {
    const id = ++this.newestId;
    const record = { contribution: this.nameOf(by), key };
    this.records.set(id, record);
    try {
      this.requested(key);
    } catch (error) {
      this.records.delete(id);
      throw error;
    }
    return new OwnedRequest(this, id, record);
  }

  /** Gives a request another key. It takes no effect by itself. @throws ContributionError for a request that has ended, or is another owner's */
  protected replace({ owner, id, contribution }: Request, key: K): void {
    const record = owner === this.owner ? this.records.get(id) : undefined;
    if (record === undefined)
      throw new ContributionError(
        `${this.owner} cannot change request ${id} of ${contribution}, which ${owner === this.owner ? 'has ended' : `is one to ${owner}`}; make a new one`,
      );
    record.key = key;
  }

  /** A request was added. */
  protected abstract requested(key: K): void;

  /** A request was taken away. */
  protected abstract released(key: K): void;

  private nameOf(by: Requester): string {
    const name = (by as Partial<Requester> | null | undefined)?.name;
    if (typeof name === 'string' && name !== '') return name;
    throw new ContributionError(
      `${this.owner} got a request without a contribution's name: the first argument is the contribution that asks, \`this\``,
    );
  }
}
