// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import { ContributionError } from '../errors.js';
import { state } from '../state/state.js';
import { OwnedRequest, type RequestHolder } from './owned_request.js';
import type { Request, Requester, RequestRecord } from './request.js';

/** Keeps what is asked for as data, by id. What the sum of all requests means is the owner's matter. */
@injectable()
export abstract class RequestOwner<K> implements RequestHolder {
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

  /** The handle of a request that is kept; undefined if none has this id. */
  requestOf(id: number): Request | undefined {
    const record = this.records.get(id);
    return record === undefined ? undefined : new OwnedRequest(this, id, record);
  }

  /**
   * Keeps a request and lets it take effect; one that cannot is not kept.
   *
   * @throws ContributionError if `by` has no name; what `requested` throws.
   */
  protected ask(by: Requester, key: K): Request {
    const id = this.keep(by, key);
    try {
      this.requested(key);
    } catch (error) {
      this.records.delete(id);
      throw error;
    }
    return this.requestOf(id)!;
  }

  /** A request was added. */
  protected abstract requested(key: K): void;

  /** A request was taken away. */
  protected abstract released(key: K): void;

  private keep(by: Requester, key: K): number {
    const contribution = (by as Partial<Requester> | null | undefined)?.name;
    if (typeof contribution !== 'string' || contribution === '') {
      throw new ContributionError(
        `${this.owner} was asked for something by what has no name: the first argument is the contribution that asks, \`this\``,
      );
    }
    const id = ++this.newestId;
    this.records.set(id, { contribution, key });
    return id;
  }
}
