// SPDX-License-Identifier: LGPL-2.1-only
import { ErrorCode, errorCodeName } from '../vmm/error_codes.js';
import { Limit } from '../vmm/sizes.js';
import { VmcallOpcode } from '../vmm/exit/vmcall_interface.js';
import { VmmStatus } from '../vmm/entry/vmm_status.js';
import { SerialPortAddress } from '../intrinsics/registers/serial_registers.js';
import type { ReportValue } from '../vmm/vcpu/report_contribution.js';
import { whileDoing, type HandlerTrace } from '../vmm/exit/handler_trace.js';
import type { VmcallRegisters } from '../vmm/exit/vmcall_registers.js';
import type { VmcallFailure } from '../vmm/vmcall/vmcall_failures.js';
import { bfwarning } from '../vmm/output/output.js';
import { DriverError, DriverStateError } from './driver_errors.js';
import { LoadedVmm, type FileModule } from './loaded_vmm.js';
import type { DriverMachine } from './driver_machine.js';
import type { DriverPoint } from './driver_point.js';
import type { DriverOptions } from './driver_options.js';
import { DriverVmcalls } from './driver_vmcalls.js';
import type { ModuleSource } from './module_source.js';
import type { LoadedFile, PreparedReload, Reloaded } from './reloaded.js';
import {
  checkVersion,
  matchModules,
  SAVED_DRIVER_VERSION,
  type SavedDriver,
  type SavedModule,
} from './saved_driver.js';
import type { VmcallAnswer } from './vmcall_answer.js';

/** A state of the driver, by the names that `bfm status` prints. */
export type DriverState = keyof typeof VmmStatus;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const modulesOf = ({ file, modules }: LoadedFile): FileModule[] => modules.map((module) => ({ file, module }));

/** Loads, starts and stops a VMM on a machine. */
export class Driver {
  private state: DriverState = 'VMM_UNLOADED';
  private files: string[] = [];
  private vmm: LoadedVmm | undefined;
  /** Of the present load, with its settings. */
  private modules: readonly SavedModule[] = [];
  private settings: Readonly<Record<string, string>> = {};
  /** Of a VMM that was unloaded before the state was saved with which this driver goes on. */
  private lastReports: Record<string, Record<string, ReportValue>> = {};
  private started = 0;
  private readonly trace: HandlerTrace;
  private readonly vmcalls: DriverVmcalls;

  private constructor(
    private readonly machine: DriverMachine,
    whereabouts: Int32Array,
    private readonly maxModules: number,
    private readonly announceHandlers: (names: readonly string[]) => void,
    private readonly traceVmcs: boolean,
    private readonly loadSeed: number,
    private readonly source: ModuleSource,
  ) {
    const outcome = machine.exitOutcome ?? new Int32Array(1);
    this.trace = { words: whereabouts, outcome, names: [], doing: undefined, leftOver: undefined };
    this.vmcalls = new DriverVmcalls(machine, () => this.vmm!);
  }

  static async create({
    machine,
    whereabouts = new Int32Array(1),
    maxModules = Limit.maxModules,
    announceHandlers = () => {},
    traceVmcs = false,
    loadSeed = 0,
    source,
    watch,
  }: DriverOptions): Promise<Driver> {
    const driver = new Driver(machine, whereabouts, maxModules, announceHandlers, traceVmcs, loadSeed, source);
    watch?.(driver.trace);
    return Promise.resolve(driver);
  }

  get status(): DriverState {
    return this.state;
  }

  /** Whether a VMM holds processors, or failed while it held them. */
  get hasVmm(): boolean {
    return this.state === 'VMM_RUNNING' || this.state === 'VMM_CORRUPT';
  }

  /** Names of contributions and exit handlers; complete when the VMM is started. */
  get handlerNames(): readonly string[] {
    return this.trace.names;
  }

  /** Adds a module. A file that was added already, by its real path, is added once. @throws DriverStateError, ModuleFileError */
  addModule(file: string): void {
    this.allow('add_module', 'VMM_UNLOADED');
    const path = this.source.identify(file);
    if (this.files.includes(path)) return;
    if (this.files.length >= this.maxModules)
      throw new DriverError(`module ${file} would be number ${this.maxModules + 1}; there may be ${this.maxModules}`);
    this.files.push(path);
  }

