// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  inOrder,
  makeDevices,
  type ChipsetDevices,
  type ChipsetOptions,
} from '../../../src/machine/devices/chipset_devices.js';
import { FakePlatform } from './fake_platform.js';

const pins = { setInterruptPending: () => {}, nmi: () => {}, init: () => {}, startUp: () => {} };
const disk = { bytes: 512, read: () => {}, write: () => {}, flush: () => {} };

function make(more: Partial<ChipsetOptions> = {}): ChipsetDevices {
  const platform = new FakePlatform();
  const options: ChipsetOptions = {
    memoryBytes: 64 << 20,
    ram: new Uint8Array(0),
    clock: { now: () => platform.time },
    earlier: () => {},
    processors: [pins],
    currentProcessor: () => 0,
    isExecuting: () => false,
    system: platform,
    com1: () => {},
    com2: () => {},
    debugConsole: () => {},
    apicTickNanoseconds: 1,
    ...more,
  };
  return makeDevices({ options, bus: platform.bus, events: platform.events });
}

const namesOf = (devices: ChipsetDevices): string[] => inOrder(devices).map(({ name }) => name);

describe('inOrder', () => {
  it('has each device once, controllers before the devices whose wires lead to them', () => {
    expect(namesOf(make())).to.deep.equal([
      'interrupt_messages',
      'pic',
      'local_apic.0',
      'io_apic',
      'com1',
      'com2',
      'debug_ports',
      'numeric_error',
      'pci',
      'hpet',
      'pit',
      'rtc',
      'keyboard_controller',
      'acpi_pm',
      'power_ports',
      'fw_cfg',
    ]);
  });

  it('has a local APIC for each processor, and the test device if it is wanted', () => {
    const names = namesOf(make({ processors: [pins, pins, pins], testDevice: () => {} }));
    expect(names.filter((name) => name.startsWith('local_apic'))).to.deep.equal([
      'local_apic.0',
      'local_apic.1',
      'local_apic.2',
    ]);
    expect(names.at(-1)).to.equal('pc_test_device');
  });
});

describe('makeDevices', () => {
  it('puts host bridge, entropy device, disks and console onto the PCI bus', () => {
    const { pci } = make({ disks: [disk, disk], virtioConsole: { input: new Uint8Array(), output: () => {} } });
    expect(Object.keys(pci.save().functions)).to.deep.equal([
      'host_bridge',
      'virtio_rng',
      'disk0',
      'disk1',
      'virtio_console',
    ]);
  });
});
