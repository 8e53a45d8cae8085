// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InterruptionBit, InterruptionType, Vector } from '../../../src/intrinsics/vmx/exit_information.js';
import { combination, isSoftwareEvent } from '../../../src/vmm/emulation/exceptions.js';

const event = (type: number, vector: number): number => InterruptionBit.Valid | (type << 8) | vector;
const exception = (vector: number): number => event(InterruptionType.HardwareException, vector);

describe('combination', () => {
  for (const [first, second, expected] of [
    [Vector.GeneralProtection, Vector.PageFault, 'itself'],
    [Vector.GeneralProtection, Vector.InvalidTss, 'double fault'],
    [Vector.PageFault, Vector.PageFault, 'double fault'],
    [Vector.PageFault, Vector.GeneralProtection, 'double fault'],
    [Vector.DebugException, Vector.GeneralProtection, 'itself'],
    [Vector.DoubleFault, Vector.PageFault, 'triple fault'],
  ] as const) {
    it(`of vector ${first} and then ${second} is ${expected}`, () => {
      expect(combination(exception(first), exception(second))).to.equal(expected);
    });
  }
  it('of an external interrupt and a fault is the fault', () => {
    const interrupt = event(InterruptionType.ExternalInterrupt, 0x20);
    expect(combination(interrupt, exception(Vector.GeneralProtection))).to.equal('itself');
  });
});

describe('isSoftwareEvent', () => {
  it('knows INT n and INT3, but not INT1', () => {
    const { SoftwareInterrupt, SoftwareException, PrivilegedSoftwareException } = InterruptionType;
    const types = [SoftwareInterrupt, SoftwareException, PrivilegedSoftwareException];
    expect(types.map((type) => isSoftwareEvent(event(type, 3)))).to.deep.equal([true, true, false]);
  });
});
