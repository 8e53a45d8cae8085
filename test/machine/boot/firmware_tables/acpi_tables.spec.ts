// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ACPI_ROOT_POINTER, writeAcpiTables } from '../../../../src/machine/boot/firmware_tables/acpi_tables.js';

describe('writeAcpiTables', () => {
  const ram = new Uint8Array(0x100000);
  const data = new DataView(ram.buffer);
  const text = (at: number, count: number): string => String.fromCharCode(...ram.subarray(at, at + count));
  const sum = (at: number, count: number): number =>
    ram.subarray(at, at + count).reduce((total, byte) => (total + byte) & 0xff, 0);

  before(() => void writeAcpiTables(ram, 2));

  it('puts a valid root pointer where programs look for it', () => {
    expect(text(ACPI_ROOT_POINTER, 8)).to.equal('RSD PTR ');
    expect([sum(ACPI_ROOT_POINTER, 20), sum(ACPI_ROOT_POINTER, 36)]).to.deep.equal([0, 0]);
  });

  it('lists the same tables in RSDT and XSDT, each with a right checksum', () => {
    const rsdt = data.getUint32(ACPI_ROOT_POINTER + 16, true);
    const xsdt = Number(data.getBigUint64(ACPI_ROOT_POINTER + 24, true));
    const list = [0, 1, 2].map((i) => data.getUint32(rsdt + 36 + 4 * i, true));
    expect([0, 1, 2].map((i) => Number(data.getBigUint64(xsdt + 36 + 8 * i, true)))).to.deep.equal(list);
    const dsdt = data.getUint32(list[0]! + 40, true);
    for (const at of [rsdt, xsdt, dsdt, ...list])
      expect(sum(at, data.getUint32(at + 4, true)), text(at, 4)).to.equal(0);
    expect(list.map((at) => text(at, 4))).to.deep.equal(['FACP', 'APIC', 'HPET']);
  });

  it('says in the FADT where the power-management ports are', () => {
    const fadt = data.getUint32(data.getUint32(ACPI_ROOT_POINTER + 16, true) + 36, true);
    expect(data.getUint32(fadt + 4, true)).to.equal(244);
    expect([56, 64, 76].map((offset) => data.getUint32(fadt + offset, true))).to.deep.equal([0x600, 0x604, 0x608]);
    expect([88, 89, 91].map((offset) => ram[fadt + offset])).to.deep.equal([4, 2, 4]);
    expect(data.getUint16(fadt + 109, true)).to.equal(3);
    expect(Number(data.getBigUint64(fadt + 120, true))).to.equal(0xcf9);
    expect(Number(data.getBigUint64(fadt + 212, true))).to.equal(0x608);
    expect(Number(data.getBigUint64(fadt + 132, true)), 'the second address of FACS').to.equal(0);
  });

  it('says where the HPET is, and what it has', () => {
    const hpet = data.getUint32(data.getUint32(ACPI_ROOT_POINTER + 16, true) + 44, true);
    expect(data.getUint32(hpet + 4, true)).to.equal(56);
    expect(data.getUint32(hpet + 36, true), 'the low half of its capabilities').to.equal(0x8086a201);
    expect([...ram.subarray(hpet + 40, hpet + 44)], 'in memory').to.deep.equal([0, 64, 0, 0]);
    expect(Number(data.getBigUint64(hpet + 44, true))).to.equal(0xfed00000);
  });

  it('has a local APIC for each processor', () => {
    const madt = data.getUint32(data.getUint32(ACPI_ROOT_POINTER + 16, true) + 40, true);
    const ids: number[] = [];
    for (let at = madt + 44; at < madt + data.getUint32(madt + 4, true); at += ram[at + 1]!)
      if (ram[at] === 0) ids.push(ram[at + 3]!);
    expect(ids).to.deep.equal([0, 1]);
  });
});
