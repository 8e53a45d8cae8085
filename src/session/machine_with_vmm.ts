// SPDX-License-Identifier: LGPL-2.1-only
import { Driver } from '../driver/driver.js';
import type { DriverPoint } from '../driver/driver_point.js';
import type { ModuleSource } from '../driver/module_source.js';
import type { BootRequest } from '../machine/boot/entry_state.js';
import type { BranchCoverage } from '../machine/branch_coverage.js';
import { Pc, type PcEnd, type PcOptions } from '../machine/pc.js';
import type { MachinePoint } from '../machine/state/machine_point.js';
import { addModules } from './add_modules.js';
import type { DrivenMachine } from './verify_state.js';

/** Which machine to make, and the modules of its VMM. */
export interface MachineWithVmmOptions extends Omit<PcOptions, 'com1' | 'com2' | 'debugConsole'> {
  /** Where the modules come from. */
  readonly source: ModuleSource;
  /** Extensions: module sources and `.modules` lists. None: the machine has no VMM. */
  readonly modules?: readonly string[];
  /** Values of the modules' parameters, as text by name. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A moment of a machine with its VMM, to which `MachineWithVmm.reset` brings it back. It belongs to that machine, and to the present process. */
export interface MarkedMoment {
  readonly machine: MachinePoint;
  readonly vmm: DriverPoint;
  /** How many characters the guest had printed. */
  readonly printed: number;
}

/**
 * A machine, the driver of its VMM, and the guest's console, for tests and fuzzers. It goes back to a marked moment by the pages that were written since. The
 * VMM keeps its containers: fields marked `@state()` get their values back, and its parts are attached.
 *
 * Nothing of the machine runs between two calls. The same calls give the same run.
 */
export class MachineWithVmm implements DrivenMachine {
  private constructor(
    readonly pc: Pc,
    readonly driver: Driver,
    private readonly console: { text: string },
  ) {}

  /**
   * Makes a machine that has just been switched on. If there are modules, it loads the VMM; `driver.start()` starts that.
   *
   * @throws ModuleLoadError … ; MemoryError if the system does not give the memory
   */
  static async create({ source, modules = [], settings, ...options }: MachineWithVmmOptions): Promise<MachineWithVmm> {
    const console = { text: '' };
    const print = (byte: number): void => void (console.text += String.fromCharCode(byte));
    const pc = await Pc.create({ ...options, com1: print, com2: () => {}, debugConsole: print });
    const driver = await Driver.create({ source, machine: pc.driverAccess });
    addModules(driver, modules);
    if (modules.length > 0) await driver.load(settings);
    return new MachineWithVmm(pc, driver, console);
  }

  /** What the guest has printed on COM1 and on the debug console. */
  get output(): string {
    return this.console.text;
  }

  /** Which branches the guest takes, once it is started. A reset empties its map. */
  get coverage(): BranchCoverage {
    return this.pc.coverage;
  }

  /** Puts an image into memory and the first processor at its entry. @throws BootError */
  boot({ kernel, modules = [], append = '' }: Pick<BootRequest, 'kernel'> & Partial<BootRequest>): void {
    this.pc.boot({ kernel, modules, append });
  }

  /** Types bytes at the guest's console. */
  type(bytes: readonly number[]): void {
    this.pc.chipset.com1.receive(bytes);
  }

  /** Writes the guest's memory, as a device would. @throws RangeError for bytes beyond the end */
  write(physicalAddress: number, bytes: ArrayLike<number>): void {
    this.pc.core.guestRam.set(bytes, physicalAddress);
  }

  /**
   * Runs for so much virtual time. An instruction of a processor lasts one nanosecond; idle time passes at once, and one that has begun passes whole.
   *
   * @returns how the machine ended, if it has
   */
  run(nanoseconds: number): PcEnd | undefined {
    const { pc, driver } = this;
    const until = pc.virtualTime + nanoseconds;
    let end: PcEnd | undefined;
    driver.takeOutput();
    while (end === undefined && pc.virtualTime < until) end = pc.runQuantum(() => true, until - pc.virtualTime);
    return end;
  }

  /** Marks the present moment. @throws MachineStateError, VmmImageError if something cannot be saved now; DriverStateError if the VMM is corrupt */
  mark(): MarkedMoment {
    return { vmm: this.driver.mark(), machine: this.pc.mark(), printed: this.console.text.length };
  }

  /**
   * Brings the machine and its VMM back to a moment, also after the guest or the VMM has died.
   *
   * @throws MachineStateError for a moment of another machine; DriverStateError, VmmImageError if the VMM was loaded, started or stopped since. Then nothing has
   *   changed.
   */
  reset({ vmm, machine, printed }: MarkedMoment): void {
    vmm.check();
    this.pc.reset(machine);
    vmm.reset();
    this.console.text = this.console.text.slice(0, printed);
  }

  /** Ends the machine: disposes the VMM in any state. */
  [Symbol.dispose](): void {
    this.pc.switchOff();
    this.driver.close();
  }
}
