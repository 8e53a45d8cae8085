// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { DebugRingX64 } from '../../../src/vmm/debug_ring/debug_ring_x64.js';
import { VcpuError } from '../../../src/vmm/errors.js';
import { UserData } from '../../../src/vmm/vcpu/user_data.js';
import { VcpuManagerX64 } from '../../../src/vmm/vcpu/vcpu_manager_x64.js';
import { VmmImageError } from '../../../src/vmm/restore/plain_data.js';
import { readPartState } from '../../../src/vmm/restore/vmm_image.js';
import { captureOutput } from '../capture_output.js';
import { make } from '../../support/make.js';

const data = new UserData();

function fakeVcpu(reports: { name: string; report: () => Record<string, number | bigint | string> }[] = []) {
  return {
    init: sinon.stub(),
    fini: sinon.stub(),
    run: sinon.stub(),
    hlt: sinon.stub(),
    write: sinon.stub(),
    reports,
    debugRing: make(DebugRingX64),
  };
}

function manager(makeVcpu: (id: bigint) => unknown = () => fakeVcpu()) {
  const factory = { makeVcpu: sinon.spy(makeVcpu), disposeVcpu: sinon.stub() };
  return { factory, it: make(VcpuManagerX64, { factory }) };
}

describe('VcpuManagerX64', () => {
  it('makes a vcpu and initialises it with the user data', () => {
    const vcpu = fakeVcpu();
    const { it, factory } = manager(() => vcpu);
    it.createVcpu(3n, data);
    expect(factory.makeVcpu.args).to.deep.equal([[3n, data]]);
    expect(vcpu.init.args).to.deep.equal([[data]]);
  });

  it('makes a restored vcpu with the user data that it had', () => {
    const { it, factory } = manager();
    it.createVcpu(3n, { port: 5 });
    const other = manager();
    Object.assign(other.it, { ids: new Set([3n]), userData: new Map([[3n, { port: 5 }]]) });
    other.it.attach();
    expect(other.factory.makeVcpu.args).to.deep.equal([[3n, { port: 5 }]]);
    expect(readPartState(it, 'manager').userData).to.deep.equal(new Map([[3n, { port: 5 }]]));
    it.deleteVcpu(3n);
    expect(readPartState(it, 'manager').userData).to.deep.equal(new Map());
    it.createVcpu(3n, new (class Mine extends UserData {})());
    expect(() => readPartState(it, 'manager')).to.throw(VmmImageError, /manager\.userData.*Mine/);
    expect(factory.makeVcpu.callCount).to.equal(2);
  });

  it('uses a vcpu again that exists, and initialises it again', () => {
    const vcpu = fakeVcpu();
    const { it, factory } = manager(() => vcpu);
    it.createVcpu(0n);
    it.createVcpu(0n);
    expect(factory.makeVcpu.callCount).to.equal(1);
    expect(vcpu.init.callCount).to.equal(2);
  });

  for (const nothing of [undefined, null]) {
    it(`refuses a factory that makes ${nothing}`, () => {
      expect(() => manager(() => nothing).it.createVcpu(0n)).to.throw(VcpuError, /made no vcpu for id 0/);
    });
  }

  it('leaves nothing behind when the factory or init throws', () => {
    const failing = manager(() => {
      throw new Error('factory');
    });
    expect(() => failing.it.createVcpu(0n)).to.throw('factory');
    const vcpu = fakeVcpu();
    vcpu.init.throws(new Error('init'));
    const { it, factory } = manager(() => vcpu);
    expect(() => it.createVcpu(0n)).to.throw('init');
    expect(factory.disposeVcpu.args).to.deep.equal([[vcpu]]);
    it.runVcpu(0n);
    expect(vcpu.run.called).to.equal(false);
  });

  it('runs, halts, writes by id', () => {
    const vcpu = fakeVcpu();
    const { it } = manager(() => vcpu);
    it.createVcpu(0n);
    it.runVcpu(0n, data);
    it.hltVcpu(0n, data);
    it.write(0n, 'hello');
    expect([vcpu.run.args, vcpu.hlt.args, vcpu.write.args]).to.deep.equal([[[data]], [[data]], [['hello']]]);
  });

  it('halts a vcpu that does not run, and says why it does not, even if halting it fails too', () => {
    const vcpu = fakeVcpu();
    vcpu.run.throws(new Error('run'));
    vcpu.hlt.onSecondCall().throws(new Error('hlt'));
    const { it } = manager(() => vcpu);
    it.createVcpu(0n);
    captureOutput(() => {
      expect(() => it.runVcpu(0n, data)).to.throw('run');
      expect(() => it.runVcpu(0n, data)).to.throw('run');
    });
    expect(vcpu.hlt.args).to.deep.equal([[data], [data]]);
  });

  it('passes on why a vcpu does not halt, and knows it still', () => {
    const vcpu = fakeVcpu();
    vcpu.hlt.onFirstCall().throws(new Error('hlt'));
    const { it } = manager(() => vcpu);
    it.createVcpu(0n);
    expect(() => it.hltVcpu(0n)).to.throw('hlt');
    it.hltVcpu(0n);
    expect(vcpu.hlt.callCount).to.equal(2);
  });

  it('ends a vcpu once, however often it is deleted', () => {
    const vcpu = fakeVcpu();
    const { it, factory } = manager(() => vcpu);
    it.createVcpu(0n);
    it.deleteVcpu(0n);
    it.deleteVcpu(0n);
    expect([vcpu.fini.callCount, factory.disposeVcpu.callCount]).to.deep.equal([1, 1]);
  });

  it('does nothing for unknown ids', () => {
    const { it, factory } = manager();
    it.runVcpu(7n);
    it.hltVcpu(7n);
    it.write(7n, 'x');
    it.deleteVcpu(7n);
    expect(it.readRing(7n)).to.equal(undefined);
    expect(factory.makeVcpu.called).to.equal(false);
  });

  it('forgets a deleted vcpu even if its end throws, and disposes its parts', () => {
    const vcpu = fakeVcpu();
    vcpu.fini.throws(new Error('fini'));
    const { it, factory } = manager(() => vcpu);
    it.createVcpu(0n);
    expect(() => it.deleteVcpu(0n, data)).to.throw('fini');
    expect(vcpu.fini.args).to.deep.equal([[data]]);
    expect(factory.disposeVcpu.callCount).to.equal(1);
    it.runVcpu(0n);
    expect(vcpu.run.called).to.equal(false);
  });

  it('keeps the ring of a deleted vcpu, and lets its parts write to it while they end', () => {
    const vcpu = fakeVcpu();
    const { it, factory } = manager(() => vcpu);
    it.createVcpu(0n);
    vcpu.debugRing.write('before ');
    factory.disposeVcpu.callsFake(() => it.write(0n, 'while'));
    it.deleteVcpu(0n);
    expect(it.readRing(0n)).to.equal('before while');
  });

  describe('.reports', () => {
    it('adds numbers of several vcpus up, and takes other values from the first', () => {
      const vcpus = [1, 2, 4].map((count) =>
        fakeVcpu([{ name: 'x', report: () => ({ count, big: BigInt(count), who: `vcpu ${count}` }) }]),
      );
      const { it } = manager((id) => vcpus[Number(id)]);
      for (const id of [1n, 0n, 2n]) it.createVcpu(id);
      expect(it.reports()).to.deep.equal({ x: { count: 7, big: 7n, who: 'vcpu 1' } });
    });

    it('keeps what a deleted vcpu reported last', () => {
      let count = 1;
      const { it } = manager(() => fakeVcpu([{ name: 'x', report: () => ({ count }) }]));
      it.createVcpu(0n);
      count = 5;
      it.deleteVcpu(0n);
      count = 6;
      expect(it.reports()).to.deep.equal({ x: { count: 5 } });
    });

    it('is empty without extensions', () => {
      const { it } = manager();
      it.createVcpu(0n);
      expect(it.reports()).to.deep.equal({});
    });
  });
});
