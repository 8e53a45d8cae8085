// SPDX-License-Identifier: LGPL-2.1-only
// The proof that a saved state is whole: a machine that was restored from it does what the saved one does.
import type { Driver } from '../driver/driver.js';
import { useHandlerGlobals, type SeededGlobals } from '../driver/handler_globals.js';
import type { SavedDriver } from '../driver/saved_driver.js';
import type { Pc } from '../machine/pc.js';
import type { MachineState } from '../machine/state/machine_state.js';
import { stateDifference } from '../machine/state/state_difference.js';
import { equalData } from '../vmm/state/equal_data.js';

/** A machine and the driver of its VMM. */
export interface DrivenMachine {
  readonly pc: Pc;
  readonly driver: Driver;
  /** What the code of its modules sees, if each of two machines must have its own. */
  readonly globals?: SeededGlobals | undefined;
}

/** What a machine and its VMM can be restored from. */
export interface SavedMachine {
  readonly machine: MachineState;
  readonly driver: SavedDriver;
}

/** How far two machines were compared. */
export interface Verification {
  /** VM exits that the VMM handled. */
  readonly exits: number;
  readonly instructions: number;
  /** What the restored machine does differently, and after how many exits. */
  readonly difference: string | undefined;
}

/** VM exits that are compared. */
export const VERIFIED_EXITS = 1000;
/** A guest that does not exit is compared so far. */
const mostInstructions = 100_000_000;
/** Memory, devices and reports are compared at each so many exits, and at the end. */
const exitsBetweenHashes = 100;

/** @throws MachineStateError, UnmarkedStateError, VmmImageError if something cannot be saved */
export function saveMachine({ pc, driver }: DrivenMachine): SavedMachine {
  return { machine: pc.save(), driver: driver.save() };
}

/** Gives a machine like the saved one its state. @throws MachineStateError, RestoreError, VmmImageError */
export async function restoreMachine({ pc, driver }: DrivenMachine, saved: SavedMachine): Promise<void> {
  pc.restore(saved.machine);
  await driver.restore(saved.driver);
}

/**
 * Lets a machine and one that was restored from its state go on side by side, and compares them after each VM exit. Nothing from outside comes in
 * meanwhile, and idle time passes at once.
 *
 * @param most how many exits.
 */
export function compareRuns(saved: DrivenMachine, restored: DrivenMachine, most = VERIFIED_EXITS): Verification {
  const both = [new Stepper(saved), new Stepper(restored)] as const;
  const start = saved.pc.instructions;
  try {
    for (;;) {
      const [exits, instructions] = [both[0].exits, saved.pc.instructions - start];
      const isLast = exits >= most || instructions >= mostInstructions || both[0].hasEnded;
      const difference = differenceOf(both, isLast);
      if (isLast || difference !== undefined) return { exits, instructions, difference };
      for (const each of both) each.step();
    }
  } finally {
    for (const each of both) each.release();
    saved.driver.takeOutput();
    if (saved.globals !== undefined) useHandlerGlobals(saved.globals);
  }
}

function differenceOf([saved, restored]: readonly [Stepper, Stepper], isLast: boolean): string | undefined {
  const found =
    restored.processorDifference(saved) ?? (isLast || saved.isDue ? restored.wholeDifference(saved) : undefined);
  return found === undefined ? undefined : `after ${saved.exits} VM exits, ${found}`;
}

/** Runs one of the machines from exit to exit. */
class Stepper {
  exits = 0;
  hasEnded = false;
  private readonly before: (Int32Array | undefined)[];

  constructor(private readonly machine: DrivenMachine) {
    const { processors } = machine.pc;
    this.before = processors.map(({ attention }) => attention);
    // With a word that asks for attention, a run ends at each exit.
    for (const processor of processors) processor.attention = Int32Array.of(1);
  }

  /** To the next exit, or to the end of the turn. */
  step(): void {
    const { pc, driver, globals } = this.machine;
    const handled = this.handled();
    driver.takeOutput();
    if (globals !== undefined) useHandlerGlobals(globals);
    this.hasEnded = pc.runQuantum(() => true) !== undefined;
    this.exits += (this.handled() - handled) | 0;
  }

  release(): void {
    this.machine.pc.processors.forEach((processor, i) => (processor.attention = this.before[i]));
  }

  get isDue(): boolean {
    return this.exits > 0 && this.exits % exitsBetweenHashes === 0;
  }

  /** What registers, VMX state or reports have that those of another machine do not. */
  processorDifference(other: Stepper): string | undefined {
    const { pc, driver } = this.machine;
    for (const processor of pc.processors) {
      const wanted = other.machine.pc.processors[processor.id]!;
      const found = stateDifference(processor.architecturalState(), wanted.architecturalState());
      if (found !== undefined) return `processor ${processor.id}: ${found}`;
    }
    const [own, wanted] = [driver.reports(), other.machine.driver.reports()];
    return equalData(own, wanted) ? undefined : `the reports are ${shown(own)}, not ${shown(wanted)}`;
  }

  /** The same of memory, devices and the state of the VMM. */
  wholeDifference(other: Stepper): string | undefined {
    const { pc, driver } = this.machine;
    if (pc.stateHash() !== other.machine.pc.stateHash()) return 'memory or devices differ';
    return equalData(driver.save(), other.machine.driver.save()) ? undefined : 'the state of the VMM differs';
  }

  private handled(): number {
    return this.machine.pc.processors.reduce((sum, { exitsHandled }) => (sum + exitsHandled) | 0, 0);
  }
}

const shown = (reports: object): string =>
  JSON.stringify(reports, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
