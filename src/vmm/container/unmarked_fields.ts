// SPDX-License-Identifier: LGPL-2.1-only
import { deepCopy } from '../state/deep_copy.js';
import { contentIsSeen, equalData } from '../state/equal_data.js';
import { markedFields } from '../state/state.js';
import { baseOf, injectionsOf, type PartClass } from './injections.js';

/** A field that no snapshot would hold. */
export interface UnmarkedField {
  /** The class that was made, or the contribution that was bound as a value. */
  readonly owner: string;
  readonly field: string;
  /** What is wrong with it: `changed from 0 to 3`. */
  readonly why: string;
}

/** An object whose unmarked fields may not change. */
interface Watched {
  readonly owner: string;
  readonly object: object;
  /** Names of fields that are injected or marked. */
  readonly aside: ReadonlySet<string>;
  readonly before: ReadonlyMap<string, unknown>;
}

/** Private members that code reads or writes: nobody outside the class can. */
const privateMembers = /\.\s*(#[\w$]+)(?![\w$])(?!\s*\()/g;

/**
 * The same as esbuild writes it for a class with decorators: the member is a WeakMap of the module, or a WeakSet with one of these endings for methods and
 * accessors.
 */
const bundledPrivateField = /\b__private(?:Get|Set|Wrapper)\([^,()]*, _((?![\w$]*_(?:instances|static)\b)[\w$]+)/;

/** A private field in the source of a class. Private methods and accessors are none. */
function privateFieldIn(source: string): string | undefined {
  const members = [...source.matchAll(privateMembers)].map(([, name]) => name!);
  const isAccessor = (name: string): boolean => source.includes(`get ${name}(`) || source.includes(`set ${name}(`);
  const [, bundled] = bundledPrivateField.exec(source) ?? [];
  return members.find((name) => !isAccessor(name)) ?? (bundled === undefined ? undefined : `#${bundled}`);
}

const fieldsOfClasses = new WeakMap<object, string | null>();

/** A private field of a class. */
function privateFieldOf(type: object): string | undefined {
  let field = fieldsOfClasses.get(type);
  if (field === undefined) {
    field = privateFieldIn(Function.prototype.toString.call(type)) ?? null;
    fieldsOfClasses.set(type, field);
  }
  return field ?? undefined;
}

/** Objects that a value holds. */
function heldBy(value: object): unknown[] {
  if (value instanceof Map || value instanceof Set) return [...value.entries()].flat();
  return ArrayBuffer.isView(value) ? [] : Object.values(value);
}

function classesOf(part: object): PartClass[] {
  const result: PartClass[] = [];
  let type: PartClass | undefined = part.constructor as PartClass;
  for (; type !== undefined && type !== (Object as unknown); type = baseOf(type)) result.push(type);
  return result;
}

function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (value instanceof Map || value instanceof Set) return `a ${value.constructor.name} of ${value.size}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? `an instance of ${value.constructor?.name}` : String(value);
}

/**
 * The fields of parts that are neither injected nor marked, as they are once a container is made: a restored container begins with the same values.
 * Looks at each own enumerable field, with all that its value leads to, and at static fields of the parts' classes. It cannot look into
 * closures and variables of modules.
 */
export class UnmarkedFields {
  private readonly watched: Watched[] = [];
  private readonly atoms: ReadonlySet<object>;
  private readonly isAtom = (value: object): boolean => this.atoms.has(value);

  /**
   * @param parts that a container made.
   * @param values contributions that were bound as values.
   * @param others parts that these lead to and that have their own place, such as those of the parent.
   */
  constructor(parts: Iterable<object>, values: Iterable<object>, others: Iterable<object>) {
    const [own, constants] = [[...parts], [...values]];
    this.atoms = new Set([...own, ...constants, ...others]);
    for (const part of own) this.watchPart(part);
    for (const value of constants) this.watch(`the contribution '${String(Reflect.get(value, 'name'))}'`, value);
    for (const type of new Set(own.flatMap(classesOf))) this.watch(`class ${type.name}, static`, type);
  }

  /** The fields that have changed, and those that nobody can compare. */
  changed(): UnmarkedField[] {
    return [...this.watched.flatMap((each) => this.changedOf(each)), ...this.privateFields()];
  }

  private watchPart(part: object): void {
    const injected = injectionsOf(part.constructor as PartClass).properties.map(({ property }) => property);
    this.watch(part.constructor.name, part, [...injected, ...markedFields(part).keys()]);
  }

  private watch(owner: string, object: object, names: readonly string[] = []): void {
    const aside = new Set(names);
    const before = new Map(
      fieldsOf(object, aside).map((field) => [field, deepCopy(Reflect.get(object, field), this.isAtom)]),
    );
    this.watched.push({ owner, object, aside, before });
  }

  private changedOf({ owner, object, aside, before }: Watched): UnmarkedField[] {
    const names = new Set([...before.keys(), ...fieldsOf(object, aside)]);
    return [...names].flatMap((field) => {
      const why = this.whyChanged(before.get(field), Reflect.get(object, field));
      return why === undefined ? [] : [{ owner, field, why }];
    });
  }

  private whyChanged(before: unknown, now: unknown): string | undefined {
    if (!equalData(before, now, this.isAtom)) {
      const [old, present] = [shown(before), shown(now)];
      return old === present ? `has another content (${old})` : `changed from ${old} to ${present}`;
    }
    const hidden = this.privateIn(now, new Set());
    if (hidden !== undefined) return hidden;
    const isHidden = typeof now === 'object' && now !== null && !this.isAtom(now) && !contentIsSeen(now);
    return isHidden ? `holds ${shown(now)}, whose content cannot be compared` : undefined;
  }

  /** Whether a value leads to an instance of a class with a private field. */
  private privateIn(value: unknown, seen: Set<unknown>): string | undefined {
    if (typeof value !== 'object' || value === null || this.isAtom(value) || seen.has(value)) return undefined;
    seen.add(value);
    for (const type of classesOf(value)) {
      const field = typeof type === 'function' ? privateFieldOf(type) : undefined;
      if (field !== undefined) return `holds an instance of ${type.name}, whose ${field} nobody can save`;
    }
    for (const each of heldBy(value)) {
      const found = this.privateIn(each, seen);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private privateFields(): UnmarkedField[] {
    const types = new Set(this.watched.flatMap(({ object }) => (typeof object === 'function' ? [object] : [])));
    return [...types].flatMap((type) => {
      const field = privateFieldOf(type);
      if (field === undefined) return [];
      return [{ owner: (type as PartClass).name, field, why: 'is private to its class, so that nobody can save it' }];
    });
  }
}

function fieldsOf(object: object, aside: ReadonlySet<string>): string[] {
  return Object.keys(object).filter((name) => !aside.has(name));
}
