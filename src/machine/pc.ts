// SPDX-License-Identifier: LGPL-2.1-only
import { writeBiosDataArea } from './boot/bios_data_area.js';
import { writeBiosServices } from './boot/bios_services.js';
import { loadImage } from './boot/boot_image.js';
import { enterImage } from './boot/boot_processor.js';
import type { BootRequest } from './boot/entry_state.js';
import { modelFeatures } from './models/model_features.js';
import { WasmCore } from './processor/wasm_core.js';
import { BranchCoverage } from './branch_coverage.js';
import { MachineStops } from './debug/machine_stops.js';
import { CompiledTier } from './compiled/compiled_tier.js';
import { Chipset } from './devices/chipset.js';
import type { SystemControl } from './devices/system_control.js';
import type { PcEnd } from './pc_end.js';
import { PcBus } from './pc_bus.js';
import type { PcOptions } from './pc_options.js';
import { Execution } from './intrinsics/execution.js';
import { machineIntrinsics } from './intrinsics/machine_intrinsics.js';
import type { IntrinsicBinding } from './intrinsics/machine_intrinsics.js';
import { processorReport, type ProcessorReport } from './report/processor_report.js';
import { wakingPins } from './processor/processor_pins.js';
import { QUANTUM_INSTRUCTIONS, Scheduler, SHARED_QUANTUM_INSTRUCTIONS, type Death } from './scheduler.js';
import { DriverContext } from './driver_context/driver_context.js';
import { tripleFault } from './report/triple_fault.js';
import { undefinedOpcode } from './report/undefined_opcode.js';
import { unimplementedReport } from './report/unimplemented.js';
import { LogicalProcessor } from './processor/logical_processor.js';
import type { Moment } from './moment.js';
import { VmcallBuffer } from './driver_context/vmcall_buffer.js';
import { entryRules } from '../intrinsics/rules/entry_rules.js';
import { writeAcpiTables } from './boot/firmware_tables/acpi_tables.js';
import { writeSmbiosTables } from './boot/firmware_tables/smbios_tables.js';
import type { LaterPages } from './memory/absent_pages.js';
import { WrittenPages } from './memory/written_pages.js';
import { MachineCheckpoints } from './state/machine_checkpoints.js';
import { MachineMark, type MarkParts } from './state/machine_mark.js';
import type { MachinePoint } from './state/machine_point.js';
import { MachineSnapshot, type EndState } from './state/machine_snapshot.js';
import type { MachineState } from './state/machine_state.js';
import type { GuestSymbols } from './symbols/guest_symbols.js';
import { MachineSymbols } from './symbols/machine_symbols.js';
import { MemoryHash, digestText, digestToHex, digestWords, type Digest } from './state_hash.js';

export type { PcEnd, PcOptions };

/** What the driver of a VMM may do with the machine. */
export interface DriverAccess {
  readonly processors: number;
  /** The machine's implementations of the intrinsics, to be bound in the VMM's container. */
  readonly intrinsics: readonly IntrinsicBinding[];
  /** A word in which the VMM says what the handlers of an exit did. Each processor keeps it with its last exits. */
  readonly exitOutcome: Int32Array;
  /** Runs work on a processor, at an instruction boundary, in the driver's own ring-0 context. */
  inDriverContext<T>(processor: number, work: () => T): T;
  /** The driver's memory for the data of its VMCALLs. */
  readonly vmcallBuffers: { readonly input: VmcallBuffer; readonly output: VmcallBuffer };
  /** The names of the guest's code and data. What others look up has no influence on them. */
  readonly symbols: GuestSymbols;
}

function digestOf(parts: readonly Digest[]): string {
  return digestToHex(digestWords(Uint32Array.from(parts.flatMap(({ low, high }) => [low, high]))));
}

function makeProcessor(id: number, core: WasmCore, options: PcOptions, outcome: Int32Array): LogicalProcessor {
  const processor = new LogicalProcessor(id, core, {
    rules: entryRules,
    cr4Allowed: core.cr4Allowed,
    features: modelFeatures(core.model),
    counters: options.counters,
    exitCost: options.exitCost,
    exitHistory: options.exitHistories?.[id],
  });
  processor.exitMark = options.exitMark;
  processor.attention = options.attention;
  processor.exitOutcome = outcome;
  return processor;
}

function compiledTierOf(core: WasmCore, { compiledTier, processors = 1 }: PcOptions): CompiledTier | undefined {
  if (compiledTier === undefined) return undefined;
  return new CompiledTier({
    memory: core.memory,
    table: core.table,
    options: compiledTier,
    flushCode: () => core.flushCode(),
    runLength: processors === 1 ? QUANTUM_INSTRUCTIONS : SHARED_QUANTUM_INSTRUCTIONS,
  });
}

