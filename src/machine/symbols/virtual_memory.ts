// SPDX-License-Identifier: LGPL-2.1-only
import type { ExecutionState } from '../report/execution_state.js';
import { pageWalk, type WalkedMemory } from '../report/page_walk.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import type { SymbolMemory } from './symbol_memory.js';

/** An address space, as far as it leads to RAM. It is for a few questions at one moment: a page that was found is not walked to again. */
export class VirtualMemory {
  private readonly pages = new Map<bigint, number>();

  constructor(
    private readonly memory: SymbolMemory,
    private readonly walked: WalkedMemory,
    private readonly space: ExecutionState,
  ) {}

  /** The physical address of a virtual one; −1 if it is not mapped to RAM. */
  physical(address: bigint): number {
    const inside = Number(address % BigInt(PAGE_BYTES));
    const page = this.page(address - BigInt(inside));
    return page < 0 ? -1 : page + inside;
  }

  u8(address: bigint): number {
    return this.read(address, 1, (at) => this.memory.u8(at)) ?? 0;
  }

  u32(address: bigint): number {
    return this.read(address, 4, (at) => this.memory.u32(at)) ?? 0;
  }

  u64(address: bigint): bigint {
    return this.read(address, 8, (at) => this.memory.u64(at)) ?? 0n;
  }

  /** Characters up to a 0, at most so many. */
  text(address: bigint, most: number): string {
    let text = '';
    for (let at = address; text.length < most; at++) {
      const physical = this.physical(at);
      const character = physical < 0 ? 0 : this.memory.u8(physical);
      if (character === 0) break;
      text += String.fromCharCode(character);
    }
    return text;
  }

  /** The kernel aligns what is read here: nothing crosses a page. */
  private read<T>(linear: bigint, bytes: number, get: (at: number) => T): T | undefined {
    const address = BigInt.asUintN(64, linear);
    if (address % BigInt(PAGE_BYTES) > BigInt(PAGE_BYTES - bytes)) return undefined;
    const at = this.physical(address);
    return at < 0 ? undefined : get(at);
  }

  private page(page: bigint): number {
    const known = this.pages.get(page);
    if (known !== undefined) return known;
    const { physical } = pageWalk(this.space, this.walked, page);
    const at = physical === null ? -1 : Number(physical);
    const { start, end } = this.memory.range(at, at + PAGE_BYTES);
    const found = start === at && end === at + PAGE_BYTES ? at : -1;
    this.pages.set(page, found);
    return found;
  }
}
