// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { MachineSession } from '../../session/machine_session.js';
import { namedExits } from '../worker/run_counters.js';
import { Evaluator } from './evaluator.js';
import { ExplicitWrites } from './explicit_writes.js';
import { LookLimit } from './look_limit.js';
import { MemoryView } from './memory_view.js';
import type { scopeNames } from './scope_names.js';
import { ramBytes, vcpuView, type Looked } from './vcpu_view.js';

/** A machine whose state is looked at. */
export interface SeenMachine {
  readonly session: MachineSession;
  /** undefined: no VMM was asked for. */
  readonly driver: Driver | undefined;
  readonly isRecorded: boolean;
}

/** Evaluates expressions about a machine. */
export function machineEvaluator(machine: SeenMachine, limit = new LookLimit()): Evaluator {
  const { pc } = machine.session;
  const scope = machineScope(machine, () => limit.check());
  return new Evaluator(scope, limit, (work) => pc.settling(work));
}

/**
 * The values of these names. Each look reads the machine as it is then; what it gives is a copy.
 *
 * @param begin called before each look, which it may refuse
 */
export function machineScope(
  { session, driver, isRecorded }: SeenMachine,
  begin: () => void,
): Readonly<Record<(typeof scopeNames)[number], unknown>> {
  const { pc } = session;
  const symbols = pc.symbols.forVmm();
  const looked: Looked = (look) => {
    begin();
    return look();
  };
  const address = (value: number | bigint): bigint => BigInt.asUintN(64, BigInt(value));
  return {
    get machine() {
      return looked(() => lookAtMachine(session, looked));
    },
    vcpu: (id: number | bigint) => vcpuView(pc, id, looked),
    get vmcs() {
      return vcpuView(pc, 0, looked).vmcs;
    },
    memory: new MemoryView('physical', (from, length) => looked(() => ramBytes(pc, from, length))),
    symbols: {
      find: (value: number | bigint) => looked(() => symbols.find(address(value))),
      nameOf: (value: number | bigint) => looked(() => symbols.nameOf(address(value))),
      addressOf: (name: string) => looked(() => symbols.addressOf(name)),
    },
    get vmm() {
      return looked(() => lookAtVmm(driver, looked));
    },
    write: new ExplicitWrites(pc, isRecorded, begin),
  };
}

function lookAtMachine({ pc, guestEnd, lastOutput }: MachineSession, looked: Looked) {
  return {
    processors: pc.processors.length,
    ramBytes: pc.ram.length,
    instructions: pc.instructions,
    virtualTime: pc.virtualTime,
    exits: namedExits(pc.exits()),
    /** How the guest ended. */
    end: guestEnd && { ...guestEnd },
    /** The last lines. */
    console: lastOutput.lines(),
    stateHash: () => looked(() => pc.stateHash()),
  };
}

function lookAtVmm(driver: Driver | undefined, looked: Looked) {
  if (driver === undefined) return undefined;
  return {
    status: driver.status,
    reports: driver.reports(),
    /** The fields that are marked `@state()`, by part. @throws UnmarkedStateError */
    state: () => looked(() => driver.save().image),
  };
}
