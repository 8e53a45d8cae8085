// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import type { SymbolPlace } from '../../intrinsics/texts/symbol_place.js';
import type { ProfileRecorder } from './profile_recorder.js';

/** What names need besides what was recorded. */
export interface ProfileNames {
  /** Of contributions and exit handlers, as the VMM numbers them. */
  readonly handlers: readonly string[];
  /** What is at an address of the guest. */
  readonly symbol: (address: bigint) => SymbolPlace | undefined;
}

/** A piece of the guest's code that a processor was in. */
export interface ProfiledCode {
  readonly processor: number;
  readonly name: string;
  /** The module of the guest's kernel, or an empty text. */
  readonly module: string;
  readonly samples: number;
}

/** VM exits of a processor, of one reason and by one handler. */
export interface ProfiledExits {
  readonly processor: number;
  readonly reason: string;
  readonly handler: string;
  readonly count: number;
}

/** The privilege level of processes. */
const USER = 3;

/** Code without a name is one piece at each side of the kernel's border. */
const namelessCode = (privilege: number): string => (privilege === USER ? '(user code)' : '(kernel code)');

/** The code in which the processors were, the most frequent first. */
export function profiledCode(recorder: ProfileRecorder, { symbol }: Pick<ProfileNames, 'symbol'>): ProfiledCode[] {
  const places = new Map<bigint, SymbolPlace | undefined>();
  const rows = new Map<string, { -readonly [K in keyof ProfiledCode]: ProfiledCode[K] }>();
  for (let index = 0; index < recorder.size; index++) {
    const { processor, privilege, rip } = recorder.at(index);
    if (!places.has(rip)) places.set(rip, symbol(rip));
    const { name = namelessCode(privilege), module = '' } = places.get(rip) ?? {};
    const key = `${processor} ${module} ${name}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { processor, name, module, samples: 1 });
    else row.samples++;
  }
  return [...rows.values()].sort((a, b) => b.samples - a.samples || (a.name < b.name ? -1 : 1));
}

/** VM exits by reason and handler, the most frequent first. */
export function profiledExits(
  { exits }: ProfileRecorder,
  { handlers }: Pick<ProfileNames, 'handlers'>,
): ProfiledExits[] {
  return exits
    .flatMap((counts, processor) =>
      counts.all().map(({ reason, handler, count }) => ({
        processor,
        reason: exitReasonName(reason),
        handler: handlers[handler - 1] ?? '-',
        count,
      })),
    )
    .sort((a, b) => b.count - a.count);
}
