// SPDX-License-Identifier: LGPL-2.1-only
import { Container, ContainerModule } from 'inversify';
import {
  declarationOf,
  type ComponentArity,
  type ComponentDeclaration,
  type ComponentScope,
  type ComponentSymbol,
} from '../../intrinsics/component.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { isAttachable, type Attachable } from '../state/state.js';
import type { EffectiveBindings } from './binding_rules.js';
import type { BindingRecord } from './binding_record.js';
import type { Contribution } from './contribution.js';
import { checkLifeMembers, checkMembers } from './contribution_members.js';
import type { PartIdentifier } from './injections.js';
import { AttachError } from './attach_error.js';
import { addNamed, partName } from './part_names.js';
import { UnmarkedFields, type UnmarkedField } from './unmarked_fields.js';

function declarationOfPart(identifier: PartIdentifier): ComponentDeclaration | undefined {
  return typeof identifier === 'symbol' ? declarationOf(identifier) : undefined;
}

function attachPart(part: Attachable): void {
  try {
    part.attach();
  } catch (error) {
    if (error instanceof BareflankError) throw error;
    throw new AttachError(`attach() of ${part.constructor.name} threw ${String(error)}`, { causedBy: error });
  }
}

const arityOf = (identifier: PartIdentifier): ComponentArity | undefined => declarationOfPart(identifier)?.arity;

/**
 * One container of parts. `create` makes every part at once, so that nothing is resolved later from a place where a child's bindings would be
 * visible.
 */
export class PartContainer {
  private readonly made: object[] = [];
  /** What each identifier leads to, once it is made: Inversify takes a hundred times as long to say so. */
  private readonly parts = new Map<unknown, readonly unknown[]>();
  private unmarked!: UnmarkedFields;
  private named: ReadonlyMap<string, object> | undefined;
  private disposed = false;

  private constructor(
    private readonly container: Container,
    private readonly own: EffectiveBindings,
  ) {}

  /**
   * Binds the records of one scope and makes every part.
   *
   * @param bindings validated bindings; those of the other scope are left out.
   * @param parent the VMM's container, for a vCPU's.
   */
  static create(scope: ComponentScope, bindings: EffectiveBindings, parent?: PartContainer): PartContainer {
    const own = new Map([...bindings].filter(([, records]) => records[0]!.scope === scope));
    // A child does not inherit defaultScope, and jitless keeps `new Function` out of browsers with a content policy and of small engines.
    const container = new Container({ defaultScope: 'Singleton', jitless: true, parent: parent?.container });
    const result = new PartContainer(container, own);
    void container.load(new ContainerModule(({ bind }) => result.bindAll(bind)));
    try {
      for (const identifier of own.keys()) result.make(identifier);
      result.checkParts();
      result.attach();
      result.unmarked = result.watchFields(parent);
    } catch (error) {
      result.abandon();
      throw error;
    }
    return result;
  }

  /** A component is made in the way in which others inject it: Inversify plans each way once. */
  private make(identifier: PartIdentifier): void {
    const { container } = this;
    const isPoint = arityOf(identifier) === 'many';
    this.parts.set(identifier, isPoint ? container.getAll(identifier) : [container.get(identifier)]);
  }

  /** The part bound to a component's symbol. */
  get<T>(identifier: ComponentSymbol<T>): T {
    const [part] = this.parts.get(identifier) ?? [this.container.get<T>(identifier)];
    return part as T;
  }

  /** Lets all parts rebuild their derived state, in the order of their dependencies. @throws AttachError, and what a part throws of ours */
  attach(): void {
    for (const part of this.made) if (isAttachable(part)) attachPart(part);
  }

  /** The parts that the container made, each by a name that is the same in every container of the same modules. */
  namedParts(): ReadonlyMap<string, object> {
    return (this.named ??= this.nameParts());
  }

  private nameParts(): Map<string, object> {
    const result = new Map<string, object>();
    for (const [identifier, records] of this.own)
      records.forEach(({ target }, index) => {
        if (target.kind !== 'class') return;
        const part = this.getAll(identifier as PartIdentifier<object>)[index]!;
        addNamed(result, partName(identifier, part), part);
      });
    return result;
  }

  /** Fields that are not marked and have changed since the container was made. */
  unmarkedFields(): UnmarkedField[] {
    return this.unmarked.changed();
  }

  /** All parts bound to a symbol in this container, in order. */
  getAll<T>(identifier: ComponentSymbol<T> | PartIdentifier<T>): T[] {
    const parts = this.parts.get(identifier);
    if (parts !== undefined) return [...parts] as T[];
    return this.own.has(identifier) ? this.container.getAll<T>(identifier) : [];
  }

  /**
   * Disposes the parts in the reverse order of their making. All are disposed even if one throws.
   *
   * @throws BareflankError that names each failure.
   */
  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.disposed = true;
    const failures: unknown[] = [];
    for (const part of this.made.reverse()) {
      try {
        (part as Partial<Disposable>)[Symbol.dispose]?.();
      } catch (error) {
        failures.push(error);
      }
    }
    this.container.unbindAll();
    this.parts.clear();
    if (failures.length > 0) {
      throw new BareflankError(`while disposing parts: ${failures.map(String).join('; ')}`, { causedBy: failures[0] });
    }
  }

  private watchFields(parent: PartContainer | undefined): UnmarkedFields {
    const points = [...this.own].filter(([identifier]) => arityOf(identifier) === 'many');
    const values = points.flatMap(([, records]) =>
      records.flatMap(({ target }) => (target.kind === 'value' ? [target.value as object] : [])),
    );
    return new UnmarkedFields(this.made, values, [
      ...this.constants(),
      ...(parent?.made ?? []),
      ...(parent?.constants() ?? []),
    ]);
  }

  /** What was bound as a value: intrinsics, settings, contributions. */
  private constants(): object[] {
    const values = [...this.own.values()]
      .flat()
      .map(({ target }) => (target.kind === 'value' ? target.value : undefined));
    return values.filter((value) => typeof value === 'object' && value !== null);
  }

  /** Disposes what was made before an error. That error says why; what it leads to does not. */
  private abandon(): void {
    try {
      this[Symbol.dispose]();
    } catch {
      // For instance the part at fault cannot be disposed.
    }
  }

  /** What the container and the points read from the parts, which have their injections now. */
  private checkParts(): void {
    for (const [identifier, records] of this.own) {
      const point = declarationOfPart(identifier);
      this.getAll<unknown>(identifier as PartIdentifier).forEach((part, index) => {
        const { file, target } = records[index]!;
        if (target.kind === 'class') checkLifeMembers(part as object, file);
        if (point?.arity === 'many')
          checkMembers(point.name, point.members, { contribution: part as Contribution, file }, true);
      });
    }
  }

  private bindAll(bind: Container['bind']): void {
    for (const records of this.own.values()) for (const record of records) this.bindOne(bind, record);
  }

  private bindOne(bind: Container['bind'], record: BindingRecord): void {
    const { target } = record;
    const syntax = bind<unknown>(record.identifier);
    if (target.kind === 'value') syntax.toConstantValue(target.value);
    else if (target.kind === 'service') syntax.toService(target.identifier);
    else {
      syntax
        .to(target.type)
        .inSingletonScope()
        .onActivation((_context, part) => {
          this.made.push(part as object);
          return part;
        });
    }
  }
}
