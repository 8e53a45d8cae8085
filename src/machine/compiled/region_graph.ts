// SPDX-License-Identifier: LGPL-2.1-only
// What a region consists of: the blocks of one page that can be reached from its head by direct branches, by calls into the page, and by the
// returns from these. A block is there once for each stack of return addresses with which it is reached.
import type { CompiledForms } from './compiled_forms.js';
import type { DecodedCode, DecodedInstruction } from './decoded_code.js';
import { RECORD_BYTES } from '../layout/record_format.js';
import { PAGE_BYTES } from '../memory/page_contents.js';

/** Control leaves the region for an offset from the page's first byte. */
export interface RegionExit {
  readonly exit: number;
  /** By a branch, which faults where its target is not canonical. */
  readonly isBranch: boolean;
}
export type RegionEdge = RegionBlock | RegionExit;

/** How a block ends. */
export type BlockEnd =
  | { readonly kind: 'goto'; readonly to: RegionEdge }
  /** The last instruction is a conditional branch. */
  | { readonly kind: 'branch'; readonly taken: RegionEdge; readonly next: RegionEdge }
  /** The last instruction says where to go on; `expected`: the return address that an inlined call has pushed. */
  | { readonly kind: 'computed'; readonly expected?: { readonly offset: number; readonly to: RegionEdge } }
  /** The next instruction is the interpreter's. */
  | { readonly kind: 'leave'; readonly offset: number };

/** A block of a region. */
export interface RegionBlock {
  readonly offset: number;
  /** Offsets of the return addresses that inlined calls have pushed. */
  readonly returns: readonly number[];
  readonly instructions: DecodedInstruction[];
  end: BlockEnd;
}

export const isExit = (edge: RegionEdge): edge is RegionExit => 'exit' in edge;

/** The most instructions and blocks of a region, and the most calls that are inlined in each other. */
export const RegionLimits = { instructions: 400, blocks: 60, calls: 4 } as const;

/** Whether an offset from a page's first byte is in the page. */
export const inPage = (offset: number): boolean => offset >= 0 && offset < PAGE_BYTES;

/** Builds the graph of one region. */
class GraphBuilder {
  readonly blocks = new Map<string, RegionBlock>();
  private instructions = 0;

  constructor(
    private readonly code: DecodedCode,
    private readonly forms: CompiledForms,
    private readonly index: number,
  ) {}

  edge(offset: number, returns: readonly number[], isBranch: boolean): RegionEdge {
    if (!inPage(offset)) return { exit: offset, isBranch };
    const key = [offset, ...returns].join();
    const known = this.blocks.get(key);
    if (known !== undefined) return known;
    const head = this.headAt(offset);
    const { instructions, blocks } = RegionLimits;
    if (head === 0 || this.instructions >= instructions || this.blocks.size >= blocks)
      return { exit: offset, isBranch };
    const block: RegionBlock = { offset, returns, instructions: [], end: { kind: 'leave', offset } };
    this.blocks.set(key, block);
    this.fill(block, head);
    return block;
  }

  private headAt(offset: number): number {
    const head = this.code.headAt(this.index, offset);
    return head !== 0 && this.code.formOf(head) === this.forms.region ? this.code.linkOf(head) : head;
  }

  private fill(block: RegionBlock, head: number): void {
    for (let record = head; ; record += RECORD_BYTES) {
      const instruction = this.code.read(record);
      if (this.forms.isReserved(instruction.form)) {
        const { pageOffset } = instruction;
        if (instruction.form === this.forms.next)
          block.end = { kind: 'goto', to: this.edge(pageOffset, block.returns, false) };
        else block.end = { kind: 'leave', offset: pageOffset };
        return;
      }
      const kind = this.forms.kindOf(instruction);
      const isCalled = kind === 'handled' || kind === 'resumed';
      const call = isCalled ? this.code.handlerCall(record, kind === 'resumed', this.forms.next) : undefined;
      if (kind === undefined || (isCalled && call === undefined)) {
        block.end = { kind: 'leave', offset: instruction.pageOffset };
        return;
      }
      block.instructions.push(call === undefined ? instruction : { ...instruction, call });
      this.instructions++;
      if (kind === 'plain' || kind === 'handled') continue;
      block.end = this.endOf(block, instruction, kind);
      return;
    }
  }

  private endOf(block: RegionBlock, instruction: DecodedInstruction, kind: string): BlockEnd {
    const { returns } = block;
    const next = instruction.pageOffset + instruction.length;
    const target = next + instruction.immediate;
    if (kind === 'jcc')
      return { kind: 'branch', taken: this.edge(target, returns, true), next: this.edge(next, returns, false) };
    if (kind === 'resumed') return { kind: 'goto', to: this.edge(next, returns, false) };
    if (kind === 'jmp') return { kind: 'goto', to: this.edge(target, returns, true) };
    if (kind === 'call') {
      // CALL itself has checked its target
      const to = this.canInline(returns)
        ? this.edge(target, [...returns, next], false)
        : { exit: target, isBranch: false };
      return { kind: 'goto', to };
    }
    const offset = returns.at(-1);
    if (offset === undefined || !inPage(offset)) return { kind: 'computed' };
    return { kind: 'computed', expected: { offset, to: this.edge(offset, returns.slice(0, -1), false) } };
  }

  private canInline(returns: readonly number[]): boolean {
    return returns.length < RegionLimits.calls;
  }
}

/**
 * The graph of the region that begins at an offset of a page. `index`: the page's, see `DecodedCode`.
 * @returns undefined if its first instruction cannot begin a region
 */
export function regionGraph(
  code: DecodedCode,
  forms: CompiledForms,
  index: number,
  offset: number,
): RegionBlock | undefined {
  const root = new GraphBuilder(code, forms, index).edge(offset, [], false);
  if (isExit(root)) return undefined;
  const [first] = root.instructions;
  // What ends its block and stops the processor, as a VM exit does, must not look like a region that has executed nothing.
  return first === undefined || first.call?.endsBlock === true ? undefined : root;
}
