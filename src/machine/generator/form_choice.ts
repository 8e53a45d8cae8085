// SPDX-License-Identifier: LGPL-2.1-only
import type { RowOptions } from '../instructions/row.js';
import type { Declaration } from './declarations.js';
import type { Operand } from './operand.js';

/** The sizes and kind that distinguish one form of a row. */
export interface Choice {
  readonly memory: boolean;
  /** Operand size: 0 u16, 1 u32, 2 u64. */
  readonly size: number;
  /** Address size, or the stack pointer's width: 0 u16, 1 u32, 2 u64. */
  readonly address: number;
  /** 0 none, 1 F3, 2 F2. */
  readonly rep: number;
}

/** A size letter (v, z, y, fixed) and the AssemblyScript type where it is fixed. */
export interface SizedType {
  readonly size: Operand['size'];
  readonly type: string;
}

/** In which ways a row's forms differ from each other. */
export interface Dimensions {
  readonly hasKinds: boolean;
  readonly hasSizes: boolean;
  readonly hasAddresses: boolean;
  readonly hasReps: boolean;
}

/** AssemblyScript types by Choice.size and Choice.address. */
export const sizeTypes = ['u16', 'u32', 'u64'] as const;

/** The type an operand (or T) has under a choice of size. */
export function typeAt({ size, type }: SizedType, choice: Choice): string {
  if (size === 'v') return sizeTypes[choice.size]!;
  if (size === 'z') return sizeTypes[Math.min(choice.size, 1)]!;
  if (size === 'y') return sizeTypes[Math.max(choice.size, 1)]!;
  return type;
}

const sizeLetters: Readonly<Record<string, SizedType>> = {
  b: { size: 'fixed', type: 'u8' },
  w: { size: 'fixed', type: 'u16' },
  d: { size: 'fixed', type: 'u32' },
  q: { size: 'fixed', type: 'u64' },
  v: { size: 'v', type: '' },
  z: { size: 'z', type: '' },
  y: { size: 'y', type: '' },
};

const varies = (sized: SizedType | undefined): boolean => ['v', 'z', 'y'].includes(sized?.size ?? '');

/** Where T comes from: the options, the first operand that varies (immediates last), the first that has a size. */
export function sizeOfRow(operands: readonly Operand[], options: RowOptions): SizedType {
  if (options.type !== undefined) return { size: 'fixed', type: options.type };
  if (options.size !== undefined) return sizeLetters[options.size]!;
  const varying = operands.filter(varies);
  const chosen =
    varying.find((operand) => operand.shape !== 'immediate' && operand.shape !== 'branch') ??
    varying[0] ??
    operands.find((operand) => operand.size !== '');
  return chosen ? { size: chosen.size, type: chosen.type } : { size: '', type: '' };
}

/** Direct branches differ by operand size although no operand has that size: the target is cut to 16 bits. */
export function isDirectBranch(options: RowOptions): boolean {
  return ['jcc', 'jmp', 'call'].includes(options.class ?? '');
}

/** The dimensions of a row with these semantics. */
export function dimensionsOf(
  operands: readonly Operand[],
  options: RowOptions,
  rowSize: SizedType,
  declaration: Declaration | undefined,
): Dimensions {
  const has = (name: string): boolean => declaration?.typeParameters.includes(name) ?? false;
  const sizes = [has('T') && varies(rowSize), has('U') && varies(operands[1]), has('V') && varies(operands[2])];
  return {
    hasKinds: operands.some((operand) => operand.shape === 'either'),
    hasSizes: sizes.includes(true) || isDirectBranch(options) || operands.some((operand) => operand.isWide),
    hasAddresses: has('A'),
    hasReps: declaration?.parameters.some((parameter) => parameter.name === 'rep') ?? false,
  };
}

/** All choices of a row, in the order of the decoder's table. */
export function choicesOf(dimensions: Dimensions, operands: readonly Operand[]): Choice[] {
  const choices: Choice[] = [];
  const fixedKind = operands.some((operand) => operand.shape === 'memory');
  for (const memory of dimensions.hasKinds ? [false, true] : [fixedKind]) {
    for (const size of dimensions.hasSizes ? [0, 1, 2] : [2]) {
      for (const address of dimensions.hasAddresses ? [0, 1, 2] : [2]) {
        for (const rep of dimensions.hasReps ? [0, 1, 2] : [0]) choices.push({ memory, size, address, rep });
      }
    }
  }
  return choices;
}

/** False for a combination that no mode can encode. */
export function isPossible(choice: Choice, options: RowOptions, dimensions: Dimensions, rowSize: SizedType): boolean {
  const is64 = choice.address === 2 || !dimensions.hasAddresses;
  if (dimensions.hasAddresses && options.stack && rowSize.size === 'v') {
    // 64-bit mode: stack pointer of 64 bits, often no 32-bit operand; elsewhere there is no 64-bit operand
    if (choice.size === 2 && !is64) return false;
    if ((options.default64 || options.force64) && choice.size === 1 && is64) return false;
  }
  if (options.mode !== 'not64') return true;
  return !(dimensions.hasAddresses && choice.address === 2) && !(rowSize.size === 'v' && choice.size === 2);
}
