// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../device.js';
import type { IoBus } from '../io_bus.js';
import { ConfigSpace } from './config_space.js';
import { IoBar, type IoBarOptions } from './io_bar.js';
import { MemoryBar, type MemoryBarOptions } from './memory_bar.js';
import { FIRST_CAPABILITY, PciCommand, PciRegister, PciStatus } from './pci_registers.js';

/** What a function says about itself. */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  /** Class, subclass and programming interface, from bits 23:16 down. */
  readonly classCode: number;
  readonly revision: number;
  readonly subsystemVendor?: number;
  readonly subsystem?: number;
  /** 1 to 4 for INTA# to INTD#; 0 if it has no interrupt wire. */
  readonly interruptPin: number;
}

/** The state of a function as plain data. */
export interface PciFunctionState {
  readonly config: readonly number[];
}

/** Bits of the command register that software can change; the bit for ports too, where a function has ports. */
const WRITABLE_COMMANDS = PciCommand.Memory | PciCommand.BusMaster | PciCommand.InterruptDisable;

/** A function on the PCI bus: its header, base address registers, capabilities and interrupt wire. */
export class PciFunction {
  readonly config = new ConfigSpace();
  readonly bars: (MemoryBar | IoBar)[] = [];
  /** Where the next capability goes, and the pointer that will lead to it. */
  private nextCapability = FIRST_CAPABILITY;
  private lastPointer: number = PciRegister.CapabilitiesPointer.offset;
  private wireChanged = (): void => {};

  constructor(
    readonly name: string,
    identity: PciIdentity,
  ) {
    const { config } = this;
    config.define(PciRegister.VendorId, identity.vendor);
    config.define(PciRegister.DeviceId, identity.device);
    config.define(PciRegister.Command, 0, WRITABLE_COMMANDS);
    config.define(PciRegister.Status, 0);
    config.define(PciRegister.ClassAndRevision, identity.classCode * 0x100 + identity.revision);
    config.define(PciRegister.CacheLineSize, 0, 0xff);
    config.define(PciRegister.SubsystemVendorId, identity.subsystemVendor ?? 0);
    config.define(PciRegister.SubsystemId, identity.subsystem ?? 0);
    config.define(PciRegister.InterruptLine, 0, identity.interruptPin === 0 ? 0 : 0xff);
    config.define(PciRegister.InterruptPin, identity.interruptPin);
  }

  /** @param wireChanged tells the bus that this function's interrupt wire has another level */
  attach(wireChanged: () => void): void {
    this.wireChanged = wireChanged;
  }

  /** Whether the function may read and write memory, and send message-signalled interrupts. */
  get isBusMaster(): boolean {
    return (this.config.get(PciRegister.Command) & PciCommand.BusMaster) !== 0;
  }

  /** Whether the function asserts its interrupt pin. */
  get assertsInterrupt(): boolean {
    const disabled = this.config.get(PciRegister.Command) & PciCommand.InterruptDisable;
    return disabled === 0 && (this.config.get(PciRegister.Status) & PciStatus.Interrupt) !== 0;
  }

  /** Requests an interrupt by wire, or takes the request back. */
  protected setInterrupt(level: boolean): void {
    const status = this.config.get(PciRegister.Status);
    this.config.set(PciRegister.Status, level ? status | PciStatus.Interrupt : status & ~PciStatus.Interrupt);
    this.wireChanged();
  }

  protected addBar(bus: IoBus, options: MemoryBarOptions): void {
    this.bars.push(new MemoryBar(this.config, bus, options));
  }

  protected addIoBar(bus: IoBus, options: IoBarOptions): void {
    this.config.define(PciRegister.Command, 0, WRITABLE_COMMANDS | PciCommand.Io);
    this.bars.push(new IoBar(this.config, bus, options));
  }

  /**
   * Adds a capability to the list.
   *
   * @param body what follows the identifier and the pointer to the next capability
   * @param writable the bits of `body` that software can change
   * @returns where the capability begins
   */
  protected addCapability(id: number, body: readonly number[], writable: readonly number[] = []): number {
    const at = this.nextCapability;
    this.config.define({ offset: this.lastPointer, size: 1 }, at);
    this.config.define(PciRegister.Status, PciStatus.CapabilitiesList);
    this.config.define({ offset: at, size: 1 }, id);
    this.config.define({ offset: at + 1, size: 1 }, 0);
    body.forEach((byte, i) => this.config.define({ offset: at + 2 + i, size: 1 }, byte, writable[i] ?? 0));
    this.lastPointer = at + 1;
    this.nextCapability = (at + 2 + body.length + 3) & ~3;
    return at;
  }

  readConfig(offset: number, size: AccessSize): number {
    return this.config.read(offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    this.config.write(offset, size, value);
    this.configChanged();
    this.wireChanged();
  }

  /** Brings what depends on the configuration in line with it. */
  protected configChanged(): void {
    const command = this.config.get(PciRegister.Command);
    for (const bar of this.bars) bar.update((command & bar.decodedBy) !== 0);
  }

  reset(): void {
    this.config.reset();
    this.configChanged();
  }

  save(): PciFunctionState {
    return { config: this.config.save() };
  }

  /** Takes a state that `save` of a function of the same kind gave. The bus sets the wires afterwards. */
  restore(state: PciFunctionState): void {
    if (this.config.restore(state.config)) this.configChanged();
  }
}
