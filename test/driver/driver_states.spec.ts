// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Driver, type DriverState } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { DriverError, DriverStateError } from '../../src/driver/driver_errors.js';
import type { DriverMachine } from '../../src/driver/driver_machine.js';
import { VmcallDataType } from '../../src/vmm/exit/vmcall_interface.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { EntryError } from '../../src/vmm/errors.js';
import { FakeMachine } from '../support/fake_machine.js';
import { temporaryFolder } from './node/temporary_folder.js';

const folder = temporaryFolder();

/** A module whose handler of a VMCALL of the driver fails. */
const refusing = (opcode: 5 | 6): string =>
  folder.write(
    `refuse_${opcode}.ts`,
    `import { VmcallContribution, vcpuModule } from 'bareflank';
     export default vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue({
       name: 'refuse', opcodes: [${opcode}], handleVmcall(): boolean { throw new Error('not now'); } }));`,
  );

/** A module with a part that cannot be disposed. */
const undisposable = (): string =>
  folder.write(
    'undisposable.ts',
    `import { component, vmmModule } from 'bareflank';
     class Stuck { [Symbol.dispose](): void { throw new Error('stuck'); } }
     export default vmmModule(({ bind }) => bind(component<Stuck>('test.driver.Stuck', 'vmm')).to(Stuck));`,
  );

async function driver(...modules: string[]) {
  return driverOf(new FakeMachine(), {}, ...modules);
}

async function driverOf(machine: FakeMachine, changes: Partial<DriverMachine>, ...modules: string[]) {
  const { vmxoff } = machine.vmx;
  Object.assign(machine.vmx, {
    vmxoff: () => {
      machine.exit(ExitReason.Vmxoff, { length: 3 });
      return vmxoff();
    },
  });
  const it = await Driver.create({
    source: moduleFiles,
    machine: {
      processors: 1,
      intrinsics: machine.intrinsics,
      inDriverContext: (_processor, body) => body(),
      ...changes,
    },
  });
  for (const module of modules) it.addModule(module);
  return { it, machine };
}

/** A driver in each state, and a module file that it does not know. */
const inState: Record<DriverState, () => Promise<Driver>> = {
  VMM_UNLOADED: async () => (await driver()).it,
  VMM_LOADED: async () => {
    const { it } = await driver();
    await it.load();
    return it;
  },
  VMM_RUNNING: async () => {
    const it = await inState.VMM_LOADED();
    it.start();
    return it;
  },
  VMM_CORRUPT: async () => {
    const { it, machine } = await driver();
    await it.load();
    it.start();
    machine.succeeds.vmxoff = false;
    expect(() => it.stop()).to.throw(EntryError);
    return it;
  },
};

const calls: Record<string, (it: Driver) => unknown> = {
  add_module: (it) => it.addModule(folder.write('empty.ts', '')),
  load: (it) => it.load(),
  unload: (it) => it.unload(),
  start: (it) => it.start(),
  stop: (it) => it.stop(),
  vmcall: (it) => it.vmcall(0, { r00: 1n }),
  dump: (it) => it.dump(0n),
};

/** BAREFLANK.md's table: the state after the call, or that the state forbids it. */
const table: Record<keyof typeof calls, Record<DriverState, DriverState | 'error'>> = {
  add_module: { VMM_UNLOADED: 'VMM_UNLOADED', VMM_LOADED: 'error', VMM_RUNNING: 'error', VMM_CORRUPT: 'error' },
  load: { VMM_UNLOADED: 'VMM_LOADED', VMM_LOADED: 'VMM_LOADED', VMM_RUNNING: 'error', VMM_CORRUPT: 'error' },
  unload: { VMM_UNLOADED: 'VMM_UNLOADED', VMM_LOADED: 'VMM_UNLOADED', VMM_RUNNING: 'error', VMM_CORRUPT: 'error' },
  start: { VMM_UNLOADED: 'error', VMM_LOADED: 'VMM_RUNNING', VMM_RUNNING: 'VMM_RUNNING', VMM_CORRUPT: 'error' },
  stop: { VMM_UNLOADED: 'error', VMM_LOADED: 'VMM_LOADED', VMM_RUNNING: 'VMM_LOADED', VMM_CORRUPT: 'error' },
  vmcall: { VMM_UNLOADED: 'error', VMM_LOADED: 'error', VMM_RUNNING: 'VMM_RUNNING', VMM_CORRUPT: 'error' },
  dump: { VMM_UNLOADED: 'error', VMM_LOADED: 'VMM_LOADED', VMM_RUNNING: 'VMM_RUNNING', VMM_CORRUPT: 'VMM_CORRUPT' },
};

