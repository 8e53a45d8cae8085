// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { MemoryWriter } from '../memory/memory_writer.js';
import type { ProcessorBlock } from '../processor/processor_block.js';
import type { DriverContext } from '../driver_context/driver_context.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import type { VmxEngine } from '../vmx/vmx_engine.js';
import { ProcessorDeadError } from '../processor/processor_death.js';

/** A logical processor and the driver's context on it. */
export interface ProcessorAndDriver {
  readonly processor: LogicalProcessor;
  readonly driver: DriverContext;
}

/**
 * Decides on which processor, and how, an intrinsic executes. The processor's mode decides how: in VMX non-root operation an instruction really
 * executes on the driver's code page, so that it can cause a VM exit. Otherwise the intrinsic acts at once.
 */
export class Execution {
  /** The processor that executes the intrinsics, its VMX engine and the driver's context on it. */
  processor: LogicalProcessor;
  engine: VmxEngine;
  driver: DriverContext;
  /** The machine's memory as words. */
  readonly u32: Uint32Array;
  private hasEnded = false;

  /** @param processors in order of their number, at least one. */
  constructor(readonly processors: readonly ProcessorAndDriver[]) {
    const { processor, driver } = processors[0]!;
    this.processor = processor;
    this.engine = processor.engine;
    this.driver = driver;
    this.u32 = processor.core.u32;
  }

  /** Makes a processor the one that executes the intrinsics; the scheduler and the driver call it before they call VMM code. */
  select(id: number): void {
    const { processor, driver } = this.processors[id]!;
    processor.core.load();
    this.processor = processor;
    this.engine = processor.engine;
    this.driver = driver;
  }

  /** Visits each processor while the core has it loaded. */
  eachLoaded<T>(visit: (each: ProcessorAndDriver) => T): T[] {
    return this.keepingSelection(() =>
      this.processors.map((each) => {
        this.select(each.processor.id);
        return visit(each);
      }),
    );
  }

  /** Does work that may select other processors. Afterwards the present one is selected again, also if the work throws. */
  keepingSelection<T>(work: () => T): T {
    const { id } = this.processor;
    try {
      return work();
    } finally {
      this.select(id);
    }
  }

  /**
   * The machine has ended: no processor executes anything any more. Intrinsics that parts of a VMM still call while they are disposed, for instance
   * to write to the serial port, act at once.
   */
  end(): void {
    this.hasEnded = true;
  }

  /** The registers of the processor that executes the intrinsics. */
  get registers(): ProcessorBlock {
    return this.processor.core.block;
  }

  /** Calls the exit handler if a VM exit still waits. @returns whether the processor is in non-root operation afterwards. */
  isGuestAfterExits(): boolean {
    if (this.hasEnded) return false;
    const { processor, engine } = this;
    if (this.driver.isActive && engine.exitPending) processor.deliverExit();
    if (processor.end !== undefined) throw new ProcessorDeadError(processor.id, processor.end);
    return engine.state.nonRoot;
  }

  /** The VMM stored into memory: whichever processor enters its guest next may have translations from there. */
  memoryWritten(): void {
    for (const { processor } of this.processors) processor.engine.state.memoryWritten();
  }

  /** Writes the machine's memory. */
  get writer(): MemoryWriter {
    return this.processor.core.writer;
  }

  /** Executes an instruction of the driver's code page. */
  execute(name: DriverInstruction): void {
    this.driver.execute(name);
  }

  /** The host's registers, if a VM exit left them unloaded. */
  loadHost(): void {
    this.engine.state.materializeHost();
  }

  /** Throws the fault that an action without a VM exit reported. @param vector −1 for none. */
  check(vector: number, what: string): void {
    if (vector < 0) return;
    throw new ProcessorFault(
      vector,
      vector === 13 || vector === 11 ? 0 : undefined,
      `${what} raised exception ${vector}`,
    );
  }
}
