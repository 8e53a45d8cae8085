// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Chipset } from '../../../src/machine/devices/chipset.js';
import type { ChipsetOptions } from '../../../src/machine/devices/chipset_devices.js';
import { FakePlatform } from './fake_platform.js';

describe('Chipset', () => {
  function make(more: Partial<ChipsetOptions> = {}): {
    chipset: Chipset;
    platform: FakePlatform;
    pending: () => boolean;
    console: number[];
  } {
    const platform = new FakePlatform();
    const console: number[] = [];
    let pending = false;
    const signals = {
      setInterruptPending: (value: boolean) => void (pending = value),
      nmi: () => {},
      init: () => {},
      startUp: () => {},
    };
    const chipset = new Chipset({
      memoryBytes: 64 << 20,
      ram: new Uint8Array(0),
      clock: { now: () => platform.time },
      earlier: () => {},
      processors: [signals],
      currentProcessor: () => 0,
      isExecuting: () => false,
      system: platform,
      com1: (byte) => console.push(byte),
      com2: () => {},
      debugConsole: () => {},
      apicTickNanoseconds: 1,
      ...more,
    });
    return { chipset, platform, pending: () => pending, console };
  }

  it('carries a timer interrupt from the PIT through the PIC to the processor', () => {
    const { chipset, platform, pending } = make();
    const out = (port: number, value: number): void => chipset.bus.writePort(port, 1, value);
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 4],
      [0x21, 1],
      [0x21, 0xfe],
      [0x43, 0x34],
      [0x40, 0],
      [0x40, 4],
    ] as const)
      out(port, value);
    while (!pending() && platform.time < 1e9) {
      platform.time = chipset.events.next();
      chipset.events.runDue();
    }
    expect(chipset.localApics[0]!.acknowledge()).to.equal(0x30);
  });

  it('carries a serial interrupt through the IOAPIC to the local APIC', () => {
    const { chipset, pending } = make();
    const write = (address: number, value: number): void => chipset.writeMemory(address, 4, value);
    write(0xfee000f0, 0x1ff);
    write(0xfee00350, 0x10000);
    write(0xfec00000, 0x18);
    write(0xfec00010, 0x44);
    chipset.bus.writePort(0x3fc, 1, 8);
    chipset.bus.writePort(0x3f9, 1, 2);
    expect(pending()).to.equal(true);
    expect(chipset.localApics[0]!.acknowledge()).to.equal(0x44);
  });

  it('carries the completion of a disk request by MSI-X to the local APIC', () => {
    const ram = new Uint8Array(0x10000);
    const view = new DataView(ram.buffer);
    const disk = {
      bytes: 512,
      read: (_: number, into: Uint8Array) => void into.fill(7),
      write: () => {},
      flush: () => {},
    };
    const { chipset, platform, pending } = make({ ram, disks: [disk] });
    chipset.pci.configure();
    const config = (offset: number, value: number): void => {
      chipset.bus.writePort(0xcf8, 4, 0x80001000 | offset);
      chipset.bus.writePort(0xcfc + (offset & 3), 2, value);
    };
    chipset.bus.writePort(0xcf8, 4, 0x80001010);
    const structures = chipset.bus.readPort(0xcfc, 4);
    config(4, 6);
    config(0x42, 0x8000);
    const store = (offset: number, size: 1 | 2 | 4, value: number): void =>
      chipset.writeMemory(structures + offset, size, value);
    [0xfee00000, 0, 0x45, 0].forEach((word, i) => store(0x4010 + 4 * i, 4, word));
    chipset.writeMemory(0xfee000f0, 4, 0x1ff);
    store(0x08, 4, 1);
    store(0x0c, 4, 1);
    store(0x14, 1, 0xb);
    store(0x1a, 2, 1);
    [0x1000, 0, 0x2000, 0, 0x3000, 0].forEach((word, i) => store(0x20 + 4 * i, 4, word));
    store(0x1c, 2, 1);
    store(0x14, 1, 0xf);
    const chain = [
      [0x4000, 16, 1],
      [0x5000, 512, 3],
      [0x4010, 1, 2],
    ];
    chain.forEach(([address, bytes, flags], i) => {
      view.setUint32(0x1000 + 16 * i, address!, true);
      view.setUint32(0x1008 + 16 * i, bytes!, true);
      view.setUint16(0x100c + 16 * i, flags!, true);
      view.setUint16(0x100e + 16 * i, i + 1, true);
    });
    view.setUint16(0x2002, 1, true);
    store(0x1000, 2, 0);
    expect(pending()).to.equal(false);
    platform.time = chipset.events.next();
    chipset.events.runDue();
    expect([pending(), chipset.localApics[0]!.acknowledge()]).to.deep.equal([true, 0x45]);
    expect([ram[0x5000], ram[0x51ff], ram[0x5200], ram[0x4010]]).to.deep.equal([7, 7, 0, 0]);
  });

  it('shows the local APIC only while it is enabled', () => {
    const { chipset } = make();
    expect(chipset.readMemory(0xfee00030, 4)).to.equal(0x50014);
    chipset.localApics[0]!.baseMsr = 0xfee00100;
    expect(chipset.readMemory(0xfee00030, 4)).to.equal(0xffffffff);
  });

  it('comes back whole from its saved state, through JSON', () => {
    const { chipset } = make();
    chipset.bus.writePort(0x43, 1, 0x34);
    chipset.bus.writePort(0x40, 1, 0x10);
    chipset.bus.writePort(0x40, 1, 0x00);
    chipset.bus.writePort(0x3ff, 1, 0x5a);
    chipset.writeMemory(0xfee00080, 4, 0x20);
    const saved = JSON.parse(JSON.stringify(chipset.save())) as Record<string, object>;
    const other = make().chipset;
    expect(other.save()).to.not.deep.equal(saved);
    other.restore(saved);
    expect(other.save()).to.deep.equal(saved);
  });
});
