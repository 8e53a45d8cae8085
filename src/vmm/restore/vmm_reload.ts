// SPDX-License-Identifier: LGPL-2.1-only
// New code takes over a VMM that runs: containers are built from it without initialisation, the state is put into them, and the parts are attached.
import type { PartContainer } from '../container/part_container.js';
import type { VmmContainer } from '../container/vmm_container.js';
import { MsrContribution } from '../contributions/msr_contribution.js';
import { PortContribution } from '../contributions/port_contribution.js';
import type { ComponentSymbol } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import { NamedContributions } from '../vcpu/named_contributions.js';
import { Vcpu } from '../vcpu/vcpu.js';
import { VcpuContribution } from '../vcpu/vcpu_contribution.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import { VmcsContribution } from '../vmcs/vmcs_contribution.js';
import { VmmImageError } from './plain_data.js';
import { ReloadWork } from '../reload/reload_work.js';
import type { ReloadedContributions } from '../reload/reloaded_contributions.js';
import { misfitsOf, StateMisfitError } from './state_misfit.js';
import { ownersIn, readVmmImage, stateFields, writePartState, type PartStates } from './vmm_image.js';

/** The containers of one vCPU, with the old code and with the new. */
interface VcpuPair {
  readonly id: bigint;
  readonly old: PartContainer;
  readonly now: PartContainer;
}

/** What a reload of a VMM changed. */
export interface VmmReload {
  /** Names of contributions. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Ids of the vCPUs that have something left to do in VMX root operation: `ReloadWork`. */
  readonly unfinished: readonly bigint[];
}

function refuseMisfits(old: PartContainer, now: PartContainer, where: string): void {
  const parts = old.namedParts();
  const misfits = [...now.namedParts()].flatMap(([name, part]) => {
    const its = parts.get(name);
    return its === undefined ? [] : misfitsOf(its, part, where);
  });
  if (misfits.length > 0) throw new StateMisfitError(misfits);
}

/** A part or a field that is new keeps what it begins with. */
function write(now: PartContainer, states: PartStates, others: readonly PartContainer[]): void {
  const find = ownersIn([...others, now]);
  for (const [name, part] of now.namedParts()) {
    const saved = states[name];
    if (saved === undefined) continue;
    const begun = stateFields(part)
      .filter((field) => !(field in saved))
      .map((field) => [field, (part as Record<string, unknown>)[field]] as const);
    writePartState(part, { ...saved, ...Object.fromEntries(begun) }, name, find);
  }
}

/** Makes the vCPUs of the new code, with their state. They are not attached to the machine yet. */
function vcpusOf(from: VmmContainer, to: VmmContainer, states: ReadonlyMap<bigint, PartStates>): VcpuPair[] {
  const old = new Map([...from.vcpuParts()].map((parts) => [parts.get(VcpuIdentity), parts]));
  return [...to.vcpuParts()].map((now) => {
    const id = now.get(VcpuIdentity);
    const its = old.get(id);
    if (its === undefined) throw new VmmImageError(`the new code has a vcpu ${id}, which the VMM does not have`);
    refuseMisfits(its, now, `vcpu ${id}`);
    write(now, states.get(id) ?? {}, [to.vmmParts()]);
    return { id, old: its, now };
  });
}

const namesAt = (parts: PartContainer, point: ComponentSymbol<Contribution>): string[] =>
  parts.getAll(point).map(({ name }) => name);

const without = (names: Iterable<string>, others: Iterable<string>): string[] => {
  const known = new Set(others);
  return [...new Set(names)].filter((name) => !known.has(name));
};

function changesOf({ old, now }: VcpuPair): ReloadedContributions {
  const [before, after] = [old, now].map((parts) => [...parts.get(NamedContributions).byName().keys()]) as [
    string[],
    string[],
  ];
  const newAt = (point: ComponentSymbol<Contribution>): string[] => without(namesAt(now, point), namesAt(old, point));
  return {
    added: without(after, before),
    removed: without(before, after),
    setUps: newAt(VmcsContribution),
    lives: newAt(VcpuContribution),
  };
}

/** What MSR and port contributions emulate, to be compared. */
function emulated(parts: PartContainer): string {
  const msrs = parts
    .getAll(MsrContribution)
    .map(({ name, msrs, handleMsrRead, handleMsrWrite }) => [name, msrs, !!handleMsrRead, !!handleMsrWrite]);
  return JSON.stringify([msrs, parts.getAll(PortContribution).map(({ name, ports }) => [name, ports])]);
}

/** Leaves to the vCPU what only VMX root operation can do. @returns whether there is any */
function leaveWork(pair: VcpuPair, changes: ReloadedContributions): boolean {
  const { now, old } = pair;
  const vcpu = now.get(Vcpu);
  const isChanged = Object.values(changes).some((names: readonly string[]) => names.length > 0);
  if (!vcpu.isRunning || (!isChanged && emulated(old) === emulated(now))) return false;
  now.get(ReloadWork).leave(() => vcpu.finishReload(changes));
  return true;
}

/** Lets the parts of the old code be those that the machine calls again. */
function attachAgain(from: VmmContainer): void {
  from.vmmParts().attach();
  for (const parts of from.vcpuParts()) parts.attach();
}

/**
 * Lets a new container of other modules take over the state of a VMM that runs. The old container is not disposed: what its parts have is the new
 * container's now.
 *
 * @param to its parts were never initialised.
 * @throws UnmarkedStateError, StateMisfitError, VmmImageError, ContributionError, AttachError; then the old container goes on, and nothing was changed.
 */
export function reloadVmm(from: VmmContainer, to: VmmContainer): VmmReload {
  const image = readVmmImage(from);
  const [old, now] = [from.vmmParts(), to.vmmParts()];
  refuseMisfits(old, now, 'the VMM');
  write(now, image.vmm, []);
  try {
    // Makes the containers of the vCPUs.
    now.attach();
    const pairs = vcpusOf(from, to, image.vcpus);
    for (const pair of pairs) pair.now.attach();
    const changes = pairs.map((pair) => [pair, changesOf(pair)] as const);
    const unfinished = changes.flatMap(([pair, each]) => (leaveWork(pair, each) ? [pair.id] : []));
    const all = (which: 'added' | 'removed'): string[] => [...new Set(changes.flatMap(([, each]) => each[which]))];
    return { added: all('added'), removed: all('removed'), unfinished };
  } catch (error) {
    attachAgain(from);
    throw error;
  }
}
