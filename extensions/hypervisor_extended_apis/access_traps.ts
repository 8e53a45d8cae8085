// SPDX-License-Identifier: LGPL-2.1-only
import type { Request } from 'bareflank';

/** Which accesses of one kind (I/O, RDMSR, WRMSR) exit, in the terms of extended_apis. It asks the owner for exactly the traps that are set here. */
export class AccessTraps {
  /**
   * @param requests what is trapped, with the owner's requests.
   * @param all every existing port or MSR.
   * @param request asks the owner. @throws for one that does not exist.
   * @param check throws if the bitmap is off.
   */
  constructor(
    private readonly requests: () => Map<number, Request>,
    private readonly all: () => Iterable<number>,
    private readonly request: (key: number) => Request,
    private readonly check: () => void,
  ) {}

  isTrapped(key: number): boolean {
    return this.requests().has(key);
  }

  trap(key: number): void {
    this.check();
    if (!this.requests().has(key)) this.requests().set(key, this.request(key));
  }

  passThrough(key: number): void {
    this.check();
    this.checkKey(key);
    this.requests().get(key)?.[Symbol.dispose]();
    this.requests().delete(key);
  }

  trapAll(): void {
    this.check();
    for (const key of this.all()) this.trap(key);
  }

  passThroughAll(): void {
    this.check();
    this.release();
  }

  /** Traps all but these. Nothing changes if one of them does not exist. */
  whitelist(keys: readonly number[]): void {
    this.check();
    for (const key of keys) this.checkKey(key);
    this.trapAll();
    for (const key of keys) this.passThrough(key);
  }

  /** Traps only these. Nothing changes if one of them does not exist. */
  blacklist(keys: readonly number[]): void {
    this.check();
    for (const key of keys) this.checkKey(key);
    this.passThroughAll();
    for (const key of keys) this.trap(key);
  }

  /** Gives all traps back to the owner, when the bitmap is turned off. */
  release(): void {
    for (const request of this.requests().values()) request[Symbol.dispose]();
    this.requests().clear();
  }

  /** Lets some trapped accesses through until `resume`. */
  suspend(keys: readonly number[]): void {
    for (const key of keys) this.requests().get(key)?.[Symbol.dispose]();
  }

  /** Traps them again, except those that were passed through meanwhile. */
  resume(keys: readonly number[]): void {
    for (const key of keys) if (this.requests().has(key)) this.requests().set(key, this.request(key));
  }

  /** The owner knows which keys exist. */
  private checkKey(key: number): void {
    this.request(key)[Symbol.dispose]();
  }
}
