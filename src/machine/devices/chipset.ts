// SPDX-License-Identifier: LGPL-2.1-only
import { SerialPortAddress } from '../../intrinsics/registers/serial_registers.js';
import { AcpiPm } from './acpi_pm.js';
import { DebugPorts } from './debug_ports.js';
import type { AccessSize, Device } from './device.js';
import { EventQueue } from './event_queue.js';
import type { Clock } from './event_queue.js';
import { FwCfg } from './fw_cfg.js';
import { Hpet } from './hpet.js';
import { InterruptLines } from './interrupts/interrupt_lines.js';
import { InterruptMessages } from './interrupts/interrupt_messages.js';
import { IoApic } from './interrupts/io_apic.js';
import { IoBus } from './io_bus.js';
import { KeyboardController } from './keyboard_controller.js';
import { LocalApic } from './interrupts/local_apic.js';
import type { ProcessorPins } from '../processor/processor_pins.js';
import { PcTestDevice } from './pc_test_device.js';
import { HostBridge } from './pci/host_bridge.js';
import { PciBus } from './pci/pci_bus.js';
import { PCI_DEVICES } from './pci/pci_routing.js';
import type { PciFunction } from './pci/pci_function.js';
import type { DeviceRam } from '../memory/guest_ram.js';
import { sendMessageSignalled } from './interrupts/message_signalled.js';
import type { DiskImage } from './virtio/disk_image.js';
import { VirtioConsole, type ConsolePort } from './virtio/virtio_console.js';
import { VirtioBlk } from './virtio/virtio_blk.js';
import { VirtioFunction } from './virtio/virtio_function.js';
import { VirtioRng } from './virtio/virtio_rng.js';
import { NumericError } from './numeric_error.js';
import { Pic } from './interrupts/pic.js';
import { Pit } from './pit.js';
import { PowerPorts } from './power_ports.js';
import { RTC_DEFAULT_START, Rtc } from './rtc.js';
import type { SystemControl } from './system_control.js';
import { Uart16550 } from './uart_16550.js';

/** First port of COM1, the guest's console. */
export const COM1 = SerialPortAddress.com1;
/** First port of COM2, the VMM's own port. */
export const COM2 = SerialPortAddress.com2;

/** Disks that fit on the PCI bus, with the host bridge, the entropy device and a console. */
export const MOST_DISKS = PCI_DEVICES - 3;

/** The start of the entropy device's numbers. */
const RANDOM_SEED = 0x62617265;

/** What the chipset needs from the machine around it. */
export interface ChipsetOptions {
  readonly memoryBytes: number;
  /** What devices read and write. */
  readonly ram: DeviceRam;
  /** A block device each. */
  readonly disks?: readonly DiskImage[];
  /** A console device. */
  readonly virtioConsole?: ConsolePort;
  readonly clock: Clock;
  /** A device must be woken at this virtual time: the running quantum must end by then. */
  readonly earlier: (deadline: number) => void;
  /** One for each logical processor, in order of their numbers. */
  readonly processors: readonly ProcessorPins[];
  /** The number of the processor whose access is under way. */
  readonly currentProcessor: () => number;
  /** Whether that processor executes instructions now: what it sends to others takes until they have reached its time. */
  readonly isExecuting: () => boolean;
  readonly system: SystemControl;
  readonly com1: (byte: number) => void;
  readonly com2: (byte: number) => void;
  readonly debugConsole: (byte: number) => void;
  /** Nanoseconds in a tick of the local APIC timer's undivided clock; CPUID 15H must say the same. */
  readonly apicTickNanoseconds: number;
  /** Seconds since 1970 at power-on. */
  readonly rtcStart?: number;
  /** Adds QEMU's pc-testdev. The function gets the page whose translations the guest wants flushed. */
  readonly testDevice?: (address: number) => void;
  readonly tscOffset?: (processor: number) => bigint;
}

const APIC_PAGE = 0x1000;

/** What the factory of a device gets. */
interface ChipsetParts {
  readonly bus: IoBus;
  readonly events: EventQueue;
  readonly lines: InterruptLines;
  readonly hpet: Hpet;
  readonly options: ChipsetOptions;
}

/** The devices that nothing else of the machine refers to, in the order in which they are made. */
const factories: readonly ((parts: ChipsetParts) => Device)[] = [
  ({ hpet }) => hpet,
  ({ bus, events, hpet }) => new Pit(bus, events, hpet.legacyLine(0)),
  ({ bus, events, hpet, options }) =>
    new Rtc(bus, events, hpet.legacyLine(1), options.memoryBytes, options.rtcStart ?? RTC_DEFAULT_START),
  ({ bus, lines, options }) => new KeyboardController(bus, lines.line(1), options.system),
  ({ bus, events, options }) => new AcpiPm(bus, events, options.system),
  ({ bus, options }) => new PowerPorts(bus, options.system),
  ({ bus, options }) => new FwCfg(bus, { memoryBytes: options.memoryBytes, processors: options.processors.length }),
];