/**
 * The simulated PC: processors with VT-x, memory, devices, and virtual time. Its owner calls `runQuantum` until it returns an end.
 * Between two quanta nothing of the machine runs.
 */
export class Pc {
  readonly scheduler = new Scheduler();
  readonly chipset: Chipset;
  /** The first processor's core, and the machine's memory. */
  readonly core: WasmCore;
  readonly processors: readonly LogicalProcessor[];
  private readonly execution: Execution;
  private readonly ending: EndState = { end: undefined, debugExit: null };
  private readonly snapshot: MachineSnapshot;
  private readonly marks: MachineMark;
  /** Where a debugger stops this machine. */
  readonly stops: MachineStops;
  /** Which branches were taken, if that is wanted. */
  readonly coverage: BranchCoverage;
  /** The names of the guest's code and data. */
  readonly symbols: MachineSymbols;
  /** Compiles hot code, if that is wanted. */
  readonly compiledTier: CompiledTier | undefined;
  private readonly memoryHash: MemoryHash;
  private readonly written: WrittenPages;
  private ownCheckpoints: MachineCheckpoints | undefined;
  private readonly exitOutcome = new Int32Array(1);

  private constructor(
    private readonly options: PcOptions,
    private readonly cores: readonly WasmCore[],
    readonly bus: PcBus,
  ) {
    const core = cores[0]!;
    this.core = core;
    this.compiledTier = compiledTierOf(core, options);
    this.coverage = new BranchCoverage(core);
    this.processors = cores.map((each, id) => makeProcessor(id, each, options, this.exitOutcome));
    this.execution = new Execution(
      this.processors.map((each) => ({ processor: each, driver: new DriverContext(each) })),
    );
    this.symbols = new MachineSymbols(core, this.execution, options.symbols);
    for (const each of this.processors) this.scheduler.add(each);
    this.chipset = this.makeChipset();
    bus.connect(this.chipset);
    this.scheduler.attach(this.chipset.events, (processor) => this.execution.select(processor));
    this.chipset.reset();
    this.stops = new MachineStops(core, this.execution);
    const written = new WrittenPages(core, core.dirtyPages.length);
    this.written = written;
    this.memoryHash = new MemoryHash(core.physicalWords, written.consumer());
    this.snapshot = new MachineSnapshot({
      memoryBytes: options.memoryBytes,
      core,
      execution: this.execution,
      chipset: this.chipset,
      disks: options.disks ?? [],
      scheduler: this.scheduler,
      memoryHash: this.memoryHash,
      ending: this.ending,
    });
    this.marks = new MachineMark({
      core,
      snapshot: this.snapshot,
      disks: options.disks ?? [],
      ...this.pageWatch(),
    });
  }

  /** Makes a machine that has just been switched on. @throws if the system does not give the memory. */
  static async create(options: PcOptions): Promise<Pc> {
    const bus = new PcBus();
    const cores = WasmCore.createAll({
      module: options.coreModule,
      memoryBytes: options.memoryBytes,
      bus,
      ...(options.model !== undefined && { model: options.model }),
      ...(options.processors !== undefined && { processors: options.processors }),
      ...(options.memory !== undefined && { memory: options.memory }),
    });
    return new Pc(options, cores, bus);
  }

  private makeChipset(): Chipset {
    const { options, scheduler } = this;
    return new Chipset({
      memoryBytes: options.memoryBytes,
      ram: this.core.guestRam,
      ...(options.disks !== undefined && { disks: options.disks }),
      ...(options.virtioConsole !== undefined && { virtioConsole: options.virtioConsole }),
      clock: scheduler,
      earlier: (deadline) => scheduler.deadlineSet(deadline),
      processors: this.cores.map((core) => wakingPins(core, () => scheduler.wake(core.id))),
      currentProcessor: () => this.execution.processor.id,
      isExecuting: () => scheduler.isRunning,
      system: this.systemControl(),
      com1: options.com1,
      com2: options.com2,
      debugConsole: options.debugConsole ?? (() => {}),
      apicTickNanoseconds: 1e9 / this.core.crystalHz,
      ...(options.rtcStart !== undefined && { rtcStart: options.rtcStart }),
      ...(options.testDevice === true && { testDevice: () => this.core.flushTlb() }),
      // The core's offset is relative to instructions. Time in which the processor slept is virtual time too.
      tscOffset: (processor) => this.cores[processor]!.tscOffset - BigInt(scheduler.sleptOf(processor)),
    });
  }

