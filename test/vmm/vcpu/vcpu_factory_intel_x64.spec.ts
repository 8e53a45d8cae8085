// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { PartBinder } from '../../../src/vmm/container/binding_recorder.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vmmModule } from '../../../src/vmm/container/part_module.js';
import { ExitHandler } from '../../../src/vmm/exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import { UserData } from '../../../src/vmm/vcpu/user_data.js';
import { VcpuFactory } from '../../../src/vmm/vcpu/vcpu_factory.js';
import { VcpuFactoryIntelX64 } from '../../../src/vmm/vcpu/vcpu_factory_intel_x64.js';
import { VcpuIntelX64 } from '../../../src/vmm/vcpu/vcpu_intel_x64.js';
import { loadedVmm } from '../started_vmm.js';

const handlerOf = (vcpu: unknown): ExitHandler => (vcpu as { exitHandler: ExitHandler }).exitHandler;

describe('VcpuFactoryIntelX64', () => {
  it('makes vcpus with their ids and their own parts', () => {
    const factory = loadedVmm().vmm.container.get(VcpuFactory);
    const [first, second] = [factory.makeVcpu(0n), factory.makeVcpu(0x10001n)];
    expect(first).to.be.instanceOf(VcpuIntelX64);
    expect([first.id, second.id]).to.deep.equal([0n, 0x10001n]);
    expect(handlerOf(first)).to.not.equal(handlerOf(second));
  });

  it('lets a user’s factory rebind parts, by id or by user data', () => {
    class Mark extends UserData {
      readonly wanted = true;
    }
    @extension()
    class Special extends ExitHandlerIntelX64 {}
    @extension()
    class MyFactory extends VcpuFactoryIntelX64 {
      protected override bindParts(binder: PartBinder, vcpuid: bigint, userData?: UserData): void {
        super.bindParts(binder, vcpuid, userData);
        if (userData instanceof Mark) binder.rebind(ExitHandler).to(Special);
      }
    }
    const { vmm } = loadedVmm([vmmModule(({ rebind }) => rebind(VcpuFactory).to(MyFactory))]);
    const factory = vmm.container.get(VcpuFactory);
    expect(handlerOf(factory.makeVcpu(0n, new Mark()))).to.be.instanceOf(Special);
    expect(handlerOf(factory.makeVcpu(1n))).to.not.be.instanceOf(Special);
  });

  it('disposes the parts of a vcpu, once', () => {
    let disposed = 0;
    @extension()
    class Counted extends ExitHandlerIntelX64 {
      override [Symbol.dispose](): void {
        disposed++;
      }
    }
    @extension()
    class MyFactory extends VcpuFactoryIntelX64 {
      protected override bindParts(binder: PartBinder, vcpuid: bigint): void {
        super.bindParts(binder, vcpuid);
        binder.rebind(ExitHandler).to(Counted);
      }
    }
    const { vmm } = loadedVmm([vmmModule(({ rebind }) => rebind(VcpuFactory).to(MyFactory))]);
    const factory = vmm.container.get(VcpuFactory);
    const vcpu = factory.makeVcpu(0n);
    factory.disposeVcpu(vcpu);
    factory.disposeVcpu(vcpu);
    expect(disposed).to.equal(1);
  });
});