  /** Adds all modules of a `.modules` file. @throws ModuleListError too */
  addModules(file: string): void {
    this.allow('add_module', 'VMM_UNLOADED');
    for (const path of this.listed(file)) this.addModule(path);
  }

  /**
   * Loads the base VMM and the modules. A failure leaves the VMM unloaded. If it is already loaded, nothing happens.
   *
   * @param settings values of the modules' parameters, as text by name.
   * @throws ModuleLoadError …
   */
  async load(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.state === 'VMM_LOADED') return;
    this.allow('load', 'VMM_UNLOADED');
    try {
      const modules = await this.loadFiles();
      const options = { traceVmcs: this.traceVmcs, settings, seed: this.loadSeed };
      this.vmm = LoadedVmm.create(this.machine, modules.flatMap(modulesOf), this.trace, options);
      this.modules = modules.map(({ file, hash }) => ({ file, hash }));
      this.settings = { ...settings };
    } catch (error) {
      this.files = [];
      throw error;
    }
    this.state = 'VMM_LOADED';
    if (this.vmm.serialSettings.port === SerialPortAddress.com1) {
      bfwarning`the VMM's serial port is COM1, which is the console of the machine's guest as well`;
    }
  }

  /**
   * The state of driver and VMM, loaded or not, running or not; the machine's own state belongs to it. Changes nothing.
   *
   * @throws DriverStateError; UnmarkedStateError that names each field of a part that is state and not marked as such; VmmImageError
   */
  save(): SavedDriver {
    this.allow('save', 'VMM_UNLOADED', 'VMM_LOADED', 'VMM_RUNNING');
    const isLoaded = this.state !== 'VMM_UNLOADED';
    return {
      version: SAVED_DRIVER_VERSION,
      isRunning: this.state === 'VMM_RUNNING',
      modules: isLoaded ? this.modules : [],
      settings: isLoaded ? this.settings : {},
      loadSeed: this.loadSeed,
      traceVmcs: this.traceVmcs,
      handlerNames: [...this.trace.names],
      lastReports: isLoaded ? {} : this.reports(),
      image: isLoaded ? this.vmm!.save() : undefined,
    };
  }

  /**
   * Goes on with a saved state, over a machine whose own state was restored: makes the VMM's parts from the modules that were added, initialises
   * none, puts their state back and attaches them. A failure leaves the VMM unloaded; the machine must not run then.
   *
   * @throws DriverStateError; RestoreError for another format or other modules; ModuleLoadError, VmmImageError
   */
  async restore(saved: SavedDriver): Promise<void> {
    this.allow('restore', 'VMM_UNLOADED');
    checkVersion(saved);
    const modules = matchModules(saved.modules, saved.image === undefined ? [] : await this.loadFiles());
    this.trace.names.splice(0, Infinity, ...saved.handlerNames);
    this.lastReports = saved.lastReports;
    if (saved.image === undefined) return;
    const { settings, traceVmcs, loadSeed } = saved;
    const options = { settings, traceVmcs, seed: loadSeed };
    this.vmm = LoadedVmm.restore(this.machine, modules.flatMap(modulesOf), this.trace, options, saved.image);
    this.modules = modules.map(({ file, hash }) => ({ file, hash }));
    this.settings = settings;
    this.started = saved.isRunning ? this.machine.processors : 0;
    this.state = saved.isRunning ? 'VMM_RUNNING' : 'VMM_LOADED';
    this.announceHandlers(this.trace.names);
  }

  /**
   * Loads modules with which `reload` goes on. Changes nothing.
   *
   * @param files the default are those that are loaded. @throws DriverStateError, ModuleFileError
   */
  async prepareReload(files: readonly string[] = this.files): Promise<PreparedReload> {
    this.allow('reload', 'VMM_LOADED', 'VMM_RUNNING');
    const paths = [...new Set(files.map((file) => this.source.identify(file)))];
    return { modules: await this.loadFiles(paths) };
  }

  /**
   * Replaces the code of a VMM, which may run. The state of its parts goes on, and nothing is initialised again. Contributions that are new are set up,
   * and the requests of those that are gone end.
   *
   * @throws DriverStateError, ModuleLoadError, UnmarkedStateError, StateMisfitError and other errors that the new code does not fit: the old code goes on,
   *   and nothing was changed. DriverError if a contribution that is new could not be set up: the new code goes on.
   */
  reload({ modules }: PreparedReload): Reloaded {
    this.allow('reload', 'VMM_LOADED', 'VMM_RUNNING');
    const { settings, traceVmcs, loadSeed: seed } = this;
    const options = { settings, traceVmcs, seed };
    const { vmm, reload } = LoadedVmm.takeOver(
      this.vmm!,
      this.machine,
      modules.flatMap(modulesOf),
      this.trace,
      options,
    );
    const before = new Set(this.modules.map(({ hash }) => hash));
    this.vmm = vmm;
    this.files = modules.map(({ file }) => file);
    this.modules = modules.map(({ file, hash }) => ({ file, hash }));
    this.announceHandlers(this.trace.names);
    for (const id of reload.unfinished) this.finishReload(Number(id));
    const changed = this.modules.filter(({ hash }) => !before.has(hash)).map(({ file }) => file);
    return { changed, added: reload.added, removed: reload.removed };
  }

  /** The modules that a list names. @throws ModuleListError */
  listed(file: string): readonly string[] {
    return this.source.readList(file);
  }

  /**
   * Puts every processor into a VM: `startVmm`, then VMCALL start. A failure stops the processors that were started. If the VMM already runs, nothing happens.
   *
   * @throws DriverStateError, EntryError, DriverError
   */
  start(): void {
    if (this.state === 'VMM_RUNNING') return;
    this.allow('start', 'VMM_LOADED');
    try {
      whileDoing(this.trace, 'the start of the VMM', () => {
        for (let processor = 0; processor < this.machine.processors; processor++) this.startProcessor(processor);
      });
    } catch (error) {
      this.rollBack();
      throw error;
    }
    this.state = 'VMM_RUNNING';
  }

  /** Takes the processors out again, last first. A failure makes the VMM corrupt. If the VMM is loaded but not running, nothing happens. */
  stop(): void {
    if (this.state === 'VMM_LOADED') return;
    this.allow('stop', 'VMM_RUNNING');
    try {
      whileDoing(this.trace, 'the stop of the VMM', () => {
        while (this.started > 0) this.stopProcessor(this.started - 1);
      });
    } catch (error) {
      this.state = 'VMM_CORRUPT';
      throw error;
    }
    this.state = 'VMM_LOADED';
  }

  /** Ends the VMM and forgets the modules. A part that cannot be disposed makes the VMM corrupt. */
  unload(): void {
    this.allow('unload', 'VMM_LOADED', 'VMM_UNLOADED');
    this.files = [];
    try {
      whileDoing(this.trace, 'the end of the VMM', () => this.vmm?.unload());
    } catch (error) {
      this.state = 'VMM_CORRUPT';
      throw error;
    }
    this.state = 'VMM_UNLOADED';
  }

  /**
   * The end of a machine: disposes the VMM in any state, without touching a processor. Messages of parts go to the VMM's serial port. Reports stay
   * readable. An exception of a part is logged, not thrown.
   */
  close(): void {
    try {
      this.vmm?.unload();
    } catch (error) {
      bfwarning`while the VMM was disposed: ${messageOf(error)}`;
    }
    this.files = [];
    this.started = 0;
    this.state = 'VMM_UNLOADED';
  }

  /** The messages of a vCPU. @throws DriverStateError; DriverError for an id that no vCPU ever had */
  dump(vcpuid: bigint): string {
    this.allow('dump', 'VMM_LOADED', 'VMM_RUNNING', 'VMM_CORRUPT');
    const text = this.vmm!.vcpuManager.readRing(vcpuid);
    // vCPU 0 has no messages before the first start. A vCPU with another id may never exist.
    if (text === undefined && (vcpuid !== 0n || this.state === 'VMM_RUNNING')) {
      throw new DriverError(
        `there is no vcpu ${vcpuid} to dump (${errorCodeName(ErrorCode.GET_DRR_FAILURE)}): the VMM ${this.state === 'VMM_RUNNING' ? `runs ${this.started}` : 'has had none with this id'}`,
      );
    }
    return text ?? '';
  }

  /** Why the VMM refused the last VMCALL that was made on a processor. @returns undefined if it did not, or gave no reason */
  vmcallFailure(processor: number): VmcallFailure | undefined {
    return this.vmm && this.vmcalls.failure(Math.max(processor, 0));
  }

  /** A point to which the VMM goes back. @throws VmmImageError if its state cannot be saved now */
  mark(): DriverPoint {
    const { state, vmm } = this;
    const mark = vmm?.mark();
    const check = (): void => {
      if (this.vmm !== vmm) throw new DriverStateError('the VMM was loaded again since the mark');
      this.allow('a reset', state);
      mark?.check();
    };
    const reset = (): void => {
      check();
      this.takeOutput();
      mark?.reset();
    };
    return { check, reset };
  }

  /** Messages of the VMM's code come to this driver's VMM. Where several machines in one process take turns, each calls it first. */
  takeOutput(): void {
    this.vmm?.takeOutput();
  }

  /** What extensions report: by extension, then by value. */
  reports(): Record<string, Record<string, ReportValue>> {
    return this.vmm?.reports() ?? this.lastReports;
  }

  /**
   * A VMCALL from the driver's context. Registers that are not given are 0.
   *
   * @param processor below the number of processors; negative: processor 0, where a driver without threads runs.
   * @returns the registers as the VMM left them. @throws DriverStateError, DriverError with the code in R01
   */
  vmcall(processor: number, registers: Partial<VmcallRegisters>): VmcallRegisters {
    this.allow('vmcall', 'VMM_RUNNING');
    return this.vmcalls.make(this.startedProcessor(processor), registers);
  }

  /**
   * A VMCALL that carries data through the driver's buffers.
   *
   * @param type one of `VmcallDataType`.
   * @param data at most 131072 bytes; the VMM refuses an empty piece.
   * @returns the registers as the VMM left them, and the answer, which is empty unless R01 is 0.
   * @throws DriverStateError, DriverError if data or answer do not fit into their buffers or the machine has none
   */
  vmcallData(processor: number, type: number, data: Uint8Array): VmcallAnswer {
    this.allow('vmcall', 'VMM_RUNNING');
    return this.vmcalls.makeWithData(this.startedProcessor(processor), type, data);
  }

  private startedProcessor(processor: number): number {
    if (processor < this.started) return Math.max(processor, 0);
    throw new DriverError(
      `vmcall on processor ${processor}: the VMM runs on ${this.started}, numbered from 0 (invalid argument)`,
    );
  }

  private finishReload(processor: number): void {
    this.machine.inDriverContext(processor, () =>
      this.vmcalls.expectSuccess('reload', processor, VmcallOpcode.VMCALL_RELOAD),
    );
  }

  private async loadFiles(files: readonly string[] = this.files): Promise<LoadedFile[]> {
    const loaded: LoadedFile[] = [];
    for (const file of files) loaded.push({ file, ...(await this.source.load(file)) });
    return loaded;
  }

  private startProcessor(processor: number): void {
    this.machine.inDriverContext(processor, () => {
      this.vmm!.entry.startVmm(BigInt(processor));
      this.started++;
      this.announceHandlers(this.trace.names);
      this.vmcalls.expectSuccess('start', processor, VmcallOpcode.VMCALL_START);
    });
  }

  private stopProcessor(processor: number): void {
    this.machine.inDriverContext(processor, () => {
      this.vmcalls.expectSuccess('stop', processor, VmcallOpcode.VMCALL_STOP);
      this.vmm!.entry.stopVmm(BigInt(processor));
    });
    this.started--;
  }

  /** After a failed start: stops what runs. If that fails too, the VMM is corrupt. */
  private rollBack(): void {
    try {
      while (this.started > 0) {
        const processor = this.started - 1;
        this.machine.inDriverContext(processor, () => this.vmm!.entry.stopVmm(BigInt(processor)));
        this.started--;
      }
    } catch (error) {
      this.state = 'VMM_CORRUPT';
      bfwarning`the failed start could not be undone: ${messageOf(error)}`;
    }
  }

  private allow(call: string, ...states: readonly DriverState[]): void {
    if (states.includes(this.state)) return;
    throw new DriverStateError(
      `${call} is not possible while the VMM is ${this.state}; it must be ${states.join(' or ')}`,
    );
  }
}
