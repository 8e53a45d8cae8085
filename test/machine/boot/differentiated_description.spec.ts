// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import * as aml from '../../../src/machine/boot/aml.js';
import { differentiatedDescription } from '../../../src/machine/boot/differentiated_description.js';
import { interruptOfPin, PCI_MEMORY } from '../../../src/machine/devices/pci/pci_routing.js';

describe('differentiatedDescription', () => {
  const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex');
  const text = hex(differentiatedDescription());

  it('has a root bridge that forwards the memory in which the bus places functions', () => {
    expect(text).to.contain(hex(aml.named('_HID', aml.eisaId('PNP0A03'))));
    expect(text).to.contain(hex(aml.memoryWindow(PCI_MEMORY)));
  });

  it('routes each pin of each device to the interrupt that the bus raises', () => {
    for (let device = 0; device < 32; device++)
      for (let pin = 0; pin < 4; pin++) {
        const entry = [device * 0x10000 + 0xffff, pin, 0, interruptOfPin(device, pin)].map(aml.integer);
        expect(text, `device ${device}, pin ${pin}`).to.contain(hex(aml.packageOf(entry)));
      }
  });

  it('has the sleep type that switches off', () => {
    expect(text.endsWith(hex(aml.named('\\_S5', aml.packageOf([[0], [0], [0], [0]]))))).to.equal(true);
  });
});
