// SPDX-License-Identifier: LGPL-2.1-only
// The state of a VMM as data. Snapshot, restore and reload are one mechanism: containers are built from the same modules without initialisation, the
// state is put back, and the parts are attached.
import type { PartContainer } from '../container/part_container.js';
import type { VmmContainer } from '../container/vmm_container.js';
import { RequestOwner } from '../requests/request_owner.js';
import { markedFields } from '../state/state.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import { UnmarkedStateError } from './unmarked_state_error.js';
import { fromPlainData, toPlainData, VmmImageError, type FindOwner } from './plain_data.js';

/** The state of a part, by the field's name. */
export type PartState = Readonly<Record<string, unknown>>;

/** The state of each part, by the part's name. */
export type PartStates = Readonly<Record<string, PartState>>;

/** The whole state: plain data, to be stored or cloned. */
export interface VmmImage {
  readonly vmm: PartStates;
  /** By the id of the vCPU. */
  readonly vcpus: ReadonlyMap<bigint, PartStates>;
}

/** The names of a part's fields that are marked `@state()`. */
export function stateFields(part: object): string[] {
  return [...markedFields(part)].filter(([, kind]) => kind === 'state').map(([field]) => field);
}

/** Reads the state of one part. @param name of the part, for errors. @throws VmmImageError */
export function readPartState(part: object, name: string): PartState {
  const values = part as Record<string, unknown>;
  return Object.fromEntries(
    stateFields(part).map((field) => [field, toPlainData(values[field], `${name}.${field}`)] as const),
  );
}

function read(container: PartContainer): PartStates {
  const states = [...container.namedParts()].map(([name, part]) => [name, readPartState(part, name)] as const);
  return Object.fromEntries(states.filter(([, state]) => Object.keys(state).length > 0));
}

function refuseUnmarked(container: VmmContainer): void {
  const vcpus = [...container.vcpuParts()].map((parts) => [`vcpu ${parts.get(VcpuIdentity)}`, parts] as const);
  const changes = [['the VMM', container.vmmParts()] as const, ...vcpus].flatMap(([where, parts]) =>
    parts.unmarkedFields().map((field) => ({ where, ...field })),
  );
  if (changes.length > 0) throw new UnmarkedStateError(changes);
}

/**
 * Reads the state. Changes nothing.
 *
 * @throws UnmarkedStateError naming each field that has changed and is not marked; VmmImageError naming a marked field that holds a value that is not
 *   plain data.
 */
export function readVmmImage(container: VmmContainer): VmmImage {
  refuseUnmarked(container);
  const vcpus = [...container.vcpuParts()].map((parts) => [parts.get(VcpuIdentity), read(parts)] as const);
  return { vmm: read(container.vmmParts()), vcpus: new Map(vcpus) };
}

/** Finds owners of requests by their names. */
export function ownersIn(containers: readonly PartContainer[]): FindOwner {
  const parts = containers.flatMap((container) => [...container.namedParts().values()]);
  const owners = parts.filter((part) => part instanceof RequestOwner);
  const byName = new Map(owners.map((owner) => [owner.owner, owner]));
  return (name) => byName.get(name);
}

/** Puts back the state of one part. @param name of the part, for errors. @throws VmmImageError */
export function writePartState(part: object, state: PartState, name: string, find: FindOwner): void {
  const fields = stateFields(part);
  const saved = Object.keys(state);
  const unknown = saved.find((field) => !fields.includes(field));
  if (unknown !== undefined)
    throw new VmmImageError(`the state has ${name}.${unknown}, which is no field marked @state()`);
  for (const field of fields) {
    if (!saved.includes(field)) throw new VmmImageError(`the state has no ${name}.${field}`);
    (part as Record<string, unknown>)[field] = fromPlainData(state[field], `${name}.${field}`, find);
  }
}

function write(container: PartContainer, states: PartStates, find: FindOwner): void {
  const parts = [...container.namedParts()];
  const unknown = Object.keys(states).find((name) => !parts.some(([known]) => known === name));
  if (unknown !== undefined) {
    throw new VmmImageError(
      `the state has a part '${unknown}', but the modules that are loaded bind none of this name`,
    );
  }
  for (const [name, part] of parts) writePartState(part, states[name] ?? {}, name, find);
}

/**
 * Puts a state into a new container of the same modules, whose parts were never initialised.
 *
 * @throws VmmImageError if the modules are not those of the state.
 */
export function restoreVmmImage(container: VmmContainer, image: VmmImage): void {
  const vmm = container.vmmParts();
  write(vmm, image.vmm, ownersIn([vmm]));
  // Makes the containers of the vCPUs.
  vmm.attach();
  for (const vcpu of container.vcpuParts()) {
    const states = image.vcpus.get(vcpu.get(VcpuIdentity));
    if (states === undefined) throw new VmmImageError(`the state has no vcpu ${vcpu.get(VcpuIdentity)}`);
    write(vcpu, states, ownersIn([vmm, vcpu]));
    vcpu.attach();
  }
}
