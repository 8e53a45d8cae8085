// SPDX-License-Identifier: LGPL-2.1-only
/**
 * A piece of a template:
 *   ['x', base64]        bytes as they are
 *   ['l', opcode, index] local.get/set/tee of one of the template's locals
 *   ['k', value]         i32.const
 *   ['s', slot, offset]  i32.const of a register's slot address (+ offset): 'a', 'b', 'c', 'segment'
 *   ['o', slot, offset]  the same as the offset of a load or store
 *   ['get' | 'set', bits, slot, offset]  register access; slot a fixed address (number) or 'a', 'b', 'c'
 *   ['m', name, depth]   another marker, and how many labels of the template enclose it
 *   ['ret', depth]       return
 */
export type TemplateToken = readonly [string, ...(string | number)[]];

/** A template, ready to paste. */
export interface Template {
  readonly name: string;
  readonly class: string;
  /** Value types of the locals. */
  readonly locals: readonly number[];
  /** Locals that must be set to 0 first: they may be read before they are written. */
  readonly zero: readonly number[];
  readonly tokens: readonly TemplateToken[];
  /** It leaves its body early: wrap it in a block. */
  readonly returns: boolean;
  /** Value type of the result, 0 if none. */
  readonly result: number;
}

/** Markers that set the arithmetic flags of their operands. A template of their own says how. */
export const flagSetterNames = ['fAdd', 'fSub', 'fInc', 'fDec', 'fLogic'] as const;
export type FlagSetter = (typeof flagSetterNames)[number];

/** In a flag setter's template: the markers of its operands, in the order of the setter's arguments. */
export const flagOperands = ['operand0', 'operand1', 'operand2'] as const;

/** Templates of what compiled regions do between instructions: which region goes on at a RIP (0: none), and whether a branch may go to its target. */
export const helperNames = ['regionAt', 'farTarget'] as const;
export type HelperName = (typeof helperNames)[number];