async function thrown(it: Driver, call: (it: Driver) => unknown): Promise<unknown> {
  try {
    await call(it);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("The driver's states", () => {
  for (const [name, row] of Object.entries(table)) {
    for (const [state, result] of Object.entries(row) as [DriverState, DriverState | 'error'][]) {
      it(`${name} while ${state}: ${result}`, async () => {
        const it = await inState[state]();
        const error = await thrown(it, calls[name]!);
        if (result === 'error') {
          expect(error).to.be.instanceOf(DriverStateError);
          expect((error as Error).message)
            .to.include(name)
            .and.to.include(state);
          expect(it.status, 'a refused call changes nothing').to.equal(state);
        } else {
          expect(error).to.equal(undefined);
          expect(it.status).to.equal(result);
        }
        it.close();
      });
    }
  }

  it('is running again after stop and start, unloaded and loaded again', async () => {
    const it = await inState.VMM_RUNNING();
    it.stop();
    it.start();
    it.stop();
    it.unload();
    await it.load();
    expect(it.status).to.equal('VMM_LOADED');
    it.close();
  });

  it('is loaded after a VMCALL start that failed: everything is rolled back', async () => {
    const { it, machine } = await driver(refusing(5));
    await it.load();
    expect(() => it.start()).to.throw(DriverError, /VMCALL start on processor 0.*: not now$/);
    expect(it.status).to.equal('VMM_LOADED');
    expect(machine.isVmxOn).to.equal(false);
    it.close();
  });

  it('is corrupt after a VMCALL stop that failed', async () => {
    const { it } = await driver(refusing(6));
    await it.load();
    it.start();
    expect(() => it.stop()).to.throw(DriverError, /VMCALL stop on processor 0.*not now/);
    expect(it.status).to.equal('VMM_CORRUPT');
    expect(it.dump(0n)).to.include('not now');
    it.close();
  });

  it('has no dump of a vcpu that never was; before the first start that of vcpu 0 is empty', async () => {
    const it = await inState.VMM_LOADED();
    expect(it.dump(0n)).to.equal('');
    expect(() => it.dump(1n)).to.throw(DriverError, /no vcpu 1 to dump \(GET_DRR_FAILURE\)/);
    it.start();
    expect(it.dump(0n)).to.include('in a vm');
    expect(() => it.dump(1n)).to.throw(DriverError, /no vcpu 1 to dump \(GET_DRR_FAILURE\): the VMM runs 1/);
    it.stop();
    expect(it.dump(0n), 'of a vcpu that is gone').to.include('not').and.to.include('in a vm');
    it.close();
  });

  it('is corrupt if a failed start cannot be undone', async () => {
    const { it, machine } = await driver(refusing(5));
    await it.load();
    machine.succeeds.vmxoff = false;
    expect(() => it.start()).to.throw(DriverError, /VMCALL start/);
    expect(it.status).to.equal('VMM_CORRUPT');
    it.close();
  });

  for (const state of Object.keys(inState) as DriverState[]) {
    it(`may be closed while ${state}: unloaded then`, async () => {
      const it = await inState[state]();
      it.close();
      expect(it.status).to.equal('VMM_UNLOADED');
      it.close();
      await it.load();
      expect(it.status, 'and can be loaded again').to.equal('VMM_LOADED');
      it.close();
    });
  }

  it('may be closed with a part that cannot be disposed', async () => {
    const { it } = await driver(undisposable());
    await it.load();
    it.close();
    expect(it.status).to.equal('VMM_UNLOADED');
  });

  it('is unloaded after a load whose VMM cannot be initialised', async () => {
    const machine = new FakeMachine();
    Object.assign(machine.memory, { regions: [{ virtual: 0x1000n, physical: 0x1000n, size: 4096 }] });
    const { it } = await driverOf(machine, {});
    expect(await thrown(it, (each) => each.load()))
      .to.be.instanceOf(EntryError)
      .and.to.match(/4096 bytes of memory/);
    expect(it.status).to.equal('VMM_UNLOADED');
  });

  describe('when the driver’s context cannot be entered', () => {
    const unreachable = async () => {
      const context = { fails: false };
      const inDriverContext = <T>(_processor: number, body: () => T): T => {
        if (context.fails) throw new Error('no such processor');
        return body();
      };
      const { it } = await driverOf(new FakeMachine(), { inDriverContext });
      await it.load();
      return { it, context };
    };

    it('is loaded after start', async () => {
      const { it, context } = await unreachable();
      context.fails = true;
      expect(() => it.start()).to.throw('no such processor');
      expect(it.status).to.equal('VMM_LOADED');
      it.close();
    });

    it('is corrupt after stop', async () => {
      const { it, context } = await unreachable();
      it.start();
      context.fails = true;
      expect(() => it.stop()).to.throw('no such processor');
      expect(it.status).to.equal('VMM_CORRUPT');
      it.close();
    });

    it('is running after a VMCALL', async () => {
      const { it, context } = await unreachable();
      it.start();
      context.fails = true;
      expect(() => it.vmcall(0, { r00: 1n })).to.throw('no such processor');
      expect(it.status).to.equal('VMM_RUNNING');
      it.close();
    });
  });

  describe('vmcall', () => {
    it('takes a processor that runs; a negative one is the first', async () => {
      const it = await inState.VMM_RUNNING();
      expect(it.vmcall(0, { r00: 4n, r02: 7n })).to.include({ r01: 0n, r02: 7n });
      expect(it.vmcall(-1, { r00: 1n, r02: 1n })).to.include({ r01: 0n, r03: 1n, r04: 1n, r05: 0n });
      for (const processor of [1, 77]) {
        expect(() => it.vmcall(processor, { r00: 1n })).to.throw(DriverError, /invalid argument/);
      }
      it.close();
    });

    it('carries data only where the machine has memory for them', async () => {
      const it = await inState.VMM_RUNNING();
      expect(() => it.vmcallData(0, 1, Uint8Array.of(1))).to.throw(DriverError, /no memory/);
      it.close();
    });

    it('carries no more data than fit, either way', async () => {
      const size = 16;
      const buffer = { address: 0x400000n, size, write: () => {}, read: () => new Uint8Array() };
      const module = folder.write(
        'long_answer.ts',
        `import { VmcallContribution, vcpuModule } from 'bareflank';
         export default vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue({
           name: 'long', opcodes: [3], handleVmcall(registers): boolean { registers.r09 = 17n; return true; } }));`,
      );
      const { it } = await driverOf(new FakeMachine(), { vmcallBuffers: { input: buffer, output: buffer } }, module);
      await it.load();
      it.start();
      const type = VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED;
      expect(() => it.vmcallData(0, type, new Uint8Array(17))).to.throw(DriverError, /17 bytes are too much.*most 16/);
      expect(() => it.vmcallData(0, type, new Uint8Array(16))).to.throw(DriverError, /answered 17 bytes.*out of range/);
      it.close();
    });
  });

  it('is corrupt if a part cannot be disposed in unload', async () => {
    const { it } = await driver(undisposable());
    await it.load();
    expect(() => it.unload()).to.throw(/stuck/);
    expect(it.status).to.equal('VMM_CORRUPT');
    expect(it.dump(0n), 'a log of nothing').to.equal('');
    it.close();
  });
});
