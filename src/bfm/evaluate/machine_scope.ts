// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { MachineSession } from '../../session/machine_session.js';
import { namedExits } from '../worker/run_counters.js';
import { ExplicitWrites } from './explicit_writes.js';
import { MemoryView } from './memory_view.js';
import type { scopeNames } from './scope_names.js';
import { ramBytes, vcpuView } from './vcpu_view.js';

/** A machine whose state is looked at. */
export interface SeenMachine {
  readonly session: MachineSession;
  /** undefined: no VMM was asked for. */
  readonly driver: Driver | undefined;
  readonly isRecorded: boolean;
}

/** The values of these names. Each look reads the machine as it is then; what it gives is a copy. */
export function machineScope({
  session,
  driver,
  isRecorded,
}: SeenMachine): Readonly<Record<(typeof scopeNames)[number], unknown>> {
  const { pc } = session;
  const symbols = pc.symbols.forVmm();
  const address = (value: number | bigint): bigint => BigInt.asUintN(64, BigInt(value));
  return {
    get machine() {
      return lookAtMachine(session);
    },
    vcpu: (id: number | bigint) => vcpuView(pc, id),
    get vmcs() {
      return vcpuView(pc, 0).vmcs;
    },
    memory: new MemoryView('physical', (from, length) => ramBytes(pc, from, length)),
    symbols: {
      find: (value: number | bigint) => symbols.find(address(value)),
      nameOf: (value: number | bigint) => symbols.nameOf(address(value)),
      addressOf: (name: string) => symbols.addressOf(name),
    },
    get vmm() {
      return lookAtVmm(driver);
    },
    write: new ExplicitWrites(pc, isRecorded),
  };
}

function lookAtMachine({ pc, guestEnd, lastOutput }: MachineSession) {
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
    stateHash: () => pc.stateHash(),
  };
}

function lookAtVmm(driver: Driver | undefined) {
  if (driver === undefined) return undefined;
  return {
    status: driver.status,
    reports: driver.reports(),
    /** The fields that are marked `@state()`, by part. @throws UnmarkedStateError */
    state: () => driver.save().image,
  };
}
