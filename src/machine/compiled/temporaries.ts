// SPDX-License-Identifier: LGPL-2.1-only
// The locals of templates have fixed numbers in each region, so that a template's bytes can be made once.
import { ValueType } from '../wasm_format.js';

/** Parameters of a region's function: budget, RIP. */
export const PARAMETERS = 2;

/** Whose locals: an instruction's, or a flag setter's, which may be pasted in the middle of one. */
export type Pool = 'instruction' | 'flags';

/** How many locals of a type each has at most. */
const pools: readonly (readonly [pool: Pool, type: number, count: number])[] = [
  ['instruction', ValueType.I64, 10],
  ['instruction', ValueType.I32, 8],
  ['instruction', ValueType.V128, 8],
  ['flags', ValueType.I64, 3],
];

/** The types of these locals, which are the first ones of a function. */
export const temporaryTypes: readonly number[] = pools.flatMap(([, type, count]) => Array<number>(count).fill(type));

/** The numbers of the locals of these types. @throws RangeError if a template has more of them than there are */
export function temporaries(types: readonly number[], pool: Pool): number[] {
  const used = new Map<number, number>();
  return types.map((type) => {
    let first = PARAMETERS;
    for (const [name, each, count] of pools) {
      const index = used.get(type) ?? 0;
      if (name === pool && each === type && index < count) {
        used.set(type, index + 1);
        return first + index;
      }
      first += count;
    }
    throw new RangeError(`a template has more locals of type 0x${type.toString(16)} than there are in '${pool}'`);
  });
}
