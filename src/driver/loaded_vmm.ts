// SPDX-License-Identifier: LGPL-2.1-only
import type { ComponentSymbol } from '../intrinsics/component.js';
import {
  SerialPortAddress,
  BaudRate,
  DataBits,
  ParityBits,
  StopBits,
} from '../intrinsics/registers/serial_registers.js';
import type { BindingRecord } from '../vmm/container/binding_record.js';
import { withSettings } from '../vmm/container/parameter.js';
import { vmmModule, type PartModule } from '../vmm/container/part_module.js';
import { VmmContainer } from '../vmm/container/vmm_container.js';
import type { ReportValue } from '../vmm/vcpu/report_contribution.js';
import { Entry } from '../vmm/entry/entry.js';
import { HandlerTrace, refuseLeftOver, whileDoing } from '../vmm/exit/handler_trace.js';
import { attachOutput, Output } from '../vmm/output/output.js';
import { readVmmImage, restoreVmmImage, type VmmImage } from '../vmm/restore/vmm_image.js';
import { reloadVmm, type VmmReload } from '../vmm/restore/vmm_reload.js';
import { VmmMark } from '../vmm/restore/vmm_mark.js';
import { SerialSettings } from '../vmm/serial/serial_port.js';
import { noSymbols } from '../vmm/symbols/no_symbols.js';
import { Symbols } from '../vmm/symbols/symbols.js';
import { VcpuManager } from '../vmm/vcpu/vcpu_manager.js';
import { VmcsWriteTrace } from '../vmm/vmcs_fields/vmcs_write_trace.js';
import { vcpuParts, vmmParts } from '../vmm/vmm_module.js';
import type { DriverMachine } from './driver_machine.js';

/** A module with the file that exported it. */
export interface FileModule {
  readonly file: string;
  readonly module: PartModule;
}

/** What a load depends on, besides machine and modules. */
export interface LoadOptions {
  /** Record where each VMCS field is written. */
  readonly traceVmcs?: boolean;
  /** Values of parameters, as text by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the order in which the modules are taken. The default is 0. */
  readonly seed?: number;
}

/** COM2: COM1 is the console of the machine's guest. */
const machineSerialSettings: SerialSettings = {
  port: SerialPortAddress.com2,
  baudRate: BaudRate.baud_rate_115200,
  dataBits: DataBits.char_length_8,
  stopBits: StopBits.stop_bits_1,
  parityBits: ParityBits.parity_none,
};

function machineModule(machine: DriverMachine, trace: HandlerTrace, traceVmcs: boolean): PartModule {
  return vmmModule(({ bind }) => {
    for (const { symbol, value } of machine.intrinsics) bind(symbol).toConstantValue(value);
    bind(SerialSettings).toConstantValue(machine.serialSettings ?? machineSerialSettings);
    bind(Symbols).toConstantValue(machine.symbols ?? noSymbols);
    bind(HandlerTrace).toConstantValue(trace);
    bind(VmcsWriteTrace).toConstantValue({ enabled: traceVmcs });
  });
}

/** The same order for the same seed: a load is as deterministic as a run. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const result = [...items];
  let random = seed >>> 0;
  for (let at = result.length - 1; at > 0; at--) {
    // The linear congruential generator of "Numerical Recipes".
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((random / 2 ** 32) * (at + 1));
    [result[at], result[other]] = [result[other]!, result[at]!];
  }
  return result;
}

/** A VMM with its container, between load and unload. */
export class LoadedVmm {
  readonly entry: Entry;
  readonly vcpuManager: VcpuManager;
  readonly serialSettings: SerialSettings;
  private finalReports: Record<string, Record<string, ReportValue>> | undefined;

  private constructor(private readonly container: VmmContainer) {
    this.entry = container.get(Entry);
    this.vcpuManager = container.get(VcpuManager);
    this.serialSettings = container.get(SerialSettings);
  }

  /**
   * Validates the base and the given modules together, makes the VMM's parts and initialises them. The modules are shuffled, so that nobody
   * can depend on their order.
   *
   * @param options what else the load depends on.
   * @throws ModuleLoadError, EntryError; nothing is left behind.
   */
  static create(
    machine: DriverMachine,
    modules: readonly FileModule[],
    trace: HandlerTrace,
    options: LoadOptions = {},
  ): LoadedVmm {
    return whileDoing(trace, 'the load of the VMM', () =>
      LoadedVmm.build(machine, modules, trace, options, (vmm) => vmm.entry.initVmm()),
    );
  }

