// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../../machine/pc.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import { orcCallers, type ReadWord } from '../../machine/symbols/orc_callers.js';
import type { OrcTables } from '../../machine/symbols/orc_tables.js';
import { KERNEL_HALF } from '../../machine/symbols/symbol_table.js';

/** Callers of one sample. */
const MOST_CALLERS = 64;
/** Different chains that are kept. Later ones are cut where they leave those. */
const MOST_CHAINS = 500_000;
/** Samples in the kernel between two looks for its tables: before it has set itself up, there are none. */
const LOOKS = 256;
/** The chain of what nobody is known to have called. */
export const NO_CALLERS = 0;

const PAGE = 0xfffn;
const USER = 3;

/** Who called what processors execute in a Linux kernel that has ORC tables. A chain is a number; those with the same callers are the same. */
export class CallChains {
  private tables: OrcTables | undefined;
  private samples = 0;
  /** Of each chain: its last caller, and the chain of that. */
  private readonly callers: bigint[] = [0n];
  private readonly outer: number[] = [NO_CALLERS];
  private readonly known = new Map<string, number>();

  /** @param most chains that are kept */
  constructor(
    private readonly pc: Pc,
    private readonly most = MOST_CHAINS,
  ) {}

  /** The callers of the instruction that comes next. Precondition: the processor is loaded. */
  at({ core: { block } }: LogicalProcessor): number {
    const rip = block.get('RIP');
    if (block.get('CPL') === USER || rip < KERNEL_HALF) return NO_CALLERS;
    if (this.tables === undefined && this.samples++ % LOOKS === 0) this.tables = this.pc.symbols.own.callTables();
    if (this.tables === undefined) return NO_CALLERS;
    const place = { rip, rsp: block.get('RSP'), rbp: block.get('RBP') };
    const callers = orcCallers(this.tables, place, this.reader(), MOST_CALLERS);
    return callers.reduceRight((chain, caller) => this.with(chain, caller), NO_CALLERS);
  }

  /** The callers of a chain, the last one first. */
  of(chain: number): bigint[] {
    const callers: bigint[] = [];
    for (let at = chain; at !== NO_CALLERS; at = this.outer[at]!) callers.push(this.callers[at]!);
    return callers;
  }

  private with(outer: number, caller: bigint): number {
    const key = `${outer} ${caller}`;
    const known = this.known.get(key);
    if (known !== undefined || this.known.size === this.most) return known ?? outer;
    const chain = this.callers.push(caller) - 1;
    this.outer.push(outer);
    this.known.set(key, chain);
    return chain;
  }

  /** Most words of one sample are in the same page. */
  private reader(): ReadWord {
    const { core } = this.pc;
    let page = -1n;
    let offset = -1;
    return (address) => {
      if ((address & 7n) !== 0n) return undefined;
      if ((address & ~PAGE) !== page) {
        page = address & ~PAGE;
        const physical = core.translate(BigInt.asUintN(64, page));
        offset = physical < 0 ? -1 : core.physicalOffset(physical);
      }
      return offset < 0 ? undefined : core.u64[(offset + Number(address & PAGE)) / 8];
    };
  }
}
