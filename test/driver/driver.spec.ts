// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { DriverError, DriverStateError, ModuleFileError } from '../../src/driver/driver_errors.js';
import type { DriverMachine } from '../../src/driver/driver_machine.js';
import { ErrorCode } from '../../src/vmm/error_codes.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import {
  DuplicateRebindError,
  MissingDecoratorError,
  RebindUnboundError,
} from '../../src/vmm/container/load_errors.js';
import { EntryError } from '../../src/vmm/errors.js';
import { bferror } from '../../src/vmm/output/output.js';
import { LoadedVmm } from '../../src/driver/loaded_vmm.js';
import { vmmModule } from '../../src/vmm/container/part_module.js';
import { FakeMachine } from '../support/fake_machine.js';
import { temporaryFolder } from './node/temporary_folder.js';

const folder = temporaryFolder();

/** Several processors in one fake: each has its own state. */
function host(processors = 1) {
  const machine = new FakeMachine();
  const order: number[] = [];
  // VMXOFF of a guest exits first; promote hands the processor back, and then it runs natively.
  const { vmxoff } = machine.vmx;
  Object.assign(machine.vmx, {
    vmxoff: () => {
      machine.exit(ExitReason.Vmxoff, { length: 3 });
      return vmxoff();
    },
  });
  const states = Array.from({ length: processors }, () => ({
    entry: undefined as typeof machine.entry,
    cr4: machine.registers.cr4,
  }));
  const driverMachine: DriverMachine = {
    processors,
    intrinsics: machine.intrinsics,
    inDriverContext: (processor, body) => {
      order.push(processor);
      const state = states[processor]!;
      machine.entry = state.entry;
      machine.registers.cr4 = state.cr4;
      try {
        return body();
      } finally {
        states[processor] = { entry: machine.entry, cr4: machine.registers.cr4 };
      }
    },
  };
  return { machine, order, driverMachine };
}

async function driver(modules: readonly string[] = [], fake = host()) {
  const it = await Driver.create({ source: moduleFiles, machine: fake.driverMachine });
  for (const module of modules) it.addModule(module);
  return { it, ...fake };
}

const counting = (name: string): string =>
  folder.write(
    `${name}.ts`,
    `import { ExitContribution, ExitReason, ReportContribution, vcpuModule } from 'bareflank';
     class Count implements ExitContribution, ReportContribution {
       readonly name = '${name}'; readonly reasons = [ExitReason.Cpuid]; count = 0;
       handleExit(): boolean { this.count++; return false; }
       report() { return { count: this.count }; }
     }
     export default vcpuModule(({ bind }) => { bind(Count).toSelf(); bind(ExitContribution).toService(Count); bind(ReportContribution).toService(Count); });`,
  );

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as Error,
  );
}

