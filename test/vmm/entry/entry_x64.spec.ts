// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { EntryError, OutOfMemoryError } from '../../../src/vmm/errors.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, vmmModule } from '../../../src/vmm/container/part_module.js';
import { EntryHooks } from '../../../src/vmm/entry/entry.js';
import { EntryHooksX64 } from '../../../src/vmm/entry/entry_hooks_x64.js';
import { EntryX64 } from '../../../src/vmm/entry/entry_x64.js';
import { Vcpu } from '../../../src/vmm/vcpu/vcpu.js';
import { VcpuIntelX64 } from '../../../src/vmm/vcpu/vcpu_intel_x64.js';
import { UserData } from '../../../src/vmm/vcpu/user_data.js';
import { make } from '../../support/make.js';
import { captureOutput } from '../capture_output.js';
import { loadedVmm } from '../started_vmm.js';

const initialiser = () => ({ init: sinon.stub() });

function entry(hooks: unknown = new EntryHooksX64()) {
  const vcpuManager = {
    createVcpu: sinon.stub(),
    runVcpu: sinon.stub(),
    hltVcpu: sinon.stub(),
    deleteVcpu: sinon.stub(),
  };
  const parts = {
    memoryManager: initialiser(),
    rootPageTable: initialiser(),
    tables: initialiser(),
    serialPort: initialiser(),
  };
  return { vcpuManager, parts, it: make(EntryX64, { vcpuManager, hooks, ...parts }) };
}

function thrownBy(act: () => void): EntryError {
  let thrown: unknown;
  captureOutput(() => {
    try {
      act();
    } catch (error) {
      thrown = error;
    }
  });
  expect(thrown).to.be.instanceOf(EntryError);
  return thrown as EntryError;
}

