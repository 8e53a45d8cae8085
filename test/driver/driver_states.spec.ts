// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Driver, type DriverState } from '../../src/driver/driver.js';
import { DriverError, DriverStateError } from '../../src/driver/driver_errors.js';
import { ExitReason } from '../../src/intrinsics/exit_reasons.js';
import { EntryError } from '../../src/vmm/errors.js';
import { FakeMachine } from '../support/fake_machine.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();

/** A module whose handler of a VMCALL of the driver fails. */
const refusing = (opcode: 5 | 6): string =>
  folder.write(
    `refuse_${opcode}.ts`,
    `import { VmcallContribution, vcpuModule } from 'bareflank';
     export default vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue({
       name: 'refuse', opcodes: [${opcode}], handle(): boolean { throw new Error('not now'); } }));`,
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
  const machine = new FakeMachine();
  const { vmxoff } = machine.vmx;
  Object.assign(machine.vmx, {
    vmxoff: () => {
      machine.exit(ExitReason.Vmxoff, { length: 3 });
      return vmxoff();
    },
  });
  const it = await Driver.create({
    machine: { processors: 1, intrinsics: machine.intrinsics, inDriverContext: (_processor, body) => body() },
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
    expect(() => it.start()).to.throw(DriverError, /VMCALL start on processor 0.*: vmcall 0x5: not now/);
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

  it('is corrupt if a part cannot be disposed in unload', async () => {
    const { it } = await driver(undisposable());
    await it.load();
    expect(() => it.unload()).to.throw(/stuck/);
    expect(it.status).to.equal('VMM_CORRUPT');
    expect(it.dump(0n), 'a log of nothing').to.equal('');
    it.close();
  });
});
