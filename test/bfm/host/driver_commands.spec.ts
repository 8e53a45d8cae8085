// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { DriverCommands } from '../../../src/bfm/host/driver_commands.js';
import { CommandError } from '../../../src/bfm/host/host_errors.js';
import { DriverError } from '../../../src/driver/driver_errors.js';
import type { Driver, DriverState } from '../../../src/driver/driver.js';
import { VmcallError } from '../../../src/vmm/errors.js';
import { ErrorCode } from '../../../src/vmm/error_codes.js';

const thrown = new Error('thrown');

/** A driver of which only states and the order of calls are real. */
function fakeDriver(status: DriverState) {
  const calls: string[] = [];
  const driver = {
    status,
    vmcallFailure: (processor: number) => ({ message: `the reason of processor ${processor}`, error: thrown }),
    addModule: (file: string) => void calls.push(`addModule ${file}`),
    addModules: (file: string) => void calls.push(`addModules ${file}`),
    load: sinon.spy(async () => {
      calls.push('load');
      driver.status = 'VMM_LOADED';
      return Promise.resolve();
    }),
    start: () => {
      calls.push('start');
      driver.status = 'VMM_RUNNING';
    },
    stop: () => {
      calls.push('stop');
      driver.status = 'VMM_LOADED';
    },
    unload: () => {
      calls.push('unload');
      driver.status = 'VMM_UNLOADED';
    },
    prepareReload: (files: readonly string[]) => {
      calls.push(`prepareReload ${files.join(' ')}`);
      return Promise.resolve({ modules: [] });
    },
    reload: () => {
      calls.push('reload');
      return { changed: [], added: [], removed: [] };
    },
    listed: (list: string) => [`what ${list} lists`],
    close: () => void calls.push('close'),
    dump: () => 'the ring',
    vmcall: () => ({ r01: 0n, r02: 7n }),
    vmcallData: () => ({ registers: { r01: 0n, r07: 1n }, data: Uint8Array.of(1) }),
  };
  return { driver, calls, commands: new DriverCommands(driver as unknown as Driver) };
}

type Call = (commands: DriverCommands) => unknown;
const commands: Record<string, Call> = {
  load: (it) => it.load(['a.modules', 'b.ts']),
  reload: async (it) => it.reload(['a.modules', 'b.ts'], await it.prepareReload(['a.modules', 'b.ts'])),
  unload: (it) => it.unload(),
  start: (it) => it.start(),
  stop: (it) => it.stop(),
  dump: (it) => it.dump(0n),
  vmcall: (it) => it.vmcall(0, {}),
};

const loading = ['addModules a.modules', 'addModule b.ts', 'load'];
const reloading = ['prepareReload what a.modules lists b.ts', 'reload'];
/** By command: what the driver is told in each state, or the error. */
const table: Record<string, Record<DriverState, readonly string[] | RegExp>> = {
  load: {
    VMM_UNLOADED: ['unload', ...loading],
    VMM_LOADED: ['unload', ...loading],
    VMM_RUNNING: ['stop', 'unload', ...loading],
    VMM_CORRUPT: /corrupt/,
  },
  reload: {
    VMM_UNLOADED: /vmm must be loaded first/,
    VMM_LOADED: reloading,
    VMM_RUNNING: reloading,
    VMM_CORRUPT: /corrupt/,
  },
  unload: {
    VMM_UNLOADED: ['unload'],
    VMM_LOADED: ['unload'],
    VMM_RUNNING: ['stop', 'unload'],
    VMM_CORRUPT: /corrupt/,
  },
  start: {
    VMM_UNLOADED: /vmm must be loaded first/,
    VMM_LOADED: ['start'],
    VMM_RUNNING: ['stop', 'start'],
    VMM_CORRUPT: /corrupt/,
  },
  stop: { VMM_UNLOADED: [], VMM_LOADED: [], VMM_RUNNING: ['stop'], VMM_CORRUPT: /corrupt/ },
  dump: { VMM_UNLOADED: /vmm must be loaded first/, VMM_LOADED: [], VMM_RUNNING: [], VMM_CORRUPT: /corrupt/ },
  vmcall: {
    VMM_UNLOADED: /vmm must be running first/,
    VMM_LOADED: /vmm must be running first/,
    VMM_RUNNING: [],
    VMM_CORRUPT: /corrupt/,
  },
};