describe('EntryX64', () => {
  describe('.startVmm', () => {
    it('creates and runs, and says so in green', () => {
      const { it, vcpuManager } = entry();
      expect(captureOutput(() => it.startVmm(2n))).to.equal('DEBUG: success: host os is now in a vm on vcpuid = 2\n');
      sinon.assert.callOrder(vcpuManager.createVcpu, vcpuManager.runVcpu);
      expect(vcpuManager.createVcpu.args[0]![0]).to.equal(2n);
    });

    it('deletes the vcpu when it does not run', () => {
      const { it, vcpuManager } = entry();
      vcpuManager.runVcpu.throws(new Error('no VMX'));
      const error = thrownBy(() => it.startVmm(0n));
      expect(error.code).to.equal(ErrorCode.ENTRY_ERROR_VMM_START_FAILED);
      expect(error.message).to.equal('vcpu 0 did not start: no VMX');
      expect(vcpuManager.deleteVcpu.args).to.deep.equal([[0n]]);
    });

    it('treats any thrown value as an error', () => {
      const { it, vcpuManager } = entry();
      vcpuManager.runVcpu.callsFake(() => {
        throw 'a text';
      });
      const error = thrownBy(() => it.startVmm(0n));
      expect([error.message, error.code]).to.deep.equal([
        'vcpu 0 did not start: a text',
        ErrorCode.ENTRY_ERROR_VMM_START_FAILED,
      ]);
    });

    it('keeps the first error when the deletion fails as well', () => {
      const { it, vcpuManager } = entry();
      vcpuManager.runVcpu.throws(new Error('first'));
      vcpuManager.deleteVcpu.throws(new Error('second'));
      expect(thrownBy(() => it.startVmm(0n)).message).to.include('first');
    });

    it('has nothing to delete when the creation fails', () => {
      const { it, vcpuManager } = entry();
      vcpuManager.createVcpu.throws(new OutOfMemoryError('nothing left'));
      expect(thrownBy(() => it.startVmm(0n)).code).to.equal(ErrorCode.BF_BAD_ALLOC);
      expect(vcpuManager.deleteVcpu.called).to.equal(false);
    });
  });

  describe('.stopVmm', () => {
    it('halts and deletes, and says so', () => {
      const { it, vcpuManager } = entry();
      expect(captureOutput(() => it.stopVmm(0n))).to.equal('DEBUG: success: host os is not in a vm on vcpuid = 0\n');
      sinon.assert.callOrder(vcpuManager.hltVcpu, vcpuManager.deleteVcpu);
    });

    it('says BF_BAD_ALLOC when memory runs out', () => {
      const { it, vcpuManager } = entry();
      vcpuManager.hltVcpu.throws(new OutOfMemoryError('nothing left'));
      expect(thrownBy(() => it.stopVmm(0n)).code).to.equal(ErrorCode.BF_BAD_ALLOC);
    });

    for (const step of ['hltVcpu', 'deleteVcpu'] as const) {
      it(`says that ${step} failed`, () => {
        const { it, vcpuManager } = entry();
        vcpuManager[step].throws(new Error('stuck'));
        const error = thrownBy(() => it.stopVmm(0n));
        expect(error.code).to.equal(ErrorCode.ENTRY_ERROR_VMM_STOP_FAILED);
        expect(error.message).to.equal('vcpu 0 did not stop: stuck');
      });
    }
  });

  it('hands what the four hooks return to the vcpu', () => {
    const data = { create: new UserData(), run: new UserData(), hlt: new UserData(), delete: new UserData() };
    const hooks = {
      preCreateVcpu: sinon.stub().withArgs(1n).returns(data.create),
      preRunVcpu: sinon.stub().withArgs(1n).returns(data.run),
      preHltVcpu: sinon.stub().withArgs(1n).returns(data.hlt),
      preDeleteVcpu: sinon.stub().withArgs(1n).returns(data.delete),
    };
    const { it, vcpuManager } = entry(hooks);
    captureOutput(() => {
      it.startVmm(1n);
      it.stopVmm(1n);
    });
    expect(vcpuManager.createVcpu.args[0]![1]).to.equal(data.create);
    expect(vcpuManager.runVcpu.args[0]![1]).to.equal(data.run);
    expect(vcpuManager.hltVcpu.args[0]![1]).to.equal(data.hlt);
    expect(vcpuManager.deleteVcpu.args[0]![1]).to.equal(data.delete);
  });

  it('takes hooks that a module rebinds: their user data reach factory and vcpu', () => {
    const log: [string, unknown][] = [];
    const data = new UserData();
    @extension()
    class Hooks extends EntryHooksX64 {
      override preCreateVcpu(): UserData {
        return data;
      }
      override preDeleteVcpu(): UserData {
        return data;
      }
    }
    @extension()
    class Noting extends VcpuIntelX64 {
      override init(userData?: UserData): void {
        log.push(['init', userData]);
        super.init(userData);
      }
      override run(userData?: UserData): void {
        log.push(['run', userData]);
        super.run(userData);
      }
      override hlt(userData?: UserData): void {
        log.push(['hlt', userData]);
        super.hlt(userData);
      }
      override fini(userData?: UserData): void {
        log.push(['fini', userData]);
        super.fini(userData);
      }
    }
    const { vmm } = loadedVmm([
      vmmModule(({ rebind }) => rebind(EntryHooks).to(Hooks)),
      vcpuModule(({ rebind }) => rebind(Vcpu).to(Noting)),
    ]);
    captureOutput(() => {
      vmm.entry.startVmm(0n);
      vmm.entry.stopVmm(0n);
    });
    expect(log).to.deep.equal([
      ['init', data],
      ['run', undefined],
      ['hlt', undefined],
      ['fini', data],
    ]);
  });

  describe('.initVmm', () => {
    it('initialises memory, page table, descriptor tables and serial port, in this order', () => {
      const { it, parts } = entry();
      it.initVmm();
      sinon.assert.callOrder(
        parts.memoryManager.init,
        parts.rootPageTable.init,
        parts.tables.init,
        parts.serialPort.init,
      );
    });

    it('says why it failed', () => {
      const { it, parts } = entry();
      parts.rootPageTable.init.throws(new Error('no memory'));
      const error = thrownBy(() => it.initVmm());
      expect(error.code).to.equal(ErrorCode.ENTRY_ERROR_VMM_INIT_FAILED);
      expect(error.message).to.include('no memory');
    });
  });
});
