// SPDX-License-Identifier: LGPL-2.1-only
import type { ComponentScope, ComponentSymbol } from '../../intrinsics/component.js';
import type { BindingRecord, BindingTarget } from './binding_record.js';
import { nameOf, type PartClass, type PartIdentifier } from './injections.js';
import { ModuleFunctionError } from './load_errors.js';
import { parameterRecord } from './parameter.js';

/** The right side of a binding. The scope is fixed: every part is a singleton of its container. */
export interface BindingTo<T> {
  /** Makes one `type` a container. */
  to(type: PartClass<T>): void;
  /** For a class that is its own identifier. */
  toSelf(): void;
  /** Something that exists already; it is not disposed with the container. */
  toConstantValue(value: T): void;
  /** The instance that another identifier is bound to. */
  toService(identifier: ComponentSymbol<T> | ComponentSymbol<unknown> | PartClass<T>): void;
}

/** The argument of a module function. */
export interface PartBinder {
  /** Binds a component, adds a contribution, or binds one of the module's own classes. */
  bind<T>(identifier: ComponentSymbol<T> | PartClass<T>): BindingTo<T>;
  /** Replaces the one binding of a component. */
  rebind<T>(identifier: ComponentSymbol<T>): BindingTo<T>;
  /** Declares a parameter of the module, which `--set` can set. It has the VMM's scope, so that classes of both scopes may inject it. */
  parameter(identifier: ComponentSymbol<bigint> | ComponentSymbol<boolean> | ComponentSymbol<string>): void;
}

/** Collects the statements of a module function. */
export class BindingRecorder implements PartBinder {
  readonly records: BindingRecord[] = [];
  private readonly open = new Set<PartIdentifier>();

  constructor(
    private readonly scope: ComponentScope,
    private readonly file: string,
  ) {}

  // Module functions take these apart (`({ bind }) => …`), so they carry their `this`.
  readonly bind = <T>(identifier: ComponentSymbol<T> | PartClass<T>): BindingTo<T> =>
    this.binding('bind', identifier as PartIdentifier);

  readonly rebind = <T>(identifier: ComponentSymbol<T>): BindingTo<T> => this.binding('rebind', identifier);

  readonly parameter = (identifier: symbol): void => {
    this.records.push(parameterRecord(identifier, this.file));
  };

  /** Takes over another module's statements, under that module's file name. */
  replay(records: readonly BindingRecord[]): void {
    this.records.push(...records);
  }

  /** @throws ModuleFunctionError if a binding was begun and never got its `to…`. */
  finish(): readonly BindingRecord[] {
    const [left] = this.open;
    if (left !== undefined) {
      throw new ModuleFunctionError(
        `${this.file}: bind(${nameOf(left)}) has no to(…), toSelf(), toConstantValue(…) or toService(…)`,
        [this.file],
      );
    }
    return this.records;
  }

  private binding<T>(kind: 'bind' | 'rebind', identifier: PartIdentifier): BindingTo<T> {
    if (typeof identifier !== 'symbol' && typeof identifier !== 'function') {
      throw new ModuleFunctionError(
        `${this.file}: ${kind}(${String(identifier)}) wants a symbol made by component() or contribution(), or a class`,
        [this.file],
      );
    }
    this.open.add(identifier);
    const add = (target: BindingTarget): void => {
      this.open.delete(identifier);
      this.records.push({ kind, scope: this.scope, identifier, target, file: this.file });
    };
    return {
      to: (type) => add({ kind: 'class', type: this.checkedClass(identifier, type) }),
      toSelf: () => add({ kind: 'class', type: this.checkedClass(identifier, identifier) }),
      toConstantValue: (value) => add({ kind: 'value', value }),
      toService: (service) => add({ kind: 'service', identifier: service as PartIdentifier }),
    };
  }

  private checkedClass(identifier: PartIdentifier, type: unknown): PartClass {
    if (typeof type === 'function') return type as PartClass;
    throw new ModuleFunctionError(
      `${this.file}: ${nameOf(identifier)} is bound to ${nameOf(type)}, which is not a class`,
      [this.file],
    );
  }
}
