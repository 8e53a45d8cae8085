// SPDX-License-Identifier: LGPL-2.1-only
// The state of a VMM as data. Snapshot, restore and reload are one mechanism: containers are built from the same modules without initialisation, the
// state is put back, and the parts are attached.
import type { PartContainer } from '../container/part_container.js';
import type { VmmContainer } from '../container/vmm_container.js';
import { RequestOwner } from '../requests/request_owner.js';
import { markedFields } from '../state/state.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import { fromPlainData, toPlainData, VmmImageError, type FindOwner } from './plain_data.js';

/** The state of each part, by the part's name and the field's. */
export type PartStates = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The whole state: plain data, to be stored or cloned. */
export interface VmmImage {
  readonly vmm: PartStates;
  /** By the id of the vCPU. */
  readonly vcpus: ReadonlyMap<bigint, PartStates>;
}

function stateFields(part: object): string[] {
  return [...markedFields(part)].filter(([, kind]) => kind === 'state').map(([field]) => field);
}

function read(container: PartContainer): PartStates {
  const result: Record<string, Record<string, unknown>> = {};
  for (const [name, part] of container.namedParts()) {
    const values = part as Record<string, unknown>;
    const fields = stateFields(part).map((field) => [field, toPlainData(values[field], `${name}.${field}`)] as const);
    if (fields.length > 0) result[name] = Object.fromEntries(fields);
  }
  return result;
}

/** Reads the state. Changes nothing. @throws VmmImageError naming a field that holds a value that is not plain data. */
export function readVmmImage(container: VmmContainer): VmmImage {
  const vcpus = [...container.vcpuParts()].map((parts) => [parts.get(VcpuIdentity), read(parts)] as const);
  return { vmm: read(container.vmmParts()), vcpus: new Map(vcpus) };
}

function ownersIn(containers: readonly PartContainer[]): FindOwner {
  const parts = containers.flatMap((container) => [...container.namedParts().values()]);
  const owners = parts.filter((part) => part instanceof RequestOwner);
  const byName = new Map(owners.map((owner) => [owner.owner, owner]));
  return (name) => byName.get(name);
}

function write(container: PartContainer, states: PartStates, find: FindOwner): void {
  const parts = [...container.namedParts()];
  const unknown = Object.keys(states).find((name) => !parts.some(([known]) => known === name));
  if (unknown !== undefined) {
    throw new VmmImageError(
      `the state has a part '${unknown}', but the modules that are loaded bind none of this name`,
    );
  }
  for (const [name, part] of parts) {
    for (const field of stateFields(part)) {
      const state = states[name];
      if (state === undefined || !(field in state)) throw new VmmImageError(`the state has no ${name}.${field}`);
      (part as Record<string, unknown>)[field] = fromPlainData(state[field], `${name}.${field}`, find);
    }
  }
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
