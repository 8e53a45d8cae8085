// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { readRegister, registerValue, writeRegister } from '../../../src/vmm/emulation/guest_registers.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';

const { rbx, rsp } = registerNumbers;

/** An exit whose RSP is in the VMCS. */
function exitWith(value: bigint) {
  const values = new BigUint64Array(16).fill(value);
  const halves = new Uint32Array(values.buffer);
  let stackPointer = value;
  const exit = {
    registers: { values, halves },
    vmcs: {
      read: (field: number) => (field === VmcsField.GuestRsp ? stackPointer : 0n),
      readLow: () => Number(BigInt.asIntN(32, stackPointer)),
      readHigh: () => Number(BigInt.asIntN(32, stackPointer >> 32n)),
      writeHalves: (_field: number, low: number, high: number) => {
        stackPointer = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
      },
    },
  } as unknown as Exit;
  values[rsp] = 0n;
  return exit;
}

describe('General registers of a guest', () => {
  const old = 0xfedc_ba98_7654_3210n;

  for (const [name, number] of Object.entries({ rbx, rsp })) {
    it(`${name} is written by its size`, () => {
      const written = (bytes: 2 | 4 | 8): bigint => {
        const exit = exitWith(old);
        writeRegister(exit, number, bytes, 0x8765_4321, 0x1111_2222);
        return registerValue(exit, number);
      };
      expect(written(2)).to.equal(0xfedc_ba98_7654_4321n);
      expect(written(4)).to.equal(0x8765_4321n);
      expect(written(8)).to.equal(0x1111_2222_8765_4321n);
    });

    it(`${name} is read as two halves`, () => {
      const halves = new Uint32Array(2);
      readRegister(exitWith(old), number, halves);
      expect([...halves]).to.deep.equal([0x7654_3210, 0xfedc_ba98]);
    });
  }
});
