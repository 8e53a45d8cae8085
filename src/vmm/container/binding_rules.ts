// SPDX-License-Identifier: LGPL-2.1-only
import {
  declarationOf,
  noMembers,
  type ComponentDeclaration,
  type ComponentScope,
} from '../../intrinsics/component.js';
import type { BindingRecord } from './binding_record.js';
import { checkClass } from './class_rules.js';
import type { Contribution } from './contribution.js';
import { checkMembers } from './contribution_members.js';
import { orderContributions } from './contribution_order.js';
import { injectionsOf, nameOf, type PartIdentifier } from './injections.js';
import {
  ArityError,
  CircularDependencyError,
  ContributionOrderError,
  ConstructorError,
  DuplicateBindError,
  DuplicateRebindError,
  RebindContributionError,
  RebindUnboundError,
  ScopeError,
  UndeclaredSymbolError,
  UnresolvedSymbolError,
} from './load_errors.js';

/** The bindings of each identifier once rebinds have replaced binds: one record for a component, ordered records for a contribution point. */
export type EffectiveBindings = ReadonlyMap<PartIdentifier, readonly BindingRecord[]>;

type Declared = Omit<ComponentDeclaration, 'name'>;

/** The declaration of a symbol; a class that is its own identifier belongs to the scope that binds it. */
function declaredAs(
  identifier: PartIdentifier,
  boundIn: EffectiveBindings | undefined,
  fallback: ComponentScope,
): Declared | undefined {
  if (typeof identifier === 'symbol') return declarationOf(identifier);
  return { scope: boundIn?.get(identifier)?.[0]?.scope ?? fallback, arity: 'one', members: noMembers };
}

function checkRecord(record: BindingRecord): void {
  const declared = declaredAs(record.identifier, undefined, record.scope);
  const name = nameOf(record.identifier);
  if (declared === undefined) {
    throw new UndeclaredSymbolError(
      `${record.file}: ${record.kind}(${name}): the symbol was made neither by component() nor by contribution(), so its scope is unknown`,
      [record.file],
    );
  }
  if (declared.scope !== record.scope) {
    throw new ScopeError(
      `${record.file}: a ${record.scope}Module binds ${name}, which belongs to the ${declared.scope}; bind it in a ${declared.scope}Module`,
      [record.file],
    );
  }
  if (declared.arity === 'many' && record.kind === 'rebind') {
    throw new RebindContributionError(
      `${record.file}: rebind(${name}): ${name} is a contribution point, which takes any number of bindings; use bind`,
      [record.file],
    );
  }
}

function grouped(records: readonly BindingRecord[]): Map<PartIdentifier, BindingRecord[]> {
  const result = new Map<PartIdentifier, BindingRecord[]>();
  for (const record of records) {
    const group = result.get(record.identifier);
    if (group === undefined) result.set(record.identifier, [record]);
    else group.push(record);
  }
  return result;
}

function filesOf(records: readonly BindingRecord[]): string[] {
  return records.map((record) => record.file).sort();
}

function theOne(identifier: PartIdentifier, group: readonly BindingRecord[]): BindingRecord {
  const name = nameOf(identifier);
  const binds = group.filter((record) => record.kind === 'bind');
  const rebinds = group.filter((record) => record.kind === 'rebind');
  if (binds.length > 1) {
    const files = filesOf(binds);
    throw new DuplicateBindError(
      `${name} is bound ${binds.length} times: in ${files.join(' and ')}; replace a part by rebind`,
      files,
    );
  }
  if (rebinds.length > 1) {
    const files = filesOf(rebinds);
    throw new DuplicateRebindError(
      `${name} is replaced ${rebinds.length} times: in ${files.join(' and ')}; these modules exclude each other (a contribution would not)`,
      files,
    );
  }
  if (binds.length === 0) {
    const [file] = filesOf(rebinds);
    throw new RebindUnboundError(`${file}: rebind(${name}), but no module binds it`, [file!]);
  }
  return rebinds[0] ?? binds[0]!;
}

/** The object itself, or an instance made to read its name. Constructors do nothing, so that has no effects. */
function contributionOf(
  record: BindingRecord,
  bindings: ReadonlyMap<PartIdentifier, readonly BindingRecord[]>,
): Contribution {
  const { target } = record;
  if (target.kind === 'value') return target.value as Contribution;
  if (target.kind === 'service') {
    const served = bindings.get(target.identifier)?.[0];
    if (served !== undefined) return contributionOf(served, bindings);
    throw new UnresolvedSymbolError(
      `${record.file}: ${nameOf(record.identifier)} is bound to the service ${nameOf(target.identifier)}, which no module binds: add bind(${nameOf(target.identifier)}).toSelf()`,
      [record.file],
    );
  }
  try {
    return new target.type() as Contribution;
  } catch (error) {
    throw new ConstructorError(
      `${record.file}: the constructor of ${target.type.name} threw (${String(error)}); constructors do nothing, init() acts`,
      [record.file],
      { causedBy: error },
    );
  }
}

function inOrder(point: PartIdentifier, group: readonly BindingRecord[], bindings: EffectiveBindings): BindingRecord[] {
  const entries = group.map((record) => ({
    record,
    file: record.file,
    contribution: contributionOf(record, bindings),
  }));
  const ordered = orderContributions(nameOf(point), entries);
  const members = declaredAs(point, bindings, 'vmm')?.members ?? noMembers;
  for (const entry of ordered) checkMembers(nameOf(point), members, entry);
  return ordered.map((entry) => entry.record);
}

