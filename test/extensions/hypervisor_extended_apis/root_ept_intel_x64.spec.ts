// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsError } from 'bareflank';
import { EptAttribute } from '../../../extensions/hypervisor_extended_apis/ept_attributes.js';
import { RootEptIntelX64 } from '../../../extensions/hypervisor_extended_apis/root_ept_intel_x64.js';
import { ept } from '../../vmm/ept/ept_fixture.js';

const size4k = 0x1000n;
const size2m = 0x200000n;
const size1g = 0x40000000n;
const writeBack = 6n << 3n;

function rootEpt() {
  const all = ept();
  const root = new RootEptIntelX64(all.it, all.it.view('mine', 'nothing'));
  /** Entry and size of the page of an address, as the processor finds them. */
  const at = (address: bigint) => {
    const { entry, shift } = all.leaf(root.eptp(), address);
    return { entry, bytes: 1n << shift };
  };
  return { ...all, root, at };
}

describe('RootEptIntelX64', () => {
  it('begins empty, with a pointer of write-back and four levels', () => {
    const { root, at, it: owner } = rootEpt();
    expect(root.eptp() & 0xfffn).to.equal(0x1en);
    expect(owner.viewOf(root.eptp())?.pointer).to.equal(root.eptp());
    expect(at(0n).entry).to.equal(0n);
    expect(() => root.gpaToEpte(0n)).to.throw(VmcsError, /nothing is mapped at 0x0/);
    expect(root.eptToMdl()).to.have.length(1);
  });

  it('maps pages of each size with each attribute, rounding down', () => {
    const { root, at } = rootEpt();
    root.map1g(size1g + 5n, 3n * size1g + 7n, EptAttribute.rwUc);
    root.map2m(size2m + 5n, 3n * size2m + 7n, EptAttribute.reWb);
    root.map4k(size4k + 5n, 3n * size4k + 7n, EptAttribute.tpWp);
    expect(at(size1g)).to.deep.equal({ entry: (3n * size1g) | 0x80n | 3n, bytes: size1g });
    expect(at(size2m)).to.deep.equal({ entry: (3n * size2m) | 0x80n | 5n | writeBack, bytes: size2m });
    expect(at(size4k)).to.deep.equal({ entry: (3n * size4k) | (5n << 3n), bytes: size4k });
    expect(() => root.map4k(0n, 0n, 0x777)).to.throw(VmcsError, /unsupported memory attribute 0x777/);
  });

  it('gives the entry of a page, whose changes the processor sees', () => {
    const { root, at, it: owner, machine, invepts } = rootEpt();
    root.map2m(size2m, size2m, EptAttribute.ptWb);
    const entry = root.gpaToEpte(size2m + 0x1234n);
    expect([entry.physAddr(), entry.entryType(), entry.memoryType()]).to.deep.equal([size2m, true, 6]);
    entry.trapOnAccess();
    expect(at(size2m).entry & 7n).to.equal(0n);
    expect(entry.readAccess(), 'it is in use still').to.equal(false);
    entry.passThroughAccess();
    expect(at(size2m).entry).to.equal(size2m | 0x80n | 7n | writeBack);
    owner.enter(
      { name: 'asker' },
      {
        vcpuid: 0n,
        write: machine.vmx.vmwrite,
        enable: () => {},
        disable: () => {},
        isEnabled: () => true,
        asOwner: (_owner, body) => body(),
      },
      owner.viewOf(root.eptp())!,
    );
    invepts.length = 0;
    entry.setWriteAccess(false);
    expect(invepts).to.deep.equal([[1, root.eptp()]]);
  });

  for (const [name, size] of [
    ['1g', size1g],
    ['2m', size2m],
    ['4k', size4k],
  ] as const) {
    it(`sets up and unmaps an identity map of ${name} pages`, () => {
      const { root, at } = rootEpt();
      root[`setupIdentityMap${name}`](size, 3n * size);
      const large = size === size4k ? 0n : 0x80n;
      for (const address of [size, 2n * size]) {
        expect(at(address)).to.deep.equal({ entry: address | large | 7n | writeBack, bytes: size });
      }
      expect([at(0n).entry, at(3n * size).entry]).to.deep.equal([0n, 0n]);
      root[`unmapIdentityMap${name}`](size, 2n * size);
      expect([at(size).entry, at(2n * size).entry & 7n]).to.deep.equal([0n, 7n]);
      root.unmap(2n * size + size / 2n);
      root.unmap(2n * size);
      expect(root.eptToMdl(), 'all tables but the root are given back').to.have.length(1);
      expect(() => root[`setupIdentityMap${name}`](1n, size)).to.throw(VmcsError, /0x1 … .* is not aligned/);
      expect(() => root[`unmapIdentityMap${name}`](0n, size + 1n)).to.throw(VmcsError, /not aligned/);
    });
  }

  it('splits larger pages for smaller ones, and unmaps no more than was asked', () => {
    const { root, at } = rootEpt();
    root.setupIdentityMap1g(0n, size1g);
    root.map4k(size4k, 5n * size4k, EptAttribute.roWb);
    expect(at(size4k).entry).to.equal((5n * size4k) | 1n | writeBack);
    expect(at(2n * size4k)).to.deep.equal({ entry: (2n * size4k) | 7n | writeBack, bytes: size4k });
    expect(at(size2m).bytes).to.equal(size2m);
    root.unmapIdentityMap4k(size2m, size2m + size4k);
    expect([at(size2m).entry, at(size2m + size4k).entry]).to.deep.equal([0n, (size2m + size4k) | 7n | writeBack]);
    root.map1g(0n, 0n, EptAttribute.ptWb);
    expect(at(size4k).bytes).to.equal(size1g);
  });

  it("leaves the VMM's own memory out of identity maps, and refuses it elsewhere", () => {
    const { root, at, own, manager, machine } = rootEpt();
    root.setupIdentityMap1g(0n, 8n * size1g);
    expect(at(own).entry, 'the guest finds no memory there').to.equal(machine.memory.unbacked.physical | 7n);
    expect(at(own + BigInt(manager.ownMemory()[0]!.bytes)).entry & 7n).to.equal(7n);
    expect(at(7n * size1g).bytes).to.equal(size1g);
    expect(() => root.map4k(0n, own, EptAttribute.ptWb)).to.throw(VmcsError, /excludes/);
    expect(() => root.gpaToEpte(0n).setPhysAddr(own & ~(size1g - 1n))).to.throw(VmcsError, /excludes/);
  });

  it('ends where the base map ends', () => {
    const { root, at } = rootEpt();
    root.setupIdentityMap1g(511n * size1g, 4096n * size1g);
    expect(at(511n * size1g).entry & 7n).to.equal(7n);
    expect(root.eptToMdl()).to.have.length(2);
  });
});
