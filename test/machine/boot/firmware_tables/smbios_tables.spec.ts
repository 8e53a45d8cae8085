// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { writeSmbiosTables } from '../../../../src/machine/boot/firmware_tables/smbios_tables.js';
import { skylakeClient } from '../../../../src/machine/models/skylake_client.js';

const ram = new Uint8Array(0x100000);
const data = new DataView(ram.buffer);
const text = (at: number, count: number): string => String.fromCharCode(...ram.subarray(at, at + count));
const sum = (at: number, count: number): number =>
  ram.subarray(at, at + count).reduce((total, byte) => (total + byte) & 0xff, 0);

/** The entry point, as Linux and Xen find it. */
function entryPoint(): number {
  for (let at = 0xf0000; at < 0x100000; at += 16) if (text(at, 4) === '_SM_') return at;
  throw new Error('there is no entry point');
}

interface Structure {
  readonly at: number;
  readonly type: number;
  readonly length: number;
  readonly handle: number;
  readonly strings: readonly string[];
  readonly end: number;
}

/** The structures, read by the rule of the specification: strings end at two zeros. */
function structures(): Structure[] {
  const entry = entryPoint();
  const list: Structure[] = [];
  let at = data.getUint32(entry + 0x18, true);
  for (let left = data.getUint16(entry + 0x1c, true); left > 0; left--) {
    const length = ram[at + 1]!;
    let end = at + length;
    while (ram[end] !== 0 || ram[end + 1] !== 0) end++;
    const strings = text(at + length, end - at - length).split('\0');
    list.push({ at, type: ram[at]!, length, handle: data.getUint16(at + 2, true), strings, end: (end += 2) });
    at = end;
  }
  return list;
}
const structure = (type: number): Structure => structures().find((each) => each.type === type)!;

describe('writeSmbiosTables', () => {
  before(() => writeSmbiosTables(ram, { memoryBytes: 512 << 20, processors: 4, model: skylakeClient, hertz: 1e9 }));

  it('has an entry point of version 2.8 with right checksums', () => {
    const at = entryPoint();
    expect([sum(at, 0x1f), sum(at + 0x10, 0x0f), ram[at + 5]]).to.deep.equal([0, 0, 0x1f]);
    expect([ram[at + 6], ram[at + 7], text(at + 0x10, 5)]).to.deep.equal([2, 8, '_DMI_']);
  });

  it('says how many bytes the structures have, and how many the largest has', () => {
    const list = structures();
    const entry = entryPoint();
    expect(list.at(-1)!.end - list[0]!.at).to.equal(data.getUint16(entry + 0x16, true));
    expect(Math.max(...list.map(({ at, end }) => end - at))).to.equal(data.getUint16(entry + 8, true));
  });

  it('has the structures of a PC, each of the length of its version, with a handle of its own', () => {
    const list = structures();
    expect(list.map(({ type, length }) => [type, length])).to.deep.equal([
      [0, 0x18],
      [1, 0x1b],
      [3, 0x16],
      [4, 0x2a],
      [16, 0x17],
      [17, 0x28],
      [19, 0x1f],
      [32, 0x0b],
      [127, 4],
    ]);
    expect(new Set(list.map(({ handle }) => handle)).size).to.equal(list.length);
  });

  it('names the maker, and says that the machine is virtual', () => {
    expect(structure(0).strings).to.deep.equal(['Bareflank', '0.1', '04/01/2014']);
    expect(ram[structure(0).at + 0x13]! & 0x10).to.equal(0x10);
    expect(structure(1).strings).to.deep.equal(['Bareflank', 'Simulated PC']);
  });

  it('has one package with all processors, named as by CPUID', () => {
    const { at, strings } = structure(4);
    expect(strings[2]).to.match(/^Simulated Skylake CPU @ 1\.00GHz$/);
    expect(data.getUint32(at + 8, true)).to.equal(skylakeClient.signature);
    expect([data.getUint16(at + 0x14, true), ram[at + 0x18]]).to.deep.equal([1000, 0x41]);
    expect([...ram.subarray(at + 0x23, at + 0x26)]).to.deep.equal([4, 4, 4]);
  });

  it('has one memory device, which belongs to the memory array', () => {
    const array = structure(16);
    for (const [type, offset] of [
      [17, 4],
      [19, 0x0c],
    ] as const)
      expect(data.getUint16(structure(type).at + offset, true), `type ${type}`).to.equal(array.handle);
    expect(data.getUint16(structure(17).at + 0x0c, true)).to.equal(512);
    const mapped = structure(19).at;
    expect([data.getUint32(mapped + 4, true), data.getUint32(mapped + 8, true)]).to.deep.equal([0, (512 << 10) - 1]);
  });
});
