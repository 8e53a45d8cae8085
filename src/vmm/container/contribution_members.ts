// SPDX-License-Identifier: LGPL-2.1-only
// Users' files are not type-checked when they are loaded. A misspelt method would be missed at the first exit, or never, and a member of another
// type would end in an error that names nothing of the user's.
import type { ContributionMembers } from '../../intrinsics/component.js';
import type { Contribution } from './contribution.js';
import { ContributionOrderError, MemberTypeError, MissingMemberError } from './load_errors.js';

/** A contribution with the file that it came from. */
export interface NamedContribution {
  readonly contribution: Contribution;
  readonly file: string;
}

const largestNumber = 2 ** 32 - 1;

/** A value as text for people: `a function`, `a list with 'x'`, `5`. */
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The class of a contribution, in brackets; nothing for an object without one. */
function classText(contribution: unknown): string {
  if (typeof contribution !== 'object' || contribution === null) return '';
  const type = (contribution as { constructor?: unknown }).constructor;
  return typeof type === 'function' && type !== Object ? ` (class ${type.name})` : '';
}

function isAccessor(object: object, name: string): boolean {
  for (let at: unknown = object; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at)) {
    const own = Object.getOwnPropertyDescriptor(at, name);
    if (own !== undefined) return own.get !== undefined;
  }
  return false;
}

/** Checks what all contributions have: their name and their place in the order. @throws ContributionOrderError */
export function checkPlace(point: string, { contribution, file }: NamedContribution): void {
  const refuse = (what: string): never => {
    throw new ContributionOrderError(`${file}: a contribution to ${point}${classText(contribution)} ${what}`, [file]);
  };
  if (typeof contribution !== 'object' || contribution === null) refuse(`is ${shown(contribution)}, not an object`);
  const read = (member: keyof Contribution): unknown => {
    try {
      return contribution[member];
    } catch (error) {
      return refuse(`has a getter '${member}' that threw before anything was injected (${String(error)})`);
    }
  };
  const name = read('name');
  if (name === undefined || name === '') refuse("has no name: give it a member 'name'");
  if (typeof name !== 'string') refuse(`has ${shown(name)} for its member 'name': it must be a text`);
  for (const member of ['before', 'after'] as const) {
    const others = read(member);
    if (others === undefined) continue;
    const wrong = Array.isArray(others) ? others.find((each) => typeof each !== 'string') : others;
    if (Array.isArray(others) && wrong === undefined && others.every((each) => typeof each === 'string')) continue;
    const found = Array.isArray(others) ? `a list with ${shown(wrong)}` : shown(others);
    refuse(`has ${found} for its member '${member}': it must be a list of the names of contributions`);
  }
}

/** Checks the members of one contribution. */
class MemberCheck {
  private readonly who: string;

  constructor(
    point: string,
    private readonly given: NamedContribution,
    private readonly isInjected: boolean,
  ) {
    const { contribution, file } = given;
    this.who = `${file}: the contribution '${contribution.name}'${classText(contribution)} to ${point} has`;
  }

  has(name: string): boolean {
    return name in this.given.contribution;
  }

  require(names: readonly string[]): void {
    if (names.some((name) => this.has(name))) return;
    const missing = names.length === 1 ? `no ${names[0]}` : `none of ${names.join(', ')}`;
    throw new MissingMemberError(`${this.who} ${missing}`, [this.given.file]);
  }

  /** @param fits whether a value is one that the VMM can use; @param wanted the same in words */
  type(name: string, fits: (value: unknown) => boolean, wanted: string): void {
    if (!this.has(name)) return;
    // A getter may use what is injected.
    if (!this.isInjected && isAccessor(this.given.contribution, name)) return;
    const value = this.read(name);
    if (!fits(value)) this.refuse(`${shown(value)} for its member '${name}': it must be ${wanted}`);
  }

  numbers(name: string): void {
    this.require([name]);
    this.type(name, (value) => Array.isArray(value) || ArrayBuffer.isView(value), 'a list of whole numbers');
    if (!this.isInjected && isAccessor(this.given.contribution, name)) return;
    for (const number of this.read(name) as Iterable<unknown>)
      if (!Number.isInteger(number) || (number as number) < 0 || (number as number) > largestNumber)
        this.refuse(`${shown(number)} in its member '${name}': it must be a list of whole numbers of 32 bits`);
  }

  private read(name: string): unknown {
    try {
      return (this.given.contribution as unknown as Record<string, unknown>)[name];
    } catch (error) {
      return this.refuse(`a getter '${name}' that threw (${String(error)})`);
    }
  }

  private refuse(what: string): never {
    throw new MemberTypeError(`${this.who} ${what}`, [this.given.file]);
  }
}

const isFunction = (value: unknown): boolean => typeof value === 'function';

/**
 * Checks what a point reads from its contributions.
 *
 * @param members as the contribution point declares them.
 * @param isInjected false for an instance that was made to read its name: its getters are not called.
 * @throws MissingMemberError, MemberTypeError that name file, contribution, class and member.
 */
export function checkMembers(
  point: string,
  members: ContributionMembers,
  given: NamedContribution,
  isInjected = false,
): void {
  const check = new MemberCheck(point, given, isInjected);
  for (const name of members.numbers) check.numbers(name);
  for (const name of members.methods) check.require([name]);
  if (members.someOf.length > 0) check.require(members.someOf);
  const optional = [...members.someOf, ...members.optional];
  for (const name of members.methods) check.type(name, isFunction, 'a method');
  for (const name of optional) check.type(name, (value) => value === undefined || isFunction(value), 'a method');
  for (const name of members.switches)
    check.type(name, (value) => value === undefined || typeof value === 'boolean', 'true or false');
}

/** The members that the container itself calls on every part, whatever it is. */
const lifeMembers: readonly (readonly [key: string | symbol, name: string])[] = [
  ['attach', 'attach'],
  [Symbol.dispose, '[Symbol.dispose]'],
];

/** Checks what the container calls on a part that it made. @throws MemberTypeError that names file, class and member */
export function checkLifeMembers(part: object, file: string): void {
  for (const [key, name] of lifeMembers) {
    const value = (part as Record<string | symbol, unknown>)[key];
    if (value === undefined || isFunction(value)) continue;
    throw new MemberTypeError(
      `${file}: a part${classText(part)} has ${shown(value)} for its member '${name}': it must be a method`,
      [file],
    );
  }
}
