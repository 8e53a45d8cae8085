// SPDX-License-Identifier: LGPL-2.1-only
import { CONFIG_ADDRESS_PORT, interruptOfPin, PCI_DEVICES, PCI_MEMORY, PCI_PINS } from '../devices/pci/pci_routing.js';
import {
  busNumbers,
  device,
  eisaId,
  integer,
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

/** Sleep type 0 of `\_S5` switches off. */
const softOff = (): Aml => named('\\_S5', packageOf([0, 0, 0, 0].map(integer)));

/** The definition block of the DSDT: what the guest cannot find out by itself. */
export const differentiatedDescription = (): Aml => [...scope('\\_SB', rootBridge()), ...softOff()];
