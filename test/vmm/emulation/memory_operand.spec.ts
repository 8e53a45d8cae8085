// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ProcessorFault } from '../../../src/intrinsics/errors.js';
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { Efer } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';
import { describedOperand, linearAddress, type SegmentAccess } from '../../../src/vmm/emulation/memory_operand.js';
import { emulatedGuest } from './emulated_guest.js';

const { rbx, rcx } = registerNumbers;

/** An exit of a guest at CPL 0. */
function exitOf(information: number, displacement: bigint, fields: readonly (readonly [number, bigint])[] = []): Exit {
  const guest = emulatedGuest();
  for (const [field, value] of fields) guest.fields.set(field, value);
  const values = new BigUint64Array(16);
  values[rbx] = 0xff00_0000_ffff_fff0n;
  values[rcx] = 5n;
  const exit = {
    vmcs: guest.vmcs,
    registers: { values },
    instructionInformation: information,
    qualification: displacement,
    privilegeLevel: () => 0,
  };
  return exit as unknown as Exit;
}

/** Instruction information: address size 0, 1, 2; registers. */
const information = (size: number, base: number | undefined, index?: number, scaling = 0): number =>
  scaling | (size << 7) | (3 << 15) | ((index ?? 0) << 18) | ((base ?? 0) << 23) | absent(base, 27) | absent(index, 22);
const absent = (register: number | undefined, bit: number): number => (register === undefined ? 1 << bit : 0);

describe('describedOperand', () => {
  it('adds base, scaled index and displacement, and cuts the sum to the address size', () => {
    const offset = (size: number, base?: number, index?: number): bigint =>
      describedOperand(exitOf(information(size, base, index, 2), 0x10n)).offset;
    expect(offset(2)).to.equal(0x10n);
    expect(offset(2, rbx)).to.equal(0xff00_0001_0000_0000n);
    expect(offset(2, rbx, rcx)).to.equal(0xff00_0001_0000_0014n);
    expect(offset(1, rbx, rcx)).to.equal(0x14n);
    expect(offset(0, rbx, rcx)).to.equal(0x14n);
  });

  it('subtracts a negative displacement', () => {
    expect(describedOperand(exitOf(information(1, rcx), 0xffff_ffff_ffff_fffen)).offset).to.equal(3n);
  });
});

describe('linearAddress', () => {
  const longMode = [
    [VmcsField.GuestIa32Efer, BigInt(Efer.Lma)],
    [VmcsField.GuestCsAccessRights, 0xa09bn],
    [VmcsField.GuestFsBase, 0x1000n],
    [VmcsField.GuestDsBase, 0x2000n],
  ] as const;
  const access = (change: Partial<SegmentAccess>): SegmentAccess => ({
    segment: 'ds',
    offset: 0x20n,
    bytes: 10,
    isWrite: false,
    alignment: 4,
    ...change,
  });

  it('has bases of FS and GS only in 64-bit mode', () => {
    const exit = exitOf(0, 0n, longMode);
    expect(linearAddress(exit, access({}))).to.equal(0x20n);
    expect(linearAddress(exit, access({ segment: 'fs' }))).to.equal(0x1020n);
  });

  it('faults where the operand, or its last byte, is not canonical: #SS by SS, else #GP', () => {
    const exit = exitOf(0, 0n, longMode);
    const vector = (change: Partial<SegmentAccess>): number | undefined => {
      try {
        linearAddress(exit, access(change));
      } catch (error) {
        if (error instanceof ProcessorFault) return error.vector;
      }
      return undefined;
    };
    expect(vector({ offset: 0x7fff_ffff_fff6n })).to.equal(undefined);
    expect(vector({ offset: 0x7fff_ffff_fff7n })).to.equal(13);
    expect(vector({ offset: 0x8000_0000_0000n, segment: 'ss' })).to.equal(12);
  });
});
