// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { writeBiosDataArea } from '../../../src/machine/boot/bios_data_area.js';
import { writeBiosServices } from '../../../src/machine/boot/bios_services.js';
import { run, type RunResult } from '../../support/run.js';

/** What the machine writes, by address. */
function written(): Record<number, readonly number[]> {
  const memory: Record<number, readonly number[]> = {};
  const ram = {
    length: 0x100000,
    set: (bytes: ArrayLike<number>, address: number) => (memory[address] = Array.from(bytes)),
    fill: () => {},
  };
  writeBiosDataArea(ram);
  writeBiosServices(ram);
  return memory;
}

describe('writeBiosServices', () => {
  const memory = written();
  const call = (vector: number, ...before: string[]): RunResult =>
    run({ bits: 16, memory, rax: 0xe820, rbx: 7, rbp: 9, rdi: 0x55 }, ...before, `int 0x${vector.toString(16)}`);

  it('answers BIOS calls with "function not supported" and leaves the other registers alone', () => {
    for (const vector of [0x10, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a]) {
      const { rax, rbx, rbp, rdi, flags, fault, rip } = call(vector, 'clc');
      expect({ rax, rbx, rbp, rdi, flags, fault, rip }, `int ${vector.toString(16)}`).to.deep.equal({
        rax: 0x8620n,
        rbx: 7n,
        rbp: 9n,
        rdi: 0x55n,
        flags: 'CF',
        fault: undefined,
        rip: 3n,
      });
    }
  });

  it('returns from exceptions and from interrupts of devices as if nothing had happened', () => {
    for (const vector of [0, 8, 0x0f, 0x1b, 0x1c, 0x70, 0xff]) {
      const { rax, flags, fault } = call(vector);
      expect([rax, flags, fault], `int ${vector.toString(16)}`).to.deep.equal([0xe820n, '', undefined]);
    }
  });

  it('answers equipment and base memory from the BIOS data area', () => {
    expect(call(0x12)).to.include({ rax: 639n, flags: '', fault: undefined });
    expect(call(0x11)).to.include({ rax: 0x402n, flags: '', fault: undefined });
  });
});
