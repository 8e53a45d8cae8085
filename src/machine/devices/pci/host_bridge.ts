// SPDX-License-Identifier: LGPL-2.1-only
import { PciFunction } from './pci_function.js';

/** The host bridge: an Intel 440FX, as in QEMU's PC. It has no registers of its own. */
export class HostBridge extends PciFunction {
  constructor() {
    super('host_bridge', { vendor: 0x8086, device: 0x1237, classCode: 0x060000, revision: 2, interruptPin: 0 });
  }
}
