// SPDX-License-Identifier: LGPL-2.1-only
import {
  CONFIG_ADDRESS_PORT,
  interruptOfPin,
  PCI_DEVICES,
  PCI_MEMORY,
  PCI_PINS,
} from '../../devices/pci/pci_routing.js';
import { SerialPortAddress } from '../../../intrinsics/registers/serial_registers.js';
import { HPET_BASE, HPET_BYTES } from '../../devices/hpet/hpet_registers.js';
import {
  busNumbers,
  device,
  eisaId,
  integer,
  interrupt,
  memoryRange,
  memoryWindow,
  named,
  packageOf,
  portWindow,
  ports,
  resources,
  scope,
  type Aml,
} from './aml.js';

/** Ports of configuration mechanism 1. */
const CONFIG_PORTS = 8;

/** `_PRT`: the interrupt of each pin of each device. The address 0xFFFF in the low word means all functions of the device. */
function interruptRouting(): Aml {
  const entries = Array.from({ length: PCI_DEVICES * PCI_PINS }, (_, i) => {
    const slot = Math.floor(i / PCI_PINS);
    const pin = i % PCI_PINS;
    const address = slot * 0x10000 + 0xffff;
    return packageOf([integer(address), integer(pin), integer(0), integer(interruptOfPin(slot, pin))]);
  });
  return named('_PRT', packageOf(entries));
}

/** The root bridge: bus 0, and the ports and memory that reach it. */
function rootBridge(): Aml {
  const decoded = resources(
    busNumbers({ first: 0, last: 0 }),
    ports(CONFIG_ADDRESS_PORT, CONFIG_PORTS),
    portWindow({ first: 0, last: CONFIG_ADDRESS_PORT - 1 }),
    portWindow({ first: CONFIG_ADDRESS_PORT + CONFIG_PORTS, last: 0xffff }),
    memoryWindow(PCI_MEMORY),
  );
  return device(
    'PCI0',
    named('_HID', eisaId('PNP0A03')),
    named('_UID', integer(0)),
    named('_CRS', decoded),
    interruptRouting(),
  );
}

/** What Plug and Play calls a device of the ISA bus, and what it occupies. */
const plugAndPlay = (name: string, id: string, unit: number, ...occupied: readonly Aml[]): Aml =>
  device(name, named('_HID', eisaId(id)), named('_UID', integer(unit)), named('_CRS', resources(...occupied)));

const SERIAL_PORTS = 8;

/** The devices that the guest cannot find on a bus. */
const isaDevices = (): readonly Aml[] => [
  plugAndPlay('KBD', 'PNP0303', 0, ports(0x60, 1), ports(0x64, 1), interrupt(1)),
  plugAndPlay('RTC', 'PNP0B00', 0, ports(0x70, 2), interrupt(8)),
  plugAndPlay('COM1', 'PNP0501', 1, ports(SerialPortAddress.com1, SERIAL_PORTS), interrupt(4)),
  plugAndPlay('COM2', 'PNP0501', 2, ports(SerialPortAddress.com2, SERIAL_PORTS), interrupt(3)),
  plugAndPlay('HPET', 'PNP0103', 0, memoryRange(HPET_BASE, HPET_BYTES)),
];

/** Sleep type 0 of `\_S5` switches off. */
const softOff = (): Aml => named('\\_S5', packageOf([0, 0, 0, 0].map(integer)));

/** The definition block of the DSDT: what the guest cannot find out by itself. */
export const differentiatedDescription = (): Aml => [...scope('\\_SB', rootBridge(), ...isaDevices()), ...softOff()];
