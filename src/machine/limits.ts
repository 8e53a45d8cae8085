// SPDX-License-Identifier: LGPL-2.1-only
// How much a machine can have. A command line needs these numbers long before it needs a machine, whose modules take 0.2 s to load.
import { PCI_DEVICES } from './devices/pci/pci_routing.js';
import { Sizes } from './layout/regions.js';

/** Processors that a PC can have. */
export const MOST_PROCESSORS = Sizes.MAX_PROCESSORS;

/** Disks that fit on the PCI bus, with the host bridge, the entropy device and a console. */
export const MOST_DISKS = PCI_DEVICES - 3;
