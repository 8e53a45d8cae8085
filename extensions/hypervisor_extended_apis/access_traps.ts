// SPDX-License-Identifier: LGPL-2.1-only
import type { Request } from 'bareflank';

/** Which accesses of one kind (I/O, RDMSR, WRMSR) exit, in the words of extended_apis: what is asked of the owner is what is trapped here. */
export class AccessTraps {
  private readonly trapped = new Map<number, Request>();

  /**
   * @param all every port or MSR that there is.
   * @param request asks the owner. @throws for one that does not exist.
   * @param check throws if the bitmap is off.
   */
  constructor(
    private readonly all: () => Iterable<number>,
    private readonly request: (key: number) => Request,
    private readonly check: () => void,
  ) {}

  isTrapped(key: number): boolean {
    return this.trapped.has(key);
  }

  trap(key: number): void {
    this.check();
    if (!this.trapped.has(key)) this.trapped.set(key, this.request(key));
  }

  passThrough(key: number): void {
    this.check();
    // A key that does not exist is an error here as well.
    this.request(key)[Symbol.dispose]();
    this.trapped.get(key)?.[Symbol.dispose]();
    this.trapped.delete(key);
  }

  trapAll(): void {
    this.check();
    for (const key of this.all()) this.trap(key);
  }

  passThroughAll(): void {
    this.check();
    for (const request of this.trapped.values()) request[Symbol.dispose]();
    this.trapped.clear();
  }

  /** Traps all but these. */
  whitelist(keys: readonly number[]): void {
    this.trapAll();
    for (const key of keys) this.passThrough(key);
  }

  /** Traps only these. */
  blacklist(keys: readonly number[]): void {
    this.passThroughAll();
    for (const key of keys) this.trap(key);
  }
}
