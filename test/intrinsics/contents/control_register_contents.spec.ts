// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  isCr0,
  isCr3High,
  isCr4,
  isPdpte,
  mayEnterIa32eMode,
  mayLeavePaging,
  pdpteTable,
  usesPdptes,
} from '../../../src/intrinsics/contents/control_register_contents.js';

describe('What control registers may hold', () => {
  it('CR0: no bit of 63:32, no PG without PE, no NW without CD', () => {
    expect(isCr0(0x80050033, 0)).to.equal(true);
    expect(isCr0(0, 0)).to.equal(true);
    expect(isCr0(0x60000011, 0)).to.equal(true);
    expect(isCr0(0x80050033, 1)).to.equal(false);
    expect(isCr0(0x80000010, 0)).to.equal(false);
    expect(isCr0(0x20000011, 0)).to.equal(false);
  });

  it('CR3 in IA-32e mode: nothing beyond the physical-address width, bit 63 with PCIDE only', () => {
    expect(isCr3High(0x7f, 0, 39)).to.equal(true);
    expect(isCr3High(0x80, 0, 39)).to.equal(false);
    expect(isCr3High(0x80000000 | 0, 0, 39)).to.equal(false);
    expect(isCr3High(0x80000000 | 0, 0x20000, 39)).to.equal(true);
    expect(isCr3High(0x40000000, 0x20000, 39)).to.equal(false);
  });

  it('CR4: bits that the processor has; PAE in IA-32e mode, PCIDE nowhere else', () => {
    const allowed = 0x3727ff;
    expect(isCr4(0x620, 0, allowed, true)).to.equal(true);
    expect(isCr4(0x600, 0, allowed, true)).to.equal(false);
    expect(isCr4(0x600, 0, allowed, false)).to.equal(true);
    expect(isCr4(0x20020, 0, allowed, true)).to.equal(true);
    expect(isCr4(0x20020, 0, allowed, false)).to.equal(false);
    expect(isCr4(0x1020, 0, allowed, true)).to.equal(false);
    expect(isCr4(0x620, 1, allowed, true)).to.equal(false);
  });

  it('paging goes on in IA-32e mode with PAE, 32-bit code and a 32-bit TSS only', () => {
    const [code32, code64] = [0xc09b, 0xa09b];
    expect(mayEnterIa32eMode(0x20, code32, 0x8b)).to.equal(true);
    expect(mayEnterIa32eMode(0, code32, 0x8b)).to.equal(false);
    expect(mayEnterIa32eMode(0x20, code64, 0x8b)).to.equal(false);
    expect([0x81, 0x83].map((tr) => mayEnterIa32eMode(0x20, code32, tr))).to.deep.equal([false, false]);
  });

  it('paging goes off outside 64-bit mode, and without PCIDE', () => {
    const [code32, code64] = [0xc09b, 0xa09b];
    expect(mayLeavePaging(0x20, code32, true)).to.equal(true);
    expect(mayLeavePaging(0x20, code64, true)).to.equal(false);
    expect(mayLeavePaging(0x20020, code32, true)).to.equal(false);
  });

  it('PDPTEs: in use with PG and PAE outside IA-32e mode; reserved bits count while they are present', () => {
    expect(usesPdptes(0x80000001 | 0, 0x20, 0)).to.equal(true);
    for (const [cr0, cr4, efer] of [
      [1, 0x20, 0],
      [0x80000001, 0, 0],
      [0x80000001, 0x20, 0x500],
    ] as const)
      expect(usesPdptes(cr0, cr4, efer)).to.equal(false);
    expect(isPdpte(0x1019, 0x7f, 39)).to.equal(true);
    for (const bit of [1, 2, 5, 6, 7, 8]) expect(isPdpte(0x1001 | (1 << bit), 0, 39), `bit ${bit}`).to.equal(false);
    expect(isPdpte(0x1001, 0x80, 39)).to.equal(false);
    expect(isPdpte(0xfffffffe, 0xffffffff, 39)).to.equal(true);
    expect(pdpteTable(0xfffff03f)).to.equal(0xfffff020);
  });
});
