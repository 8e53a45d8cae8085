// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout/layout.js';
import { skylakeClient } from '../../../src/machine/models/skylake_client.js';
import { writeMachineWords } from '../../../src/machine/processor/machine_words.js';

describe('writeMachineWords', () => {
  const memory = new ArrayBuffer(Layout.STATIC_DATA);
  const words = { u32: new Uint32Array(memory), u64: new BigUint64Array(memory) };
  const msrs = [
    { address: 0x10a, value: 5n },
    { address: 0x1a0, value: 1n, writable: 0xffn, ignored: 0x100n },
  ];
  const cpuid = [
    { leaf: 1, eax: 2, ebx: 3, ecx: 4, edx: 5 },
    { leaf: 4, subleaf: 0, eax: 6, ebx: 7, ecx: 8, edx: 9 },
  ];
  before(() => writeMachineWords(words, 1 << 24, { ...skylakeClient, physicalAddressBits: 39, cpuid, msrs }));

  it('tells the size of RAM, and the reserved bits of physical addresses', () => {
    expect(words.u32[Layout.RAM_BYTES / 4]).to.equal(1 << 24);
    expect(words.u64[Layout.PHYSICAL_RESERVED / 8]).to.equal(0xffffff8000000000n);
  });

  it('lists CPUID leaves, with a flag where the subleaf matters', () => {
    const at = Layout.CPUID_TABLE / 4;
    expect(words.u32[Layout.CPUID_COUNT / 4]).to.equal(2);
    expect([...words.u32.subarray(at, at + 16)]).to.deep.equal([1, 0, 0, 0, 2, 3, 4, 5, 4, 0, 1, 0, 6, 7, 8, 9]);
  });

  it('lists MSRs: value, writable bits, bits whose write is ignored, and a flag where a write is no #GP', () => {
    const at = Layout.MSR_TABLE / 8;
    expect(words.u32[Layout.MSR_COUNT / 4]).to.equal(2);
    expect([...words.u64.subarray(at, at + 8)]).to.deep.equal([0x10an, 5n, 0n, 0n, 0x1_0000_01a0n, 1n, 0xffn, 0x100n]);
  });
});