  private systemControl(): SystemControl {
    const end = (kind: PcEnd['kind'], detail: string): void => {
      this.ending.end ??= { kind, detail };
      for (const processor of this.processors) processor.requestStop();
    };
    return {
      powerOff: (how) => end('powered-off', how),
      reset: (how) => end('reset', how),
      debugExit: (value) => {
        this.ending.debugExit ??= value;
        end('debug-exit', `port 0xf4, value ${value}`);
      },
      // Nothing wraps at 1 MiB here: no program of this century needs it to.
      setA20: () => {},
    };
  }

  /** The value that the guest wrote to the debug-exit port. */
  get debugExit(): number | null {
    return this.ending.debugExit;
  }

  /** Guest RAM from physical address 0, to read. Writes go through `core.guestRam`. */
  get ram(): Uint8Array {
    return this.core.ram;
  }

  /** Puts an image into memory and the first processor at its entry. @throws BootError */
  boot(request: BootRequest): void {
    const { guestRam } = this.core;
    writeBiosDataArea(guestRam);
    writeBiosServices(guestRam);
    const acpiRootPointer = writeAcpiTables(guestRam, this.processors.length);
    writeSmbiosTables(guestRam, {
      memoryBytes: this.options.memoryBytes,
      processors: this.processors.length,
      model: this.core.model,
      // One instruction lasts one nanosecond, and the TSC counts nanoseconds.
      hertz: 1e9,
    });
    const image = loadImage(guestRam, { acpiRootPointer, ...request });
    this.chipset.pci.configure();
    enterImage(this.core.block, image);
  }

  /** What the driver of a VMM needs from its machine. */
  get driverAccess(): DriverAccess {
    const { core, execution, processors } = this;
    return {
      processors: processors.length,
      intrinsics: machineIntrinsics(execution),
      exitOutcome: this.exitOutcome,
      inDriverContext: (processor, work) => {
        execution.select(processor);
        try {
          return execution.driver.run(work);
        } finally {
          // The VMM may have left something for the boundary at which the processor sleeps, such as a monitor trap.
          this.scheduler.wake(processor);
        }
      },
      vmcallBuffers: { input: new VmcallBuffer(core, 0), output: new VmcallBuffer(core, 1) },
      symbols: this.symbols.forVmm(),
    };
  }

  /** Nothing runs from now on. What a VMM still does while it is disposed acts on the devices at once. */
  switchOff(): void {
    this.execution.end();
  }

  /** Ends the current quantum at the next boundary. */
  requestStop(): void {
    for (const processor of this.processors) processor.requestStop();
  }

  /**
   * Runs one quantum, or jumps over idle time.
   * @param idle asked before a jump, with the nanoseconds it spans (infinite if no timer is armed); false forbids it.
   * @param most instructions after which the host cuts the quantum.
   * @returns how the machine ended, or undefined.
   */
  runQuantum(idle: (nanoseconds: number) => boolean, most = Infinity): PcEnd | undefined {
    const { ending } = this;
    if (ending.end !== undefined) return ending.end;
    this.compiledTier?.compileWanted();
    const death = this.scheduler.runQuantum(idle, most);
    if (death !== undefined) ending.end ??= this.endBy(death);
    return ending.end;
  }

  /** The whole state. Nothing of the machine changes. Call it between two quanta. @throws MachineStateError if something cannot be saved now. */
  save(): MachineState {
    return this.snapshot.save();
  }

  /**
   * Takes the state of a machine with the same model, memory, processors and devices, and goes on as that one does.
   * @param later pages of RAM that are not in the state: their contents come when something needs them
   * @throws MachineStateError if the state belongs to another machine; then nothing has changed.
   */
  restore(state: MachineState, later?: LaterPages): void {
    this.snapshot.restore(state, later);
  }

  /** Marks the present moment, for `reset`. @throws MachineStateError if something cannot be saved now */
  mark(): MachinePoint {
    return this.marks.mark();
  }

  /**
   * Brings this machine back to a point that it has marked. To the last one, only the pages that were written since are copied. The map of taken branches is
   * empty afterwards.
   * @throws MachineStateError for a point of another machine
   */
  reset(point: MachinePoint): void {
    this.marks.reset(point);
    if (this.coverage.isOn) this.coverage.clear();
  }

  /** Moments of this run to which the machine can go; none yet at the first call. */
  get checkpoints(): MachineCheckpoints {
    const { core, snapshot, memoryHash: hash } = this;
    const { disks = [] } = this.options;
    return (this.ownCheckpoints ??= new MachineCheckpoints({ core, snapshot, disks, hash, ...this.pageWatch() }));
  }

  /** The written pages, for one more that counts them and changes pages itself. */
  private pageWatch(): Pick<MarkParts, 'written' | 'changed'> {
    const own = this.written.consumer();
    return { written: own, changed: (page) => this.written.changed(page, own) };
  }