async function failure(work: () => unknown): Promise<Error | undefined> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

describe('DriverCommands', () => {
  for (const [name, row] of Object.entries(table)) {
    for (const [state, wanted] of Object.entries(row) as [DriverState, readonly string[] | RegExp][]) {
      it(`${name} while ${state}: ${wanted instanceof RegExp ? wanted.source : wanted.join(', ') || 'nothing first'}`, async () => {
        const { calls, commands: it } = fakeDriver(state);
        const error = await failure(() => commands[name]!(it));
        if (wanted instanceof RegExp) {
          expect(error).to.be.instanceOf(CommandError);
          expect(error!.message).to.match(wanted);
          expect(calls).to.deep.equal([]);
        } else {
          expect(error).to.equal(undefined);
          expect(calls).to.deep.equal(wanted);
        }
      });
    }
  }

  it('has the files of the code that goes on, whether a reload fails before or after the change', async () => {
    const { driver, commands: it } = fakeDriver('VMM_UNLOADED');
    await it.load(['old.ts']);
    for (const [error, files] of [
      [new Error('it does not fit'), 'old.ts'],
      [new DriverError('it was not set up'), 'new.ts'],
    ] as const) {
      driver.reload = () => {
        throw error;
      };
      expect(await failure(() => it.reload(['new.ts'], { modules: [] }))).to.equal(error);
      expect(it.moduleFiles).to.deep.equal([files]);
    }
  });

  it('unloads again after a load that failed', async () => {
    const { driver, calls, commands: it } = fakeDriver('VMM_UNLOADED');
    driver.load = sinon.spy(() => Promise.reject(new Error('no')));
    expect((await failure(() => it.load([])))!.message).to.equal('no');
    expect(calls).to.deep.equal(['unload', 'unload']);
  });

  it("tells the code and the VMM's reason if a VMCALL is refused", async () => {
    const { driver, commands: it } = fakeDriver('VMM_RUNNING');
    driver.vmcall = () => ({ r01: ErrorCode.BF_VMCALL_FAILURE, r02: 0n });
    const error = await failure(() => it.vmcall(2, {}));
    expect(error!.message).to.equal(
      'the vmm refused the vmcall with BF_VMCALL_FAILURE (0x8000001000000000): the reason of processor 2',
    );
    expect(error).to.have.property('causedBy', thrown);
  });

  it('shows no place in code for a VMCALL that a handler refused: that is its answer', async () => {
    const { driver, commands: it } = fakeDriver('VMM_RUNNING');
    driver.vmcall = () => ({ r01: ErrorCode.BF_VMCALL_FAILURE, r02: 0n });
    driver.vmcallFailure = () => ({ message: 'no', error: new VmcallError('no') });
    const error = await failure(() => it.vmcall(0, {}));
    expect(error!.message).to.match(/: no$/);
    expect(error).to.have.property('causedBy', undefined);
  });

  it('gives the data that the VMM answers by their type: none, a known one, an unknown one', async () => {
    const { driver, commands: it } = fakeDriver('VMM_RUNNING');
    const answering = (r07: bigint): Promise<Uint8Array> => {
      driver.vmcallData = () => ({ registers: { r01: 0n, r07 }, data: Uint8Array.of(7) });
      return Promise.resolve(it.vmcallData(0, 1, Uint8Array.of(1)));
    };
    for (const type of [1n, 2n, 10n]) expect([...(await answering(type))]).to.deep.equal([7]);
    expect(await answering(0n)).to.have.length(0);
    expect((await failure(() => answering(5n)))!.message).to.equal('the vmm answered data of unknown type 5');
  });

  it('removes the machine in any state of the VMM', () => {
    for (const [state, wanted] of [
      ['VMM_RUNNING', ['stop', 'unload']],
      ['VMM_CORRUPT', ['close']],
    ] as const) {
      const { calls, commands: it } = fakeDriver(state);
      it.remove();
      expect(calls).to.deep.equal(wanted);
    }
  });
});
