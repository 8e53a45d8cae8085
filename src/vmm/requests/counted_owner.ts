// SPDX-License-Identifier: LGPL-2.1-only
import { derived, type Attachable } from '../state/state.js';
import { RequestOwner } from './request_owner.js';

/** An owner of things that have a number or a word as key. Each is on while there is a request for it. */
export abstract class CountedOwner<K extends number | string> extends RequestOwner<K> implements Attachable {
  @derived() private counts = new Map<K, number>();

  attach(): void {
    this.counts = new Map();
    for (const { key } of this.records.values()) this.counts.set(key, this.count(key) + 1);
  }

  /** How many requests there are for a key. */
  protected count(key: K): number {
    return this.counts.get(key) ?? 0;
  }

  /** All keys with a request. */
  protected keys(): Iterable<K> {
    return this.counts.keys();
  }

  /** On: at each request, because a vCPU that is launched again has a new VMCS. Off: when the last request ends. */
  protected abstract turn(key: K, isOn: boolean): void;

  protected requested(key: K): void {
    this.counts.set(key, this.count(key) + 1);
    try {
      this.turn(key, true);
    } catch (error) {
      this.discount(key);
      throw error;
    }
  }

  protected released(key: K): void {
    if (this.discount(key) === 0) this.turn(key, false);
  }

  private discount(key: K): number {
    const count = this.count(key) - 1;
    if (count > 0) this.counts.set(key, count);
    else this.counts.delete(key);
    return count;
  }
}
