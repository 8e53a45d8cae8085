// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, vmmModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VcpuContribution } from '../../../src/vmm/vcpu/vcpu_contribution.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { Ept } from '../../../src/vmm/ept/ept.js';
import { EptIntelX64 } from '../../../src/vmm/ept/ept_intel_x64.js';
import { OutOfMemoryError, VcpuError, VmxonError } from '../../../src/vmm/errors.js';
import { ExceptionBitmapIntelX64 } from '../../../src/vmm/owners/exception_bitmap_intel_x64.js';
import { ExceptionBitmap } from '../../../src/vmm/owners/owners.js';
import { MemoryManager } from '../../../src/vmm/memory_manager/memory_manager.js';
import { UserData } from '../../../src/vmm/vcpu/user_data.js';
import { Vcpu } from '../../../src/vmm/vcpu/vcpu.js';
import { VcpuFactory } from '../../../src/vmm/vcpu/vcpu_factory.js';
import { VcpuX64 } from '../../../src/vmm/vcpu/vcpu_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { captureOutput } from '../capture_output.js';
import { loadedVmm } from '../started_vmm.js';

function vcpu(modules: readonly PartModule[] = [], id = 0n, machine = new FakeMachine()) {
  const { vmm } = loadedVmm(modules, machine);
  const it: Vcpu = vmm.container.get(VcpuFactory).makeVcpu(id);
  return { it, machine, vmx: () => machine.calls.filter((call) => call.startsWith('vm')) };
}

describe('VcpuX64', () => {
  const base = (id: bigint): VcpuX64 => make(VcpuX64, { id, debugRing: { write: () => {} } });

  it('distinguishes bootstrap, host and guest vcpus by their ids', () => {
    const kinds = (id: bigint) => {
      const { isBootstrapVcpu, isHostVmVcpu, isGuestVmVcpu } = base(id);
      return [isBootstrapVcpu, isHostVmVcpu, isGuestVmVcpu];
    };
    expect(kinds(0n)).to.deep.equal([true, true, false]);
    expect(kinds(0xffffn)).to.deep.equal([false, true, false]);
    expect(kinds(0x10000n)).to.deep.equal([false, false, true]);
  });

  it('refuses ids with bit 63 set', () => {
    for (const id of [0x8000000000000000n, 0xffffffffffffffffn]) {
      expect(() => base(id).init()).to.throw(VcpuError, /invalid vcpuid 0x/);
    }
  });

  it('has no state to lose: halted without a run, finished without an init', () => {
    const it = base(0n);
    it.hlt();
    it.fini();
    expect([it.isInitialized, it.isRunning]).to.deep.equal([false, false]);
    it.init();
    it.hlt();
    it.fini(new UserData());
    expect([it.isInitialized, it.isRunning]).to.deep.equal([false, false]);
  });

  it('takes user data at each step', () => {
    const it = base(0n);
    const data = new UserData();
    it.init(data);
    it.run(data);
    expect([it.isInitialized, it.isRunning]).to.deep.equal([true, true]);
    it.hlt(data);
    expect([it.isInitialized, it.isRunning]).to.deep.equal([true, false]);
    it.fini(data);
    expect(it.isInitialized).to.equal(false);
  });

  it('must be initialised before it runs', () => {
    expect(() => base(0n).run()).to.throw(VcpuError, /initialised/);
  });

  it('goes through its states', () => {
    const it = base(0n);
    it.init();
    it.run();
    expect([it.isInitialized, it.isRunning]).to.deep.equal([true, true]);
    it.fini();
    expect([it.isInitialized, it.isRunning], 'fini halts first').to.deep.equal([false, false]);
  });
});

