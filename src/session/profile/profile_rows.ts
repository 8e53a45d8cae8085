// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { SymbolPlace } from '../../intrinsics/texts/symbol_place.js';
import type { ProfileRecorder, ProfileSample } from './profile_recorder.js';

/** What names need besides what was recorded. */
export interface ProfileNames {
  /** Of contributions and exit handlers, as the VMM numbers them. */
  readonly handlers: readonly string[];
  /** What is at an address of the guest. */
  readonly symbol: (address: bigint) => SymbolPlace | undefined;
}

/** On which side of the kernel's border code is. */
export type Side = 'kernel' | 'user';

/** A function of the guest. */
export interface CodeName {
  readonly name: string;
  /** The module of the guest's kernel, or an empty text. */
  readonly module: string;
}

/** A piece of the guest's code that a processor was in. */
export interface ProfiledCode {
  readonly processor: number;
  /** The address space, in words. */
  readonly space: string;
  readonly side: Side;
  readonly name: string;
  /** The module of the guest's kernel, or an empty text. */
  readonly module: string;
  /** Who called it, the outermost first; empty where nobody knows. */
  readonly callers: readonly CodeName[];
  readonly samples: number;
}

/** VM exits of a processor, of one reason and by one handler. */
export interface ProfiledExits {
  readonly processor: number;
  readonly reason: string;
  readonly handler: string;
  readonly count: number;
  /** Milliseconds of the host's time. */
  readonly hostTime: number;
}

/** The privilege level of processes. */
const USER = 3;

/** Code without a name is one piece at each side of the kernel's border. */
const nameless: Readonly<Record<Side, string>> = { kernel: '(kernel code)', user: '(user code)' };

const sideOf = ({ privilege }: ProfileSample): Side => (privilege === USER ? 'user' : 'kernel');
const spaceOf = ({ space }: ProfileSample): string => (space === undefined ? 'no paging' : `CR3 ${hex(space)}`);

/** Names of code. Each address is looked up once. */
class CodeNames {
  private readonly known = new Map<bigint, SymbolPlace | undefined>();

  constructor(private readonly symbol: ProfileNames['symbol']) {}

  of(address: bigint, side: Side): CodeName {
    if (!this.known.has(address)) this.known.set(address, this.symbol(address));
    const { name = nameless[side], module = '' } = this.known.get(address) ?? {};
    return { name, module };
  }
}

/** The code in which the processors were, the most frequent first. */
export function profiledCode(recorder: ProfileRecorder, { symbol }: Pick<ProfileNames, 'symbol'>): ProfiledCode[] {
  const names = new CodeNames(symbol);
  const chains = new Map<number, readonly CodeName[]>();
  const rows = new Map<string, { -readonly [K in keyof ProfiledCode]: ProfiledCode[K] }>();
  for (let index = 0; index < recorder.size; index++) {
    const sample = recorder.at(index);
    const { processor, rip, chain } = sample;
    const [space, side] = [spaceOf(sample), sideOf(sample)];
    const { name, module } = names.of(rip, side);
    const key = [processor, space, side, module, name, chain].join('\n');
    const row = rows.get(key);
    if (row !== undefined) {
      row.samples++;
      continue;
    }
    const callers =
      chains.get(chain) ??
      recorder
        .callersOf(chain)
        .map((caller) => names.of(caller, side))
        .reverse();
    chains.set(chain, callers);
    rows.set(key, { processor, space, side, name, module, callers, samples: 1 });
  }
  return sorted([...rows.values()]);
}

/** Each function that was executed or had called what was, once a sample. */
export function withCallers(code: readonly ProfiledCode[]): ProfiledCode[] {
  return code.flatMap((row) => {
    const all = new Map([...row.callers, row].map(({ name, module }) => [`${name} ${module}`, { name, module }]));
    return [...all.values()].map((each) => ({ ...row, ...each }));
  });
}

/** Rows of code with the same key are one row, which has the words of the first of them. @returns the most frequent first */
export function mergedCode(code: readonly ProfiledCode[], keyOf: (row: ProfiledCode) => string): ProfiledCode[] {
  const merged = new Map<string, ProfiledCode>();
  for (const row of code) {
    const key = keyOf(row);
    const samples = row.samples + (merged.get(key)?.samples ?? 0);
    merged.set(key, { ...(merged.get(key) ?? row), samples });
  }
  return sorted([...merged.values()]);
}

const sorted = (rows: ProfiledCode[]): ProfiledCode[] =>
  rows.sort((a, b) => b.samples - a.samples || (a.name < b.name ? -1 : 1));

/** VM exits by reason and handler, the most frequent first. */
export function profiledExits(
  { exits }: ProfileRecorder,
  { handlers }: Pick<ProfileNames, 'handlers'>,
): ProfiledExits[] {
  return exits
    .flatMap((counts, processor) =>
      counts.all().map(({ reason, handler, count, hostTime }) => ({
        processor,
        reason: exitReasonName(reason),
        handler: handlers[handler - 1] ?? '-',
        count,
        hostTime,
      })),
    )
    .sort((a, b) => b.count - a.count);
}
