// SPDX-License-Identifier: LGPL-2.1-only
import { SerialPortAddress } from '../../intrinsics/registers/serial_registers.js';
import type { DeviceRam } from '../memory/guest_ram.js';
import type { ProcessorPins } from '../processor/processor_pins.js';
import { AcpiPm } from './acpi_pm.js';
import { DebugPorts } from './debug_ports.js';
import type { Device } from './device.js';
import type { Clock, EventQueue } from './event_queue.js';
import { FwCfg } from './fw_cfg.js';
import { Hpet } from './hpet/hpet.js';
import { InterruptLines } from './interrupts/interrupt_lines.js';
import { InterruptMessages } from './interrupts/interrupt_messages.js';
import { IoApic } from './interrupts/io_apic.js';
import { LocalApic } from './interrupts/local_apic.js';
import { sendMessageSignalled } from './interrupts/message_signalled.js';
import { Pic } from './interrupts/pic.js';
import type { IoBus } from './io_bus.js';
import { KeyboardController } from './keyboard_controller.js';
import { NumericError } from './numeric_error.js';
import { PcTestDevice } from './pc_test_device.js';
import { HostBridge } from './pci/host_bridge.js';
import { PciBus } from './pci/pci_bus.js';
import type { PciFunction } from './pci/pci_function.js';
import { Pit } from './pit.js';
import { PowerPorts } from './power_ports.js';
import { RTC_DEFAULT_START, Rtc } from './rtc.js';
import type { SystemControl } from './system_control.js';
import { Uart16550 } from './uart_16550.js';
import type { DiskImage } from './virtio/disk_image.js';
import { VirtioBlk } from './virtio/virtio_blk.js';
import { VirtioConsole, type ConsolePort } from './virtio/virtio_console.js';
import { VirtioFunction } from './virtio/virtio_function.js';
import { VirtioRng } from './virtio/virtio_rng.js';

/** First port of COM1, the guest's console. */
export const COM1 = SerialPortAddress.com1;
/** First port of COM2, the VMM's own port. */
export const COM2 = SerialPortAddress.com2;

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

/** What exists before the devices. */
interface ChipsetBase {
  readonly options: ChipsetOptions;
  readonly bus: IoBus;
  readonly events: EventQueue;
}

/** The devices of the PC. */
export interface ChipsetDevices {
  readonly messages: InterruptMessages;
  readonly pic: Pic;
  readonly localApics: readonly LocalApic[];
  readonly ioApic: IoApic;
  readonly com1: Uart16550;
  readonly com2: Uart16550;
  readonly debugPorts: DebugPorts;
  readonly numericError: NumericError;
  readonly pci: PciBus;
  readonly hpet: Hpet;
  readonly pit: Pit;
  readonly rtc: Rtc;
  readonly keyboardController: KeyboardController;
  readonly acpiPm: AcpiPm;
  readonly powerPorts: PowerPorts;
  readonly fwCfg: FwCfg;
  readonly testDevice: readonly PcTestDevice[];
}

/** What a factory gets: the base, and the devices that were made before. Functions may use later ones too, once all are made. */
type Parts = ChipsetBase & ChipsetDevices;

/** The wires to both interrupt controllers. */
const linesOf = ({ pic, ioApic }: Parts): InterruptLines => new InterruptLines(pic, ioApic);

/** In the order in which they are made, reset, saved and hashed. */
const factories: { readonly [Name in keyof ChipsetDevices]: (parts: Parts) => ChipsetDevices[Name] } = {
  messages: ({ events, options: { isExecuting, currentProcessor } }) =>
    new InterruptMessages({ events, sender: () => (isExecuting() ? currentProcessor() : undefined) }),
  // The PIC's output goes to LINT0 of the first processor, and the first processor's acknowledge cycle back to the PIC.
  pic: (parts) => new Pic(parts.bus, (level) => parts.localApics?.[0]!.setLint0(level)),
  localApics: (parts) => parts.options.processors.map((pins, id) => localApic(parts, pins, id)),
  ioApic: ({ bus, messages }) => new IoApic(bus, messages),
  com1: (parts) => new Uart16550('com1', parts.bus, COM1, linesOf(parts).line(4), parts.options.com1),
  com2: (parts) => new Uart16550('com2', parts.bus, COM2, linesOf(parts).line(3), parts.options.com2),
  debugPorts: ({ bus, options }) => new DebugPorts(bus, options.system, options.debugConsole),
  numericError: (parts) => new NumericError(parts.bus, linesOf(parts).line(13)),
  pci: (parts) => pciBus(parts),
  hpet: (parts) => new Hpet(parts.bus, parts.events, linesOf(parts)),
  pit: ({ bus, events, hpet }) => new Pit(bus, events, hpet.legacyLine(0)),
  rtc: ({ bus, events, hpet, options: { memoryBytes, rtcStart } }) =>
    new Rtc(bus, events, hpet.legacyLine(1), memoryBytes, rtcStart ?? RTC_DEFAULT_START),
  keyboardController: (parts) => new KeyboardController(parts.bus, linesOf(parts).line(1), parts.options.system),
  acpiPm: ({ bus, events, options }) => new AcpiPm(bus, events, options.system),
  powerPorts: ({ bus, options }) => new PowerPorts(bus, options.system),
  fwCfg: ({ bus, options: { memoryBytes, processors } }) =>
    new FwCfg(bus, { memoryBytes, processors: processors.length }),
  testDevice: (parts) => {
    const { testDevice: flushPage } = parts.options;
    return flushPage === undefined ? [] : [new PcTestDevice(parts.bus, linesOf(parts), flushPage)];
  },
};

function localApic({ options, events, messages, pic }: Parts, pins: ProcessorPins, id: number): LocalApic {
  const { tscOffset, apicTickNanoseconds: tickNanoseconds } = options;
  const apicOptions = { id, tickNanoseconds, ...(tscOffset && { tscOffset: () => tscOffset(id) }) };
  return new LocalApic(apicOptions, events, messages, pins, () => pic.acknowledge());
}

/** The bus with its functions, each of which is the next PCI device. */
function pciBus(parts: Parts): PciBus {
  const { bus, events, messages, options } = parts;
  const { ram, disks = [], virtioConsole } = options;
  const lines = linesOf(parts);
  const pci = new PciBus(bus, (irq) => lines.line(irq));
  const sendMessage = (address: number, data: number): void => sendMessageSignalled(messages, address, data);
  const platform = { bus, events, ram, sendMessage };
  const functions: readonly (() => PciFunction)[] = [
    () => new HostBridge(),
    () => new VirtioFunction(platform, new VirtioRng(RANDOM_SEED)),
    ...disks.map((disk, i) => () => new VirtioFunction(platform, new VirtioBlk(`disk${i}`, disk))),
    ...(virtioConsole === undefined ? [] : [() => new VirtioFunction(platform, new VirtioConsole(virtioConsole))]),
  ];
  functions.forEach((make, device) => pci.add(device, make()));
  return pci;
}

/** Makes all devices, wired up. */
export function makeDevices(base: ChipsetBase): ChipsetDevices {
  const parts: Partial<Record<string, unknown>> = { ...base };
  for (const [name, make] of Object.entries(factories)) parts[name] = make(parts as unknown as Parts);
  return parts as unknown as Parts;
}

/** All of them in the order of the factories, each processor's local APIC by itself. */
export function inOrder(devices: ChipsetDevices): readonly Device[] {
  const names = Object.keys(factories) as (keyof ChipsetDevices)[];
  return names.flatMap((name): Device | readonly Device[] => devices[name]);
}