/** All devices of the PC, wired up. */
export class Chipset {
  readonly bus = new IoBus();
  readonly events: EventQueue;
  readonly pic: Pic;
  readonly ioApic: IoApic;
  readonly localApics: readonly LocalApic[];
  readonly com1: Uart16550;
  readonly com2: Uart16550;
  readonly debugPorts: DebugPorts;
  readonly numericError: NumericError;
  readonly pci: PciBus;
  /** In the order in which they are reset, saved and hashed. */
  readonly devices: readonly Device[];
  private readonly currentProcessor: () => number;

  constructor(options: ChipsetOptions) {
    const { bus } = this;
    this.currentProcessor = options.currentProcessor;
    this.events = new EventQueue(options.clock, options.earlier);
    const { currentProcessor, isExecuting } = options;
    const sender = (): number | undefined => (isExecuting() ? currentProcessor() : undefined);
    const messages = new InterruptMessages({ events: this.events, sender });
    // The PIC's output goes to LINT0 of the first processor, and the first processor's acknowledge cycle back to the PIC.
    this.pic = new Pic(bus, (level) => this.localApics?.[0]!.setLint0(level));
    this.localApics = options.processors.map((signals, id) => this.makeLocalApic(options, messages, signals, id));
    this.ioApic = new IoApic(bus, messages);
    const lines = new InterruptLines(this.pic, this.ioApic);
    this.com1 = new Uart16550('com1', bus, COM1, lines.line(4), options.com1);
    this.com2 = new Uart16550('com2', bus, COM2, lines.line(3), options.com2);
    this.debugPorts = new DebugPorts(bus, options.system, options.debugConsole);
    this.numericError = new NumericError(bus, lines.line(13));
    this.pci = new PciBus(bus, (irq) => lines.line(irq));
    this.addFunctions(options, messages);
    const parts = { bus, events: this.events, lines, hpet: new Hpet(bus, this.events, lines), options };
    const devices: Device[] = [
      messages,
      this.pic,
      ...this.localApics,
      this.ioApic,
      this.com1,
      this.com2,
      this.debugPorts,
      this.numericError,
      this.pci,
      ...factories.map((make) => make(parts)),
    ];
    if (options.testDevice !== undefined) devices.push(new PcTestDevice(bus, lines, options.testDevice));
    this.devices = devices;
  }

  /** Each factory makes the function of the next PCI device. */
  private addFunctions({ ram, disks = [], virtioConsole }: ChipsetOptions, messages: InterruptMessages): void {
    const { bus, events } = this;
    const sendMessage = (address: number, data: number): void => sendMessageSignalled(messages, address, data);
    const platform = { bus, events, ram, sendMessage };
    const factories: readonly (() => PciFunction)[] = [
      () => new HostBridge(),
      () => new VirtioFunction(platform, new VirtioRng(RANDOM_SEED)),
      ...disks.map((disk, i) => () => new VirtioFunction(platform, new VirtioBlk(`disk${i}`, disk))),
      ...(virtioConsole === undefined ? [] : [() => new VirtioFunction(platform, new VirtioConsole(virtioConsole))]),
    ];
    factories.forEach((make, device) => this.pci.add(device, make()));
  }

  private makeLocalApic(
    options: ChipsetOptions,
    messages: InterruptMessages,
    pins: ProcessorPins,
    id: number,
  ): LocalApic {
    const { tscOffset, apicTickNanoseconds: tickNanoseconds } = options;
    const apicOptions = { id, tickNanoseconds, ...(tscOffset && { tscOffset: () => tscOffset(id) }) };
    return new LocalApic(apicOptions, this.events, messages, pins, () => this.pic.acknowledge());
  }

  /** The local APIC of the processor whose access is under way. */
  get currentApic(): LocalApic {
    return this.localApics[this.currentProcessor()]!;
  }

  /** A load of the current processor from an address without memory. @param size bytes, at most 4. */
  readMemory(address: number, size: AccessSize): number {
    const apic = this.apicAt(address);
    return apic === undefined ? this.bus.readMemory(address, size) : apic.readMmio(address - apic.baseAddress);
  }

  /** A store of the current processor to an address without memory. @param size bytes, at most 4. */
  writeMemory(address: number, size: AccessSize, value: number): void {
    const apic = this.apicAt(address);
    if (apic === undefined) this.bus.writeMemory(address, size, value);
    else apic.writeMmio(address - apic.baseAddress, size, value);
  }

  /** Each processor sees its own APIC at the address in its own IA32_APIC_BASE. */
  private apicAt(address: number): LocalApic | undefined {
    const apic = this.currentApic;
    return apic.isEnabled && !apic.isX2apic && address >= apic.baseAddress && address < apic.baseAddress + APIC_PAGE
      ? apic
      : undefined;
  }

  reset(): void {
    this.events.restore({});
    for (const device of this.devices) device.reset();
  }

  /** The state of all devices and timers as plain data. */
  save(): Record<string, object> {
    const states = Object.fromEntries(this.devices.map((device) => [device.name, device.save()]));
    return { ...states, timers: this.events.save() };
  }

  /** @param states what `save` of a chipset with the same devices gave. */
  restore(states: Readonly<Record<string, object>>): void {
    // Devices that drive wires come before the controllers behind the wires: whatever a wire's level does there is then overwritten.
    for (const device of [...this.devices].reverse()) device.restore(states[device.name] ?? {});
    this.events.restore((states.timers ?? {}) as Record<string, number>);
  }
}
