// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import * as aml from '../../../../src/machine/boot/firmware_tables/aml.js';
import { differentiatedDescription } from '../../../../src/machine/boot/firmware_tables/differentiated_description.js';
import { interruptOfPin, PCI_MEMORY } from '../../../../src/machine/devices/pci/pci_routing.js';

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

  it('names the devices that no bus enumerates, with what they occupy', () => {
    const found = (id: string, ...occupied: readonly aml.Aml[]): void => {
      const crs = hex(aml.named('_CRS', aml.resources(...occupied)));
      expect(text, id)
        .to.contain(hex(aml.named('_HID', aml.eisaId(id))))
        .and.to.contain(crs);
    };
    found('PNP0303', aml.ports(0x60, 1), aml.ports(0x64, 1), aml.interrupt(1));
    found('PNP0B00', aml.ports(0x70, 2), aml.interrupt(8));
    found('PNP0501', aml.ports(0x3f8, 8), aml.interrupt(4));
    found('PNP0501', aml.ports(0x2f8, 8), aml.interrupt(3));
    found('PNP0103', aml.memoryRange(0xfed00000, 0x400));
  });

  it('has the sleep type that switches off', () => {
    expect(text.endsWith(hex(aml.named('\\_S5', aml.packageOf([[0], [0], [0], [0]]))))).to.equal(true);
  });
});