  /**
   * Makes the parts of the same modules over a machine whose state was restored, initialises none, and puts their state back.
   *
   * @throws ModuleLoadError, VmmImageError; the machine must not run then.
   */
  static restore(
    machine: DriverMachine,
    modules: readonly FileModule[],
    trace: HandlerTrace,
    options: LoadOptions,
    image: VmmImage,
  ): LoadedVmm {
    return whileDoing(trace, 'the load of the VMM', () =>
      LoadedVmm.build(machine, modules, trace, options, (vmm) => restoreVmmImage(vmm.container, image)),
    );
  }

  /**
   * Lets the code of other modules take over a VMM, which may run: its state goes on in new parts, and nothing is initialised again.
   *
   * @param old must not be used any more; if this throws, it goes on, and nothing was changed.
   * @throws ModuleLoadError, UnmarkedStateError, StateMisfitError, VmmImageError, ContributionError
   */
  static takeOver(
    old: LoadedVmm,
    machine: DriverMachine,
    modules: readonly FileModule[],
    trace: HandlerTrace,
    options: LoadOptions,
  ): { readonly vmm: LoadedVmm; readonly reload: VmmReload } {
    const names = trace.names.length;
    try {
      const container = LoadedVmm.containerOf(machine, modules, trace, options);
      const reload = reloadVmm(old.container, container);
      attachOutput(container.get(Output));
      return { vmm: new LoadedVmm(container), reload };
    } catch (error) {
      trace.names.length = names;
      throw error;
    }
  }

  private static build(
    machine: DriverMachine,
    modules: readonly FileModule[],
    trace: HandlerTrace,
    options: LoadOptions,
    begin: (vmm: LoadedVmm) => void,
  ): LoadedVmm {
    const container = LoadedVmm.containerOf(machine, modules, trace, options);
    attachOutput(container.get(Output));
    try {
      const vmm = new LoadedVmm(container);
      begin(vmm);
      refuseLeftOver(trace);
      return vmm;
    } catch (error) {
      attachOutput(undefined);
      container[Symbol.dispose]();
      throw error;
    }
  }

  private static containerOf(
    machine: DriverMachine,
    modules: readonly FileModule[],
    trace: HandlerTrace,
    { traceVmcs = false, settings = {}, seed = 0 }: LoadOptions,
  ): VmmContainer {
    const base: FileModule[] = [
      { file: 'bareflank (vmm_module.ts)', module: vmmParts },
      { file: 'bareflank (vmm_module.ts)', module: vcpuParts },
      { file: 'the machine', module: machineModule(machine, trace, traceVmcs) },
    ];
    const records: BindingRecord[] = shuffled([...base, ...modules], seed).flatMap(({ file, module }) => [
      ...module.record(file),
    ]);
    return VmmContainer.create(withSettings(records, settings));
  }

  /** A point to which the VMM can go back in its own containers. @throws VmmImageError */
  mark(): VmmMark {
    return new VmmMark(this.container);
  }

  /** Messages of the VMM's code come to this VMM. Where several VMMs in one process take turns, each calls it first. */
  takeOutput(): void {
    attachOutput(this.container.get(Output));
  }

  /** The state of all parts, as plain data. Changes nothing. @throws UnmarkedStateError, VmmImageError */
  save(): VmmImage {
    return readVmmImage(this.container);
  }

  /** A part of the VMM's scope. */
  get<T>(symbol: ComponentSymbol<T>): T {
    return this.container.get(symbol);
  }

  /** What extensions reported, also after `unload`. */
  reports(): Record<string, Record<string, ReportValue>> {
    return this.finalReports ?? this.vcpuManager.reports();
  }

  private dispose(): void {
    try {
      this.container[Symbol.dispose]();
    } finally {
      attachOutput(undefined);
    }
  }

  /** Disposes all parts, even if a report fails: vCPUs first, the VMM's last. */
  unload(): void {
    try {
      this.finalReports = this.vcpuManager.reports();
    } finally {
      this.dispose();
    }
  }
}
