// SPDX-License-Identifier: LGPL-2.1-only
import 'reflect-metadata/lite';
import { inject, injectable } from 'inversify';
import { BareflankError } from '../../intrinsics/errors.js';

/** A class that can be made without arguments. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape that TypeScript wants for "any class"
export type PartClass<T = unknown> = new (...args: any[]) => T;

/** The identifier of a binding: a declared symbol, or one of the module's own classes. */
export type PartIdentifier<T = unknown> = symbol | PartClass<T>;

/** One property of a class that the container fills. */
export interface Injection {
  readonly property: string;
  readonly identifier: unknown;
  /** `multiInject`. */
  readonly many: boolean;
  readonly optional: boolean;
}

/** The injections of a class, from its own decorators and from those that it inherits. */
export interface ClassInjections {
  readonly properties: readonly Injection[];
  readonly constructorArguments: number;
}

interface ElementMetadata {
  readonly kind: number;
  readonly value?: unknown;
  readonly optional?: boolean;
}

interface ClassMetadata {
  readonly constructorArguments: readonly unknown[];
  readonly properties: ReadonlyMap<string | symbol, ElementMetadata>;
}

// Inversify keeps its decorators' data under this key. The probe below notices if a new version moved it.
const metadataKey = '@inversifyjs/core/classMetadataReflectKey';
const multipleInjection = 0;
const singleInjection = 1;

function metadataOf(type: PartClass): ClassMetadata | undefined {
  return Reflect.getOwnMetadata(metadataKey, type) as ClassMetadata | undefined;
}

/** The injections of a class as Inversify will see them: an undecorated subclass has none, whatever its base injects. */
export function injectionsOf(type: PartClass): ClassInjections {
  const metadata = metadataOf(type);
  if (metadata === undefined) return { properties: [], constructorArguments: 0 };
  const properties = [...metadata.properties]
    .filter(([, element]) => element.kind === multipleInjection || element.kind === singleInjection)
    .map(([property, element]) => ({
      property: String(property),
      identifier: element.value,
      many: element.kind === multipleInjection,
      optional: element.optional === true,
    }));
  return { properties, constructorArguments: metadata.constructorArguments.length };
}

/** The class that `type` extends, or undefined. */
export function baseOf(type: PartClass): PartClass | undefined {
  const base: unknown = Object.getPrototypeOf(type);
  return typeof base === 'function' && base !== Function.prototype ? (base as PartClass) : undefined;
}

/** How messages spell an identifier. */
export function nameOf(identifier: unknown): string {
  if (typeof identifier === 'symbol') return identifier.description ?? String(identifier);
  return typeof identifier === 'function' ? identifier.name : String(identifier);
}

function probe(): void {
  const symbol = Symbol('probe');
  class Probe {
    readonly part: unknown;
  }
  inject(symbol)(Probe.prototype, 'part');
  injectable()(Probe);
  if (injectionsOf(Probe).properties[0]?.identifier !== symbol) {
    throw new BareflankError(
      `this version of inversify has no class metadata under ${metadataKey}; bareflank needs one that does (8.2)`,
    );
  }
}

probe();
