// SPDX-License-Identifier: LGPL-2.1-only
import { derived, type Attachable } from '../state/state.js';
import { RequestOwner } from './request_owner.js';

/** Of what is asked for by a number or a word: each is on as long as anybody asks for it. */
export abstract class CountedOwner<K extends number | string> extends RequestOwner<K> implements Attachable {
  @derived() private counts = new Map<K, number>();

  attach(): void {
    this.counts = new Map();
    for (const { key } of this.records.values()) this.counts.set(key, this.count(key) + 1);
  }

  /** How many ask for a key. */
  protected count(key: K): number {
    return this.counts.get(key) ?? 0;
  }

  /** All that is asked for. */
  protected keys(): Iterable<K> {
    return this.counts.keys();
  }

  /** On: at each request, for a vCPU that is launched again has a new VMCS. Off: when the last request has gone. */
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
