// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { ContributionError } from '../../../src/vmm/errors.js';
import { owners, primary } from './owners_bench.js';

describe('TscOffsetIntelX64', () => {
  it('is the sum of what is asked for, and off when nobody asks', () => {
    const { it, field, has } = owners();
    const first = it.tscOffset.add(it, -5n);
    it.tscOffset.add(it, 3n);
    expect(field(VmcsField.TscOffset)).to.equal(0xfffffffffffffffen);
    expect(has(primary, PrimaryControl.UseTscOffsetting)).to.equal(true);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(field(VmcsField.TscOffset)).to.equal(3n);
  });

  it('lets accesses to IA32_TSC_DEADLINE exit as long as there is an offset', () => {
    const { it, field, bit } = owners();
    it.msrBitmap.enable(it);
    const page = field(VmcsField.AddressOfMsrBitmap);
    const traps = (): boolean[] => [0, 0x800 * 8].map((base) => bit(page, base + Msr.Ia32TscDeadline));
    const requests = [it.tscOffset.add(it, 1n), it.tscOffset.add(it, 2n)];
    expect(traps()).to.deep.equal([true, true]);
    requests[0]![Symbol.dispose]();
    expect(traps()).to.deep.equal([true, true]);
    requests[1]![Symbol.dispose]();
    expect(traps()).to.deep.equal([false, false]);
  });

  it('gives a request another offset, and touches no other', () => {
    const { it, field, has } = owners();
    const [first, second] = [it.tscOffset.add(it, -5n), it.tscOffset.add(it, 3n)];
    it.tscOffset.change(first, 100n);
    expect(field(VmcsField.TscOffset)).to.equal(103n);
    expect([first.key, second.key]).to.deep.equal([100n, 3n]);
    expect(has(primary, PrimaryControl.UseTscOffsetting)).to.equal(true);
    first[Symbol.dispose]();
    expect(field(VmcsField.TscOffset)).to.equal(3n);
  });

  it('refuses to change a request that has ended, and one of another owner', () => {
    const { it, field } = owners();
    const request = it.tscOffset.add(it, 1n);
    request[Symbol.dispose]();
    expect(() => it.tscOffset.change(request, 2n)).to.throw(ContributionError, /request \d+ of .*, which has ended/);
    const other = it.msrBitmap.trapRead(it, Msr.Ia32TscDeadline);
    expect(() => it.tscOffset.change(other, 2n)).to.throw(ContributionError, /which is one to MsrBitmap/);
    expect(field(VmcsField.TscOffset)).to.equal(0n);
  });
});