describe('VcpuIntelX64', () => {
  it('turns VMX on and launches the first time, resumes later', () => {
    const { it, machine, vmx } = vcpu();
    it.init();
    expect(vmx()).to.deep.equal([]);
    it.run();
    expect(vmx()).to.deep.equal(['vmxon', 'vmclear', 'vmptrld', 'vmlaunch']);
    machine.calls.length = 0;
    it.run();
    expect(vmx()).to.deep.equal(['vmptrld', 'vmresume']);
    expect(it.isRunning).to.equal(true);
  });

  it('turns VMX off when it halts; the next run launches again', () => {
    const { it, machine, vmx } = vcpu();
    it.init();
    it.run();
    it.hlt();
    expect([it.isRunning, machine.isVmxOn, machine.entry]).to.deep.equal([false, false, undefined]);
    machine.calls.length = 0;
    it.run();
    expect(vmx()).to.deep.equal(['vmxon', 'vmclear', 'vmptrld', 'vmlaunch']);
  });

  it('of a guest leaves VMX operation alone', () => {
    const { it, vmx } = vcpu([], 0x10000n);
    it.init();
    it.run();
    it.hlt();
    expect(vmx()).to.deep.equal(['vmclear', 'vmptrld', 'vmlaunch']);
  });

  it('does nothing on hlt without init, and on a second init', () => {
    const { it, vmx } = vcpu();
    it.hlt();
    it.fini();
    it.init();
    it.init();
    it.hlt();
    expect(vmx()).to.deep.equal([]);
  });

  it('must be initialised before it runs', () => {
    const { it } = vcpu();
    expect(() => it.run()).to.throw(VcpuError, /initialised/);
  });

  it('is not running, and VMX is off, after a launch that failed', () => {
    const { it, machine } = vcpu();
    machine.succeeds.vmlaunch = false;
    it.init();
    captureOutput(() => expect(() => it.run()).to.throw(/VMLAUNCH failed/));
    expect([it.isRunning, machine.isVmxOn, machine.registers.cr4 & 0x2000n]).to.deep.equal([false, false, 0n]);
    machine.succeeds.vmlaunch = true;
    it.run();
    expect(it.isRunning).to.equal(true);
  });

  it('runs on when VMXOFF fails, and can be halted later', () => {
    const { it, machine } = vcpu();
    it.init();
    it.run();
    machine.succeeds.vmxoff = false;
    expect(() => it.hlt()).to.throw(/VMXOFF failed/);
    expect([it.isRunning, machine.isVmxOn]).to.deep.equal([true, true]);
    machine.succeeds.vmxoff = true;
    it.hlt();
    expect([it.isRunning, machine.isVmxOn]).to.deep.equal([false, false]);
  });

  it('halts before it is finished, and is neither initialised nor running then', () => {
    const { it, machine } = vcpu();
    it.init();
    it.run();
    it.fini();
    expect([it.isRunning, it.isInitialized, machine.isVmxOn]).to.deep.equal([false, false, false]);
    it.fini();
    it.init();
    expect([it.isRunning, it.isInitialized]).to.deep.equal([false, true]);
  });

  it('is not initialised when memory runs out for its state-save page', () => {
    const { vmm } = loadedVmm();
    const it: Vcpu = vmm.container.get(VcpuFactory).makeVcpu(0n);
    const manager = vmm.container.get(MemoryManager);
    const all: bigint[] = [];
    expect(() => {
      for (;;) all.push(manager.alloc(4096));
    }).to.throw(OutOfMemoryError);
    expect(() => it.init()).to.throw(OutOfMemoryError);
    expect(it.isInitialized).to.equal(false);
    manager.free(all[0]!);
    it.init();
    expect(it.isInitialized).to.equal(true);
  });

  it('writes to its own ring', () => {
    const { it } = vcpu();
    it.write('hello ');
    it.write('');
    it.write('world');
    expect(it.debugRing.read()).to.equal('hello world');
  });

  it('does not launch when VMXON fails', () => {
    const { it, machine, vmx } = vcpu();
    machine.registers.cr4 |= 0x2000n;
    it.init();
    expect(() => it.run()).to.throw(VmxonError);
    expect(it.isRunning).to.equal(false);
    expect(vmx()).to.deep.equal([]);
  });

  describe('contributions to its life', () => {
    const traced = (name: string, log: string[]): VcpuContribution => ({
      name,
      onInit: () => void log.push(`${name} init`),
      onRun: () => void log.push(`${name} run`),
      onHlt: () => void log.push(`${name} hlt`),
      onFini: () => void log.push(`${name} fini`),
    });
    const bound = (...all: VcpuContribution[]): PartModule =>
      vcpuModule(({ bind }) => all.forEach((each) => bind(VcpuContribution).toConstantValue(each)));

    it('begin in order after the base, and end in reverse before it', () => {
      const log: string[] = [];
      const machine = new FakeMachine();
      const { vmlaunch, vmxoff } = machine.vmx;
      Object.assign(machine.vmx, {
        vmlaunch: () => (log.push('launch'), vmlaunch()),
        vmxoff: () => (log.push('vmxoff'), vmxoff()),
      });
      const { it } = vcpu([bound(traced('b', log), traced('a', log))], 0n, machine);
      it.init();
      it.run();
      it.fini();
      expect(log).to.deep.equal([
        'a init',
        'b init',
        'launch',
        'a run',
        'b run',
        'b hlt',
        'a hlt',
        'vmxoff',
        'b fini',
        'a fini',
      ]);
    });

    it('and to its VMCS come after the owners at set-up and before them at the end, whatever their names', () => {
      const log: string[] = [];
      @extension()
      class LoggingExceptionBitmap extends ExceptionBitmapIntelX64 {
        override apply(): void {
          log.push('owners');
        }
      }
      @extension()
      class LoggingEpt extends EptIntelX64 {
        override stop(): void {
          log.push('owners stop');
        }
      }
      const names = ['aaa', 'zzz'];
      const { it } = vcpu([
        vmmModule(({ rebind }) => rebind(Ept).to(LoggingEpt)),
        vcpuModule(({ bind, rebind }) => {
          rebind(ExceptionBitmap).to(LoggingExceptionBitmap);
          for (const name of names) {
            const both = {
              name,
              setUp: () => void log.push(`${name} set-up`),
              onHlt: () => void log.push(`${name} hlt`),
            };
            bind(VmcsContribution).toConstantValue(both);
            bind(VcpuContribution).toConstantValue(both);
          }
        }),
      ]);
      it.init();
      it.run();
      it.hlt();
      expect(log).to.deep.equal(['owners', 'aaa set-up', 'zzz set-up', 'zzz hlt', 'aaa hlt', 'owners stop']);
    });

    it('end the start when one throws', () => {
      const failing: VcpuContribution = {
        name: 'failing',
        onInit: () => {
          throw new Error('not this one');
        },
      };
      const { it } = vcpu([bound(failing)]);
      expect(() => it.init()).to.throw('not this one');
      expect(it.isInitialized).to.equal(false);
    });
  });
});
