// SPDX-License-Identifier: LGPL-2.1-only
import { VmcallError } from 'bareflank';

/** The arguments of a JSON command, or R04 under every name. */
export type Arguments = Readonly<Record<string, unknown>>;

/** An argument that is a number: its field, and the largest value. */
export interface NumberArgument {
  readonly name: string;
  readonly largest: number;
}

export const portArgument: NumberArgument = { name: 'port', largest: 0xffff };
/** The values that ECX can hold. The owner knows which MSRs have bits. */
export const msrArgument: NumberArgument = { name: 'msr', largest: 0xffffffff };

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : JSON.stringify(value);
}

function range({ largest }: NumberArgument): string {
  return `a whole number from 0 to 0x${largest.toString(16).toUpperCase()}`;
}

function numberFrom(value: unknown, field: string, argument: NumberArgument): number {
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  if (isNumber && value >= 0 && value <= argument.largest) return Number(value);
  throw new VmcallError(
    `"${field}" is ${show(value)}; wanted ${range(argument)}, or "${field}_hex" in hexadecimal digits`,
  );
}

function hexFrom(text: unknown, field: string, argument: NumberArgument): number {
  const value = typeof text === 'string' && /^(0x)?[0-9a-f]+$/i.test(text) ? parseInt(text, 16) : -1;
  if (value >= 0 && value <= argument.largest) return value;
  throw new VmcallError(`"${field}_hex" is ${show(text)}; wanted ${range(argument)}, a text of hexadecimal digits`);
}

function parse(argument: NumberArgument, field: string, isHex: boolean, value: unknown): number {
  return isHex ? hexFrom(value, field, argument) : numberFrom(value, field, argument);
}

/** The field `name_hex` in hexadecimal, else `name`. @throws VmcallError */
export function numberOf(all: Arguments, argument: NumberArgument): number {
  const { name } = argument;
  const isHex = all[`${name}_hex`] !== undefined;
  return parse(argument, name, isHex, all[isHex ? `${name}_hex` : name]);
}

/** The list `names_hex` of texts in hexadecimal, else `names`. @throws VmcallError */
export function numbersOf(all: Arguments, argument: NumberArgument): number[] {
  const name = `${argument.name}s`;
  const isHex = all[`${name}_hex`] !== undefined;
  const field = isHex ? `${name}_hex` : name;
  const list = all[field];
  if (!Array.isArray(list)) throw new VmcallError(`"${field}" is ${show(list)}; wanted a list`);
  return list.map((each: unknown) => parse(argument, name, isHex, each));
}

/** The field `enabled`. @throws VmcallError */
export function flagOf(all: Arguments): boolean {
  if (typeof all.enabled === 'boolean') return all.enabled;
  throw new VmcallError(`"enabled" is ${show(all.enabled)}; wanted true or false`);
}

/** The edit distance: how many characters to insert, remove or replace to turn one text into the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++) {
      const change = row[to - 1]! + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min(change, row[to]! + 1, next[to - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}

/** The name closest to a misspelt one, if one is close enough. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  if (name.length > 100) return undefined;
  const ranked = names.map((each) => ({ each, far: distance(name, each) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= 3 ? best.each : undefined;
}
