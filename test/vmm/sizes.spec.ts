// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcallOpcode, VmcallDataType, VMCALL_MAGIC } from '../../src/vmm/exit/vmcall_interface.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../src/intrinsics/vmcs/vmcs_fields.js';
import { vmmModule, type PartModule } from '../../src/vmm/container/part_module.js';
import { EntryError } from '../../src/vmm/errors.js';
import { loadVmcallRegisters, storeVmcallRegisters } from '../../src/vmm/exit/vmcall_registers.js';
import { MemoryManager } from '../../src/vmm/memory_manager/memory_manager.js';
import { defaultSizes, Sizes } from '../../src/vmm/sizes.js';
import { captureOutput } from './capture_output.js';
import { loadedVmm, startedVmm } from './started_vmm.js';

const sized = (sizes: Partial<Sizes>): PartModule =>
  vmmModule(({ rebind }) => rebind(Sizes).toConstantValue({ ...defaultSizes, ...sizes }));

describe('Sizes', () => {
  it("are 1.1's unless somebody rebinds them", () => {
    expect(loadedVmm().vmm.container.get(Sizes)).to.deep.equal({
      heapPool: 8 * 2 ** 20,
      pagePool: 32 * 2 ** 20,
      mapPool: 8 * 2 ** 20,
      debugRing: 32768,
      exitStack: 65536,
      vmcallInBuffer: 131072,
      vmcallOutBuffer: 131072,
    });
  });

  it('give the pools of the memory manager their sizes', () => {
    const { vmm } = loadedVmm([sized({ heapPool: 4096 * 16, pagePool: 4096 * 32, mapPool: 8192 })]);
    const manager = vmm.container.get(MemoryManager);
    expect(() => manager.alloc(4096 * 16 + 64)).to.throw(/heap pool of 65536/);
    expect(manager.alloc(4096) % 4096n).to.equal(0n);
    expect(() => manager.alloc(4096 * 32)).to.throw(/page pool of 131072/);
    expect(() => manager.allocMap(8193)).to.throw(/of 8192/);
  });

  for (const [what, sizes] of [
    ['a heap that is no multiple of a page', { heapPool: 5000 }],
    ['a pool of pages that is none', { pagePool: 4096 * 64 + 1 }],
    ['a pool of maps that is none', { mapPool: 4097 }],
    ['more than the driver gives', { pagePool: 64 * 2 ** 20 }],
  ] as const) {
    it(`are refused at load: ${what}`, () => {
      expect(() => loadedVmm([sized(sizes)])).to.throw(EntryError, /VMM could not be initialised: .*pools/);
    });
  }

  it('give the debug ring its size', () => {
    const { vmm } = startedVmm([sized({ debugRing: 64 })]);
    vmm.vcpuManager.write(0n, 'x'.repeat(64));
    vmm.vcpuManager.write(0n, 'y'.repeat(40));
    vmm.vcpuManager.write(0n, 'z'.repeat(30));
    expect(vmm.vcpuManager.readRing(0n)).to.equal('z'.repeat(30));
  });

  it('give VM exits their stack', () => {
    const { machine, vmm } = startedVmm([sized({ exitStack: 8192 })]);
    const manager = vmm.container.get(MemoryManager);
    const top = machine.fields.get(VmcsField.HostRsp)!;
    expect(manager.size(top - 8192n)).to.equal(8192);
  });

  it('limit the buffers of VMCALLs', () => {
    const { machine } = startedVmm([sized({ vmcallInBuffer: 8, vmcallOutBuffer: 16 })]);
    const { values } = machine.generalRegisters;
    const call = (inSize: bigint, outSize: bigint): string => {
      const zero = loadVmcallRegisters(new BigUint64Array(16));
      const r04 = BigInt(VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED);
      const sizes = { r05: 0x400000n, r06: inSize, r08: 0x400000n, r09: outSize };
      const r00 = BigInt(VmcallOpcode.VMCALL_DATA);
      storeVmcallRegisters({ ...zero, r00, r01: VMCALL_MAGIC, r04, ...sizes }, values);
      return captureOutput(() => machine.exit(ExitReason.Vmcall, { length: 3 }));
    };
    expect(call(9n, 16n)).to.include('the in buffer has 9 bytes; at most 8');
    expect(call(8n, 17n)).to.include('the out buffer has 17 bytes; at most 16');
  });
});