/** Where a binding leads in the end: a class or an object. */
function boundTo(record: BindingRecord, bindings: EffectiveBindings): unknown {
  const { target } = record;
  if (target.kind === 'value') return target.value;
  if (target.kind === 'class') return record;
  return boundTo(bindings.get(target.identifier)![0]!, bindings);
}

/** A name belongs to one contribution across all points: steps, reports and messages find it by its name. */
function checkNames(records: readonly BindingRecord[], bindings: EffectiveBindings): void {
  const owners = new Map<string, BindingRecord>();
  for (const record of records) {
    const { name } = contributionOf(record, bindings);
    const other = owners.get(name);
    if (other !== undefined && boundTo(other, bindings) !== boundTo(record, bindings)) {
      throw new ContributionOrderError(
        `two contributions are named '${name}': to ${nameOf(other.identifier)} in ${other.file}, to ${nameOf(record.identifier)} in ${record.file}. Bind a class for several points once, and the points with toService`,
        [other.file, record.file],
      );
    }
    owners.set(name, record);
  }
}

/** The injections of a record: each identifier, how it is injected, and the class that injects it. */
interface Need {
  readonly identifier: unknown;
  readonly many: boolean;
  readonly optional: boolean;
  readonly by: string;
}

function needsOf(record: BindingRecord): Need[] {
  const { target } = record;
  if (target.kind === 'service') {
    return [
      { identifier: target.identifier, many: false, optional: false, by: `${nameOf(record.identifier)}.toService` },
    ];
  }
  if (target.kind === 'value') return [];
  return injectionsOf(target.type).properties.map((injection) => ({
    ...injection,
    by: `${target.type.name}.${injection.property}`,
  }));
}

function checkNeed(record: BindingRecord, need: Need, bindings: EffectiveBindings): void {
  const name = nameOf(need.identifier);
  const where = `${record.file}: ${need.by} injects ${name}`;
  const known = typeof need.identifier === 'symbol' || typeof need.identifier === 'function';
  const declared = known ? declaredAs(need.identifier as PartIdentifier, bindings, record.scope) : undefined;
  if (declared === undefined) {
    throw new UndeclaredSymbolError(`${where}, which neither component() nor contribution() declared`, [record.file]);
  }
  if (record.scope === 'vmm' && declared.scope === 'vcpu') {
    throw new ScopeError(
      `${where}, which each vcpu has for itself; a part of the VMM outlives vcpus, so it cannot hold their parts`,
      [record.file],
    );
  }
  if ((declared.arity === 'many') !== need.many) {
    const wanted = declared.arity === 'many' ? 'a contribution point: use @multiInject' : 'one component: use @inject';
    throw new ArityError(`${where}, which is ${wanted}`, [record.file]);
  }
  if (!bindings.has(need.identifier as PartIdentifier) && !need.optional && !need.many) {
    throw new UnresolvedSymbolError(`${where}, but no module binds it`, [record.file]);
  }
  if (need.many && !need.optional) {
    throw new ArityError(`${where} without @optional(); a contribution point may be empty`, [record.file]);
  }
}

/** The service that a record is bound to. */
const servicesOf = (record: BindingRecord): Need[] => (record.target.kind === 'service' ? needsOf(record) : []);

function checkCycles(bindings: EffectiveBindings, needs = needsOf): void {
  const done = new Set<unknown>();
  const visit = (identifier: unknown, trail: readonly unknown[]): void => {
    if (done.has(identifier)) return;
    const start = trail.indexOf(identifier);
    const records = bindings.get(identifier as PartIdentifier) ?? [];
    if (start >= 0) {
      const cycle = [...trail.slice(start), identifier];
      const files = cycle.flatMap((each) => bindings.get(each as PartIdentifier) ?? []).map((record) => record.file);
      throw new CircularDependencyError(
        `components need each other: ${cycle.map(nameOf).join(' → ')} (in ${[...new Set(files)].sort().join(', ')})`,
        [...new Set(files)],
      );
    }
    for (const record of records) for (const need of needs(record)) visit(need.identifier, [...trail, identifier]);
    done.add(identifier);
  };
  for (const identifier of bindings.keys()) visit(identifier, []);
}

/**
 * Validates all records of all modules together, and returns the bindings. Only contributions are instantiated, for their names.
 *
 * @throws ModuleLoadError of the kind that fits, naming files and symbols.
 */
export function effectiveBindings(records: readonly BindingRecord[]): EffectiveBindings {
  records.forEach(checkRecord);
  const result = new Map<PartIdentifier, readonly BindingRecord[]>();
  const points: [PartIdentifier, BindingRecord[]][] = [];
  for (const [identifier, group] of grouped(records)) {
    if (declaredAs(identifier, undefined, 'vmm')?.arity === 'many') points.push([identifier, group]);
    else result.set(identifier, [theOne(identifier, group)]);
  }
  for (const [, [record]] of result) checkClass(record!);
  // A contribution may be bound to a service, which is followed to its class: services that lead to each other have none.
  checkCycles(result, servicesOf);
  for (const [point, group] of points) {
    group.forEach(checkClass);
    result.set(point, inOrder(point, group, result));
  }
  checkNames(
    points.flatMap(([, group]) => group),
    result,
  );
  for (const group of result.values()) {
    for (const record of group) for (const need of needsOf(record)) checkNeed(record, need, result);
  }
  checkCycles(result);
  return result;
}