describe('Driver', () => {
  describe('life', () => {
    it('loads, starts, stops, unloads; each call that is done already succeeds', async () => {
      const { it, machine } = await driver();
      expect(it.status).to.equal('VMM_UNLOADED');
      await it.load();
      await it.load();
      expect(it.status).to.equal('VMM_LOADED');
      it.start();
      it.start();
      expect(it.status).to.equal('VMM_RUNNING');
      expect(machine.isVmxOn).to.equal(true);
      it.stop();
      it.stop();
      expect(it.status).to.equal('VMM_LOADED');
      expect(machine.isVmxOn).to.equal(false);
      expect(machine.registers.cr4 & 0x2000n, 'CR4.VMXE is clear again').to.equal(0n);
      it.unload();
      it.unload();
      expect(it.status).to.equal('VMM_UNLOADED');
    });

    it('runs again and again', async () => {
      const { it } = await driver();
      for (let round = 0; round < 3; round++) {
        await it.load();
        it.start();
        it.stop();
        it.unload();
      }
      expect(it.status).to.equal('VMM_UNLOADED');
    });

    it('prints what it did through COM2', async () => {
      const { it, machine } = await driver();
      await it.load();
      it.start();
      // eslint-disable-next-line no-control-regex -- colours are escape sequences
      expect(machine.serialText(0x2f8).replace(/\u001b\[[0-9;]*m/g, '')).to.include(
        'success: host os is now in a vm on vcpuid = 0',
      );
      it.stop();
      expect(it.dump(0n)).to.include('in a vm on vcpuid = 0');
      it.close();
    });

    it('starts processors in order and stops them in reverse', async () => {
      const fake = host(3);
      const { it, order } = await driver([], fake);
      await it.load();
      it.start();
      it.stop();
      expect(order).to.deep.equal([0, 1, 2, 2, 1, 0]);
      it.close();
    });
  });

  describe('states', () => {
    it('names call and state when a call is not possible', async () => {
      const { it } = await driver();
      expect(() => it.start()).to.throw(DriverStateError, /start.*VMM_UNLOADED.*VMM_LOADED/);
      expect(() => it.stop()).to.throw(DriverStateError, /stop.*VMM_UNLOADED/);
      expect(() => it.dump(0n)).to.throw(DriverStateError, /dump.*VMM_UNLOADED/);
      await it.load();
      expect(() => it.addModule('x')).to.throw(DriverStateError, /add_module.*VMM_LOADED/);
      expect(() => it.vmcall(0, {})).to.throw(DriverStateError, /vmcall.*VMM_LOADED/);
      it.start();
      expect(() => it.unload()).to.throw(DriverStateError, /unload.*VMM_RUNNING/);
      expect((await rejection(it.load())).message).to.match(/load.*VMM_RUNNING/);
      it.close();
    });

    it('is corrupt when a stop fails, and then can only be read', async () => {
      const { it, machine } = await driver();
      await it.load();
      it.start();
      machine.succeeds.vmxoff = false;
      expect(() => it.stop()).to.throw(EntryError, /vcpu 0 did not stop.*VMXOFF failed/);
      expect(it.status).to.equal('VMM_CORRUPT');
      expect(() => it.start()).to.throw(DriverStateError, /VMM_CORRUPT/);
      expect(() => it.stop()).to.throw(DriverStateError, /VMM_CORRUPT/);
      expect(() => it.unload()).to.throw(DriverStateError, /VMM_CORRUPT/);
      expect(it.dump(0n)).to.be.a('string');
      it.close();
    });
  });

  describe('a failed start', () => {
    it('stops the processors that run, and leaves the VMM loaded', async () => {
      const fake = host(2);
      const { it, machine } = await driver([], fake);
      await it.load();
      let launches = 0;
      const { vmlaunch } = machine.vmx;
      Object.assign(machine.vmx, { vmlaunch: () => ++launches < 2 && vmlaunch() });
      expect(() => it.start()).to.throw(EntryError, /vcpu 1 did not start: VMLAUNCH failed: VM-instruction error/);
      expect(it.status).to.equal('VMM_LOADED');
      expect(machine.isVmxOn).to.equal(false);
      it.close();
    });

    it('stops a processor whose VMCALL start fails', async () => {
      const module = folder.write(
        'refuse.ts',
        `import { VmcallContribution, vcpuModule } from 'bareflank';
         export default vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue({
           name: 'refuse', opcodes: [5], handleVmcall(): boolean { throw new Error('not now'); } }));`,
      );
      const { it, machine } = await driver([module]);
      await it.load();
      expect(() => it.start()).to.throw(
        DriverError,
        /VMCALL start on processor 0 failed: the VMM answered 0x8000001000000000: not now$/,
      );
      expect(it.status).to.equal('VMM_LOADED');
      expect(machine.isVmxOn).to.equal(false);
      it.close();
    });
  });

  describe('.addModule', () => {
    it('takes a file once, by its real path, and names one that is missing', async () => {
      const file = counting('once');
      const { it, machine } = await driver([file, file]);
      await it.load();
      it.start();
      machine.exit(ExitReason.Cpuid);
      expect(it.reports()).to.deep.equal({ once: { count: 1 } });
      it.close();
      expect(() => it.addModule('/nowhere.ts')).to.throw(ModuleFileError, /\/nowhere\.ts does not exist/);
      expect(() => it.addModule(folder.path)).to.throw(ModuleFileError, /it is a folder, not a file/);
    });

    it('takes at most 75', async () => {
      const { it } = await driver();
      for (let each = 0; each < 75; each++) it.addModule(folder.write(`many/${each}.ts`, ''));
      expect(() => it.addModule(folder.write('many/last.ts', ''))).to.throw(DriverError, /number 76.*75/);
    });
  });

  it('.addModule takes as many as maxModules says', async () => {
    const limited = await Driver.create({ source: moduleFiles, machine: host().driverMachine, maxModules: 1 });
    limited.addModule(folder.write('limited/a.ts', ''));
    expect(() => limited.addModule(folder.write('limited/b.ts', ''))).to.throw(DriverError, /number 2; there may be 1/);
  });

  describe('a failed load', () => {
    const cases: [string, string, new (...all: never[]) => Error, RegExp][] = [
      [
        'a rebind of an unbound symbol',
        `import { component, vmmModule } from 'bareflank'; class X {}
         export default vmmModule(({ rebind }) => rebind(component<X>('test.driver.Nobody', 'vmm')).to(X));`,
        RebindUnboundError,
        /failing\.ts: rebind\(test\.driver\.Nobody\), but no module binds it/,
      ],
      [
        'a forgotten decorator',
        `import { ExitHandler, ExitHandlerIntelX64, vcpuModule } from 'bareflank'; class Forgetful extends ExitHandlerIntelX64 {}
         export default vcpuModule(({ rebind }) => rebind(ExitHandler).to(Forgetful));`,
        MissingDecoratorError,
        /failing\.ts: class Forgetful would not get '\w+', which \w+ injects: put @extension\(\)/,
      ],
      [
        'a syntax error',
        `import { vmmModule } from 'bareflank';\nexport default vmmModule(((`,
        ModuleFileError,
        /failing\.ts:2:\d+: Unexpected end of file/,
      ],
      ['a file that is not a module', 'export const x = 1;', ModuleFileError, /failing\.ts is not a module/],
    ];
    for (const [what, text, type, message] of cases) {
      it(`leaves the VMM unloaded: ${what}`, async () => {
        const { it } = await driver([folder.write('failing.ts', text)]);
        const error = await rejection(it.load());
        expect(error).to.be.instanceOf(type);
        expect(error.message).to.match(message);
        expect(it.status).to.equal('VMM_UNLOADED');
        await it.load();
        expect(it.status, 'the modules are forgotten').to.equal('VMM_LOADED');
        it.close();
      });
    }

    it('names both files of two rebinds that exclude each other', async () => {
      const text = `import { ExitHandler, ExitHandlerIntelX64, extension, vcpuModule } from 'bareflank';
        @extension() class Mine extends ExitHandlerIntelX64 {}
        export default vcpuModule(({ rebind }) => rebind(ExitHandler).to(Mine));`;
      const { it } = await driver([folder.write('first.ts', text), folder.write('second.ts', text)]);
      const error = await rejection(it.load());
      expect(error).to.be.instanceOf(DuplicateRebindError);
      expect(error.message).to.match(/bareflank\.ExitHandler.*first\.ts and .*second\.ts/);
    });
  });

  it('gives the same reports whatever the order of the modules', async () => {
    const files = ['one', 'two', 'three'].map(counting);
    for (const order of [files, [...files].reverse()]) {
      const { it, machine } = await driver(order);
      await it.load();
      it.start();
      machine.exit(ExitReason.Cpuid);
      expect(it.reports()).to.deep.equal({ one: { count: 1 }, two: { count: 1 }, three: { count: 1 } });
      expect([...it.handlerNames].slice(0, 4)).to.deep.equal(['ExitHandlerIntelX64', 'one', 'three', 'two']);
      it.close();
      expect(it.reports(), 'after the end').to.deep.equal({
        one: { count: 1 },
        two: { count: 1 },
        three: { count: 1 },
      });
    }
  });

  describe('.vmcall', () => {
    it('answers versions, and reports an error in R01', async () => {
      const { it } = await driver();
      await it.load();
      it.start();
      const answer = it.vmcall(-1, { r00: 1n, r02: 1n });
      expect([answer.r01, answer.r03, answer.r04, answer.r05]).to.deep.equal([0n, 1n, 1n, 0n]);
      expect(it.vmcall(0, { r00: 99n }).r01).to.equal(ErrorCode.BF_VMCALL_FAILURE);
      expect(() => it.vmcall(1, {})).to.throw(DriverError, /processor 1: the VMM runs on 1/);
      it.close();
    });

    it('knows what the handler of the last one threw, whatever the log says since', async () => {
      const module = folder.write(
        'logging.ts',
        `import { bferror, VmcallContribution, vcpuModule } from 'bareflank';
         export default vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue({
           name: 'logging', opcodes: [77, 78], handleVmcall({ r00 }): boolean {
             if (r00 === 77n) throw new RangeError('not now');
             bferror\`another error\`;
             return true;
           } }));`,
      );
      const { it } = await driver([module]);
      await it.load();
      it.start();
      expect(it.vmcallFailure(0)).to.equal(undefined);
      expect(it.vmcall(-1, { r00: 77n }).r01).to.equal(ErrorCode.BF_VMCALL_FAILURE);
      bferror`said by somebody else`;
      expect(it.vmcallFailure(-1)?.message).to.equal('not now');
      expect(it.vmcallFailure(0)?.error).to.be.instanceOf(RangeError);
      expect(it.vmcall(0, { r00: 78n }).r01).to.equal(0n);
      expect(it.vmcallFailure(0)).to.equal(undefined);
      it.close();
    });
  });

  it('says in shared memory which handler runs', async () => {
    const seen: number[] = [];
    const whereabouts = new Int32Array(new SharedArrayBuffer(4));
    const fake = host();
    const it = await Driver.create({ source: moduleFiles, machine: fake.driverMachine, whereabouts });
    it.addModule(counting('seen'));
    await it.load();
    it.start();
    const { cpuid } = fake.machine.cpuid;
    Object.assign(fake.machine.cpuid, {
      cpuid: (leaf: number, subleaf: number, result: Uint32Array) => {
        seen.push(whereabouts[0]!);
        cpuid(leaf, subleaf, result);
      },
    });
    fake.machine.exit(ExitReason.Cpuid);
    expect(seen.map((word) => it.handlerNames[word - 1])).to.deep.equal(['ExitHandlerIntelX64']);
    expect(whereabouts[0]).to.equal(0);
    it.close();
  });
});

describe('The order in which modules are taken', () => {
  /** The order for a seed: a module function runs when its module is taken. */
  function orderOf(seed?: number): string {
    const taken: string[] = [];
    const modules = [...'abcdef'].map((name) => ({ file: name, module: vmmModule(() => void taken.push(name)) }));
    const options = seed === undefined ? {} : { seed };
    LoadedVmm.create(
      host().driverMachine,
      modules,
      { words: new Int32Array(1), outcome: new Int32Array(1), names: [] },
      options,
    ).unload();
    return taken.join('');
  }

  it('follows from the seed, and is another one for another seed', () => {
    const orders = Array.from({ length: 20 }, (_, seed) => orderOf(seed));
    expect(orders.map((_, seed) => orderOf(seed))).to.deep.equal(orders);
    expect(new Set(orders)).to.have.length.above(15);
    expect(orderOf()).to.equal(orders[0]);
  });
});
