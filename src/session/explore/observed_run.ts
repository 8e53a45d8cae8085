// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import type { Pc, PcEnd } from '../../machine/pc.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import { VmxMode } from '../../machine/vmx/vmx_mode.js';
import type { ExploredMachine, ExploredMemory, ExploredProcessor, ExploredRun } from './predicate.js';

/** A machine that goes back to one moment as often as wanted. */
export interface ExploredTarget {
  readonly pc: Pc;
  readonly driver: Driver;
  /** What the guest's console has printed. */
  readonly output: string;
  /** Back to the moment. */
  reset(): void;
}

function memoryOf(pc: Pc): ExploredMemory {
  const { ram } = pc;
  const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  const inRam = (physical: number, count: number): number => {
    if (physical >= 0 && physical + count <= ram.length) return physical;
    throw new RangeError(`${count} bytes at 0x${physical.toString(16)} are not all in RAM`);
  };
  return {
    read8: (physical) => view.getUint8(inRam(physical, 1)),
    read16: (physical) => view.getUint16(inRam(physical, 2), true),
    read32: (physical) => view.getUint32(inRam(physical, 4), true),
    read64: (physical) => view.getBigUint64(inRam(physical, 8), true),
    bytes: (physical, count) => ram.slice(inRam(physical, count), physical + count),
  };
}

function processorOf({ id, core }: LogicalProcessor): ExploredProcessor {
  const { block } = core;
  return {
    id,
    register: (name) => block.get(name),
    get isInGuest() {
      return block.get('VMX_MODE') === VmxMode.NonRoot;
    },
    get instructions() {
      return core.instructionCount;
    },
  };
}

/** The present run of a target, for predicates. Each run of the target calls `begin`. */
export class ObservedRun implements ExploredRun {
  readonly memory: ExploredMemory;
  readonly processors: readonly ExploredProcessor[];
  readonly machine: ExploredMachine;
  private end: PcEnd | undefined;
  private firstExits: readonly number[] = [];
  private printed = 0;

  constructor(private readonly target: ExploredTarget) {
    const { pc } = target;
    this.memory = memoryOf(pc);
    this.processors = pc.processors.map(processorOf);
    this.machine = this.observed();
  }

  begin(): void {
    this.end = undefined;
    this.firstExits = this.target.pc.exits();
    this.printed = this.target.output.length;
  }

  ended(end: PcEnd): void {
    this.end = end;
  }

  /** A predicate may take it out of the run. */
  readonly exits = (reason: ExitReason): number => this.target.pc.exits()[reason]! - this.firstExits[reason]!;

  get reports(): ExploredRun['reports'] {
    return this.target.driver.reports();
  }

  private observed(): ExploredMachine {
    const { target } = this;
    const [output, end] = [() => target.output.slice(this.printed), () => this.end];
    return {
      get instructions() {
        return target.pc.instructions;
      },
      get virtualTime() {
        return target.pc.virtualTime;
      },
      get output() {
        return output();
      },
      get end() {
        return end();
      },
    };
  }
}