  private endBy(death: Death): PcEnd {
    const processor = this.processors[death.processor]!;
    this.execution.select(processor.id);
    const unimplemented = death.unimplemented && unimplementedReport(processor);
    const unknown = undefinedOpcode(processor);
    const fault = tripleFault(processor.core);
    return {
      kind: 'dead',
      detail: unimplemented === undefined ? death.reason : `unimplemented: ${unimplemented.what}`,
      processor: death.processor,
      ...(death.isHalted && { isHalted: true }),
      ...(unimplemented && { unimplemented }),
      ...(unknown && { undefinedOpcode: unknown }),
      ...(fault && { tripleFault: fault }),
    };
  }

  /** The present state of each processor, for the report of a machine that died or was stopped. */
  processorReports(): ProcessorReport[] {
    return this.inspect((processor) => processorReport(processor, this.symbols.own));
  }

  /** Looks at each processor while it is the loaded one. Precondition: `look` changes nothing. */
  inspect<T>(look: (processor: LogicalProcessor) => T): T[] {
    return this.execution.eachLoaded(({ processor }) => look(processor));
  }

  /** Does work that looks at processors, and may be ended in the middle of a look. */
  settling<T>(work: () => T): T {
    return this.execution.keepingSelection(work);
  }

  /** Instructions of all processors. */
  get instructions(): number {
    return this.processors.reduce((sum, processor) => sum + processor.instructionCount, 0);
  }

  /** Nanoseconds since power-on. */
  get virtualTime(): number {
    return this.scheduler.now();
  }

  /**
   * The present moment, if it is one that each run of the same machine comes to, wherever its host cuts it: between two turns, or after a VM exit at
   * which another thread wanted attention. Only at such a moment may something come in from outside.
   */
  get moment(): Moment | undefined {
    const { scheduler, instructions, virtualTime } = this;
    const { processorInTurn, turn } = scheduler;
    if (processorInTurn === undefined) return { turn, instructions, virtualTime };
    const { isCutAtExit, exitsHandled } = this.processors[processorInTurn]!;
    return isCutAtExit ? { turn, exit: exitsHandled, instructions, virtualTime } : undefined;
  }

  /** The present moment if the turn that has begun was cut behind an instruction: one at which only a choice of the next processor may come in. */
  get momentWithin(): Moment | undefined {
    const { scheduler, instructions, virtualTime } = this;
    if (this.moment !== undefined) return undefined;
    return { turn: scheduler.turn, isWithin: true, instructions, virtualTime };
  }

  /**
   * Chooses the processor that executes next, as `Scheduler.runNext` does. A run with the same choices at the same moments is the same run. Precondition: the
   * machine is at a moment or behind an instruction of a turn, and the processor does not sleep.
   */
  runNext(processor: number): void {
    this.scheduler.runNext(processor);
    // The last cut of its turns was in another turn.
    this.processors[processor]!.isCutAtExit = false;
  }

  /** Whether all processors sleep, and time has not jumped yet. */
  get isIdle(): boolean {
    return this.scheduler.isIdle;
  }

  /** A part of an idle time passes. Precondition: `isIdle`. */
  passIdleTime(nanoseconds: number): void {
    this.scheduler.passIdleTime(nanoseconds);
  }

  /** VM exits of all processors by basic reason. */
  exits(): number[] {
    const total: number[] = [];
    // Processors with shared counters have one array.
    for (const exits of new Set(this.processors.map((processor) => processor.exits)))
      exits.forEach((count, reason) => (total[reason] = (total[reason] ?? 0) + count));
    return total;
  }

  /** VM exits of all processors and reasons. */
  get exitCount(): number {
    let count = 0;
    // Processors with shared counters have one array.
    for (const exits of new Set(this.processors.map((processor) => processor.exits)))
      for (const each of exits) count += each;
    return count;
  }

  /**
   * Digest of memory, processors, VMX state and devices, in canonical form: what the core and the engine keep for speed alone does not count.
   * Equal runs have equal digests; it costs the pages written since the last call.
   */
  stateHash(): string {
    this.core.absentPages.provideAll();
    return digestOf([this.memoryHash.digest(), ...this.statesWithoutMemory()]);
  }

  /** The same without memory. It costs little, and soon differs too if memory does. */
  briefHash(): string {
    return digestOf(this.statesWithoutMemory());
  }

  private statesWithoutMemory(): Digest[] {
    const processors = this.processors.map((each) => digestText(each.architecturalState().join('\n')));
    return [...processors, digestText(JSON.stringify([this.chipset.save(), this.scheduler.save()]))];
  }
}
