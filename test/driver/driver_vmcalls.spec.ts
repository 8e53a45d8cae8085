// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { GeneralRegisters } from '../../src/intrinsics/instructions/general_registers.js';
import { Vmx } from '../../src/intrinsics/instructions/vmx.js';
import { DriverError } from '../../src/driver/driver_errors.js';
import type { DriverMachine } from '../../src/driver/driver_machine.js';
import { DriverVmcalls } from '../../src/driver/driver_vmcalls.js';
import type { LoadedVmm } from '../../src/driver/loaded_vmm.js';
import {
  loadVmcallRegisters,
  storeVmcallRegisters,
  type VmcallRegisters,
} from '../../src/vmm/exit/vmcall_registers.js';
import { VmcallFailures, type VmcallFailure } from '../../src/vmm/vmcall/vmcall_failures.js';

const SIZE = 8;

/** A machine with one register file and a VMM that answers as told. */
function vmcalls(answer: (asked: VmcallRegisters) => Partial<VmcallRegisters>, failure?: VmcallFailure) {
  const values = new BigUint64Array(16);
  const contexts: number[] = [];
  const written: Uint8Array[] = [];
  const buffer = (address: bigint) => ({
    address,
    size: SIZE,
    write: (bytes: Uint8Array) => void written.push(bytes),
    read: (length: number) => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8).slice(0, length),
  });
  const parts = new Map<symbol, unknown>([
    [GeneralRegisters, { values }],
    [VmcallFailures, { forget: () => {}, of: () => failure }],
    [
      Vmx,
      {
        vmcall: () => {
          const asked = loadVmcallRegisters(values);
          storeVmcallRegisters({ ...asked, r01: 0n, ...answer(asked) }, values);
        },
      },
    ],
  ]);
  const machine: Pick<DriverMachine, 'inDriverContext' | 'vmcallBuffers'> = {
    inDriverContext: (processor, body) => {
      contexts.push(processor);
      return body();
    },
    vmcallBuffers: { input: buffer(0x1000n), output: buffer(0x2000n) },
  };
  const vmm = { get: (symbol: symbol) => parts.get(symbol) } as unknown as LoadedVmm;
  const make = (with_: object): DriverVmcalls =>
    new DriverVmcalls({ ...machine, ...with_ } as DriverMachine, () => vmm);
  return { it: make({}), withoutBuffers: make({ vmcallBuffers: undefined }), contexts, written };
}

describe('DriverVmcalls', () => {
  it('are made in the driver’s context of a processor, with 0 in the registers that are not given', () => {
    const { it, contexts } = vmcalls(({ r02, r03 }) => ({ r03: r03 + r02 + 1n }));
    expect(it.make(2, { r02: 4n })).to.include({ r01: 0n, r02: 4n, r03: 5n });
    expect(contexts).to.deep.equal([2]);
  });

  it('carry data through the buffers, and answer as much as the VMM says', () => {
    const { it, written } = vmcalls(({ r05, r06, r08, r09 }) => {
      expect([r05, r06, r08, r09]).to.deep.equal([0x1000n, 2n, 0x2000n, BigInt(SIZE)]);
      return { r09: 3n };
    });
    expect([...it.makeWithData(0, 1, Uint8Array.of(8, 9)).data]).to.deep.equal([1, 2, 3]);
    expect(written).to.deep.equal([Uint8Array.of(8, 9)]);
    const refused = vmcalls(() => ({ r01: 5n, r09: 3n }));
    expect([...refused.it.makeWithData(0, 1, Uint8Array.of(8)).data]).to.deep.equal([]);
  });

  it('refuse data that does not fit, an answer that does not fit, and a machine without buffers', () => {
    const { it, withoutBuffers } = vmcalls(() => ({ r09: BigInt(SIZE) + 1n }));
    const data = Uint8Array.of(8);
    expect(() => it.makeWithData(0, 1, new Uint8Array(SIZE + 1))).to.throw(DriverError, /9 bytes are too much/);
    expect(() => it.makeWithData(0, 1, data)).to.throw(DriverError, /answered 9 bytes .* has 8/);
    expect(() => withoutBuffers.makeWithData(0, 1, data)).to.throw(DriverError, /no memory for the data/);
  });

  it('say why the VMM refused one that the driver needs', () => {
    const cause = new RangeError('not now');
    const { it } = vmcalls(() => ({ r01: 7n }), { message: 'not now', error: cause });
    expect(() => it.expectSuccess('start', 1, 3))
      .to.throw(DriverError, 'VMCALL start on processor 1 failed: the VMM answered 0x7: not now')
      .with.property('causedBy', cause);
    expect(it.failure(1)?.message).to.equal('not now');
  });
});
