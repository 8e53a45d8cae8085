// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CapabilityBitAccessor } from '../../../src/intrinsics/accessors/capability_bit_accessor.js';
import { CpuidSource } from '../../../src/intrinsics/accessors/cpuid_source.js';
import { MsrSource } from '../../../src/intrinsics/accessors/msr_source.js';
import { RegisterSource } from '../../../src/intrinsics/accessors/register_source.js';
import { bits } from '../../../src/intrinsics/bit_fields.js';
import { ProcessorFault, ReadOnlyError } from '../../../src/intrinsics/errors.js';
import { Msr, msrDefinition } from '../../../src/intrinsics/registers/msr_definitions.js';
import { stubCpuid, stubMsrs } from '../../support/stubs.js';

const silent = (): void => {};
const fault = (): never => {
  throw new ProcessorFault(13, 0, 'RDMSR');
};

describe('MsrSource', () => {
  const efer = msrDefinition(Msr.Ia32Efer)!;

  it('changes bits by a read and a write', () => {
    const msrs = stubMsrs();
    msrs.rdmsr.withArgs(Msr.Ia32Efer).returns(0xd01n);
    msrs.wrmsr.withArgs(Msr.Ia32Efer, 0xc01n).returns(undefined);
    new MsrSource(msrs, efer, silent).change(0x100n, 0n);
    expect(msrs.wrmsr.calledOnce).to.equal(true);
  });

  it('exists if RDMSR does not fault; any other error passes', () => {
    const msrs = stubMsrs();
    msrs.rdmsr.callsFake(fault);
    const source = new MsrSource(msrs, efer, silent);
    expect(source.exists()).to.equal(false);
    expect(source.label).to.equal('IA32_EFER (0xc0000080) MSR');
    msrs.rdmsr.callsFake(() => {
      throw new TypeError('broken');
    });
    expect(() => source.exists()).to.throw(TypeError, 'broken');
  });

  it('refuses to write what is read-only, and touches nothing', () => {
    const source = new MsrSource(stubMsrs(), msrDefinition(Msr.Ia32VmxBasic)!, silent);
    expect(() => source.write(0n)).to.throw(
      ReadOnlyError,
      'IA32_VMX_BASIC (0x480) MSR is read-only: WRMSR would raise #GP',
    );
  });
});

describe('RegisterSource', () => {
  it('exists if reading it does not fault; any other error passes', () => {
    expect(new RegisterSource('xcr0', fault, silent, silent).exists()).to.equal(false);
    expect(new RegisterSource('cr0', () => 1n, silent, silent).exists()).to.equal(true);
    const broken = new RegisterSource(
      'cr0',
      () => {
        throw new TypeError('broken');
      },
      silent,
      silent,
    );
    expect(() => broken.exists()).to.throw(TypeError, 'broken');
    expect(broken.label).to.equal('CR0 register');
  });
});

describe('CpuidSource', () => {
  it('cannot be written', () => {
    const source = new CpuidSource(stubCpuid(), 7, 0, 'ebx', silent);
    expect(() => source.write()).to.throw(ReadOnlyError, 'CPUID (0x7, 0) EBX is read-only');
    expect(() => source.change()).to.throw(ReadOnlyError);
    expect(new CpuidSource(stubCpuid(), 0x80000008, null, 'eax', silent).label).to.equal('CPUID (0x80000008) EAX');
  });
});

describe('CapabilityBitAccessor', () => {
  const source = (value: bigint) => new RegisterSource('capability', () => value, silent, silent);

  it('reads the halves of a capability MSR', () => {
    const bit = bits('nmi_exiting', 3);
    const allowed = (value: bigint): boolean[] => {
      const accessor = new CapabilityBitAccessor(source(value), 'pin', bit);
      return [accessor.isAllowed0(), accessor.isAllowed1()];
    };
    expect(allowed(0n)).to.deep.equal([true, false]);
    expect(allowed(8n << 32n)).to.deep.equal([true, true]);
    expect(allowed((8n << 32n) | 8n)).to.deep.equal([false, true]);
  });

  it('reads the one word of allowed-1 settings of the 64-bit words', () => {
    const accessor = new CapabilityBitAccessor(source(8n), 'tertiary', bits('guest_paging_verification', 3));
    expect([accessor.isAllowed0(), accessor.isAllowed1()]).to.deep.equal([true, true]);
  });
});
