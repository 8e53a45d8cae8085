// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { AttachError } from '../../../src/vmm/container/attach_error.js';
import type { Driver } from '../../../src/driver/driver.js';
import { DriverError, DriverStateError, ModuleFileError } from '../../../src/driver/driver_errors.js';
import type { BareflankError } from '../../../src/intrinsics/errors.js';
import { StateMisfitError } from '../../../src/vmm/restore/state_misfit.js';
import { UnmarkedStateError } from '../../../src/vmm/restore/unmarked_state_error.js';
import { VmcallOpcode } from '../../../src/vmm/exit/vmcall_interface.js';
import { ContributionError } from '../../../src/vmm/errors.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import {
  booted,
  cpuids,
  effects,
  everyExtension,
  examples,
  listOf,
  newMachine,
  race,
  resultOf,
  type Guest,
} from '../../session/vmm_guests.js';

const folder = temporaryFolder();
const isFull = process.env.BAREFLANK_FULL === '1';

/** An extension that counts CPUIDs and VMCALLs. @param parts of its class, besides those of a counter */
const counter = ({
  by = 1,
  fields = '@state() private count = 0;',
  members = '',
  count = 'this.count',
  bindings = '',
} = {}) => `
  import { Contribution, ExitContribution, ExitReason, MonitorTrap, MsrBitmap, MsrContribution, PortContribution, ProcessorWork,
    ReportContribution, Request, state, VcpuContribution, vcpuModule, Vmcs, VmcsContribution } from 'bareflank';
  import { inject, injectable } from 'inversify';
  @injectable()
  class Counter {
    @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
    @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
    readonly name = 'counter';
    readonly reasons = [ExitReason.Cpuid, ExitReason.Vmcall];
    ${fields}
    handleExit(): boolean { ${count} += ${by}; return false; }
    report() { return { count: ${count} }; }
    ${members}
  }
  export default vcpuModule(({ bind }) => {
    bind(Counter).toSelf();
    bind(ExitContribution).toService(Counter);
    bind(ReportContribution).toService(Counter);
    ${bindings}
  });`;

/** Another module, whose one contribution takes part in everything. */
const helper = (members = '') => `
  import { injectable, inject } from 'inversify';
  import { Ept, ExceptionBitmap, MsrBitmap, MsrContribution, PortContribution, ReportContribution, state, VcpuContribution, vcpuModule,
    Vmcs, VmcsContribution } from 'bareflank';
  @injectable()
  class Helper {
    @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
    @inject(ExceptionBitmap) readonly exceptions!: ExceptionBitmap;
    readonly name = 'helper';
    readonly msrs = [0x10];
    readonly ports = [0x70];
    @state() private setUps = 0;
    @state() private life = '';
    setUp(vmcs: Vmcs) { this.msrBitmap.enable(this); this.exceptions.trap(this, 3); this.setUps++; }
    onInit() { this.life += 'init '; }
    onRun() { this.life += 'run '; }
    handleMsrRead() { return undefined; }
    handlePortRead() { return undefined; }
    handlePortWrite() { return false; }
    report() { return { setUps: this.setUps, life: this.life }; }
    ${members}
  }
  export default vcpuModule(({ bind }) => {
    bind(Helper).toSelf();
    for (const point of [VmcsContribution, VcpuContribution, MsrContribution, PortContribution, ReportContribution])
      bind(point).toService(Helper as never);
  });`;

let files = 0;
const fileOf = (text: string): string => folder.write(`module_${files++}.ts`, text);

/** A guest under modules of which we have the source. @param steps instructions that it has executed */
async function running(guest: Guest, texts: readonly string[], steps = guest.step) {
  const paths = texts.map(fileOf);
  const { pc, driver } = await newMachine(guest.processors, []);
  for (const path of paths) driver.addModule(path);
  pc.boot({ kernel: { name: guest.name, bytes: guest.bytes }, modules: [], append: '3000' });
  await driver.load();
  driver.start();
  pc.runQuantum(() => true, steps);
  return {
    pc,
    driver,
    paths,
    /** Replaces the source of the first module. */
    rewrite: (text: string): void => void folder.write(paths[0]!.split('/').at(-1)!, text),
    finish: (): void => {
      while (pc.runQuantum(() => true) === undefined);
    },
  };
}

const count = (driver: Driver): number => driver.reports().counter!.count as number;

const reload = async (driver: Driver, files?: readonly string[]) => driver.reload(await driver.prepareReload(files));

const errorOf = async (work: Promise<unknown>): Promise<BareflankError> =>
  work.then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error as BareflankError,
  );

describe('reloadVmm', () => {
  for (const [guest, names, isFast] of [
    [effects, examples, true],
    [effects, ['extended_apis'], true],
    [race, ['example_cpuidcount', 'example_ept_hook'], true],
    ...everyExtension.flatMap((name) => [effects, race].map((each) => [each, [name], false] as const)),
  ] as const)
    (isFast || isFull ? it : it.skip)(
      `changes nothing if the code is the same: ${guest.name} under ${names.join(', ')} on ${guest.processors} processors`,
      async () => {
        const run = async (reloads: boolean) => {
          const machine = await booted(guest, names.map(listOf));
          for (let turns = 0; machine.pc.runQuantum(() => true, guest.step) === undefined; turns++)
            if (reloads && turns < 5)
              expect(await reload(machine.driver)).to.deep.equal({ changed: [], added: [], removed: [] });
          const result = resultOf(machine);
          machine.driver.close();
          return { ...result, output: machine.output.join('') };
        };
        expect(await run(true)).to.deep.equal(await run(false));
      },
    );

  for (const guest of [cpuids, race])
    it(`lets new code go on with the state of the old: ${guest.processors} processors`, async () => {
      const it = await running(guest, [counter()]);
      const before = count(it.driver);
      it.rewrite(counter({ by: 1000 }));
      expect(await reload(it.driver)).to.deep.equal({ changed: [it.paths[0]], added: [], removed: [] });
      expect(count(it.driver)).to.equal(before);
      for (const { id } of it.pc.processors) it.driver.vmcall(id, { r00: BigInt(VmcallOpcode.VMCALL_VERSIONS) });
      expect(count(it.driver)).to.equal(before + 1000 * guest.processors);
      it.finish();
      expect((count(it.driver) - before) % 1000).to.equal(0);
      // VMCALL start, at least.
      expect(before).to.be.at.least(guest.processors);
      it.driver.close();
    });

  it('begins a field that is new with what the code says, and goes on in a VMM that is loaded and does not run', async () => {
    const it = await running(cpuids, [counter()]);
    const before = count(it.driver);
    it.rewrite(counter({ fields: '@state() private count = 0; @state() private more = 7;', count: 'this.more' }));
    await reload(it.driver);
    expect(count(it.driver)).to.equal(7);
    it.rewrite(counter({ fields: '@state() private count = 0; @state() private more = 7;' }));
    await reload(it.driver);
    expect(count(it.driver)).to.equal(before);
    it.driver.stop();
    it.rewrite(counter({ by: 5 }).replace('more', 'less'));
    await reload(it.driver);
    it.driver.start();
    expect(it.driver.status).to.equal('VMM_RUNNING');
    it.driver.close();
  });

  for (const guest of [cpuids, race])
    it(`sets up a contribution that is new once, and ends the requests of one that is gone: ${guest.processors} processors`, async () => {
      const it = await running(guest, [counter(), helper()]);
      const helped = it.driver.save();
      const without = await running(guest, [counter()]);
      const second = fileOf(helper());
      const [first] = without.paths as [string];
      expect(await reload(without.driver, [first, second])).to.deep.equal({
        changed: [second],
        added: ['helper'],
        removed: [],
      });
      await reload(without.driver);
      const { processors } = guest;
      const expected = { setUps: processors, life: 'init run ' };
      expect(without.driver.reports().helper).to.deep.equal(expected);
      expect(it.driver.reports().helper).to.deep.equal(expected);
      const requests = ({ image }: typeof helped) =>
        [...image!.vcpus.values()].map((parts) =>
          Object.values(parts).flatMap(({ records }) => [
            ...((records as Map<number, unknown> | undefined)?.values() ?? []),
          ]),
        );
      expect(requests(without.driver.save()), 'requests').to.deep.equal(requests(helped));
      expect(await reload(without.driver, [first])).to.deep.equal({ changed: [], added: [], removed: ['helper'] });
      expect(requests(without.driver.save()).flat(), 'requests of a contribution that is gone').to.deep.equal([]);
      without.finish();
      expect(without.driver.reports()).to.have.all.keys('counter');
      it.driver.close();
      without.driver.close();
    });

  it('traps the MSRs and ports that new code of a contribution names, and no others', async () => {
    const emulates = (msr: number) =>
      counter({
        members: `readonly msrs = [${msr}]; handleMsrRead() { return 7n; }`,
        bindings: 'bind(MsrContribution).toService(Counter as never);',
      });
    const it = await running(cpuids, [emulates(0x10)]);
    const keys = () => {
      const parts = it.driver.save().image!.vcpus.get(0n)!;
      const records = parts['bareflank.MsrBitmap']!.records as Map<number, { key: unknown }>;
      return [...records.values()].map(({ key }) => key);
    };
    expect(keys()).to.deep.equal([0x10]);
    it.rewrite(emulates(0x11));
    await reload(it.driver);
    expect(keys()).to.deep.equal([0x11]);
    it.driver.close();
  });

  it('gives new code the handles of the requests of the old', async () => {
    const holding = (handle: string) =>
      counter({
        fields: '@state() private count = 0; @state() private held: Request | undefined;',
        members: `setUp() { this.held = this.msrBitmap.enable(this); }`,
        bindings: 'bind(VmcsContribution).toService(Counter as never);',
      }).replace('return false;', `${handle} return false;`);
    const it = await running(cpuids, [holding('')]);
    const enabled = () => {
      const parts = it.driver.save().image!.vcpus.get(0n)!;
      return (parts['bareflank.MsrBitmap']!.records as Map<number, unknown>).size;
    };
    expect(enabled()).to.equal(1);
    it.rewrite(holding('this.held?.[Symbol.dispose]();'));
    await reload(it.driver);
    expect(enabled()).to.equal(1);
    it.finish();
    expect(enabled()).to.equal(0);
    it.driver.close();
  });

  describe('is refused before anything changes', () => {
    const cases = [
      {
        what: 'a field of another kind: the error names class and field',
        old: counter(),
        text: counter({ fields: '@state() private count: any = new Map();' }),
        error: StateMisfitError,
        message:
          /nothing was changed:\n {2}Counter\.count \(vcpu 0\) is a number, and the new code begins with a Map\nkeep the name/,
      },
      {
        what: 'a field that is gone',
        old: counter(),
        text: counter({ fields: '@state() private calls = 0;', count: 'this.calls' }),
        error: StateMisfitError,
        message: / {2}Counter\.count \(vcpu 0\) has no place in the new code\n/,
      },
      {
        what: 'an attach() that throws',
        old: counter(),
        text: counter({ members: "attach(): void { throw new Error('no wires'); }" }),
        error: AttachError,
        message: /^attach\(\) of Counter threw Error: no wires/,
      },
      {
        what: 'a syntax error: the error names the place',
        old: counter(),
        text: 'export default = 5;',
        error: ModuleFileError,
        message: /module_\d+\.ts:1:16/,
      },
      {
        what: 'a file that is no module',
        old: counter(),
        text: 'export default 5;',
        error: ModuleFileError,
        message: /is not a module/,
      },
      {
        what: 'state that is not marked',
        old: counter({ fields: 'private count = 0;' }),
        text: counter(),
        error: UnmarkedStateError,
        message: / {2}Counter\.count \(vcpu 0\) changed from 0 to \d+\n/,
      },
    ];

    for (const old of new Set(cases.map((each) => each.old))) {
      const those = cases.filter((each) => each.old === old);
      it(`for ${those.map(({ what }) => what).join('; ')}`, async () => {
        const alone = await running(cpuids, [old]);
        alone.finish();
        const expected = resultOf(alone);
        alone.driver.close();
        const it = await running(cpuids, [old]);
        for (const { text, error, message } of those) {
          it.rewrite(text);
          const thrown = await errorOf(reload(it.driver));
          expect(thrown).to.be.instanceOf(error);
          expect(thrown.message).to.match(message);
        }
        it.finish();
        expect(resultOf(it)).to.deep.equal(expected);
        it.driver.close();
      });
    }

    it('for a method that is gone and that a step waits for', async () => {
      const stepping = counter({ members: 'step(): void {}' }).replace(
        'return false;',
        "this.monitorTrap.step(this, 'step'); return false;",
      );
      const it = await running(cpuids, [stepping]);
      const isWaiting = () => {
        const parts = it.driver.save().image!.vcpus.get(0n)!;
        return (parts['bareflank.MonitorTrap']!.records as Map<number, unknown>).size > 0;
      };
      while (!isWaiting()) it.pc.runQuantum(() => true, 1);
      it.rewrite(counter());
      const thrown = await errorOf(reload(it.driver));
      expect(thrown).to.be.instanceOf(ContributionError);
      expect(thrown.message).to.match(/'counter' asks for a step that calls its method step, but it has none/);
      while (isWaiting()) it.pc.runQuantum(() => true, 1);
      await reload(it.driver);
      it.driver.close();
    });

    it('while no VMM is loaded', async () => {
      const { driver } = await newMachine(1, []);
      const thrown = await errorOf(reload(driver));
      expect(thrown).to.be.instanceOf(DriverStateError);
      expect(thrown.message).to.include('VMM_UNLOADED');
    });
  });

  it('says which contribution could not be set up; the new code goes on', async () => {
    const it = await running(cpuids, [counter()]);
    const bad = fileOf(helper().replace('this.setUps++;', "throw new Error('no room');"));
    const thrown = await errorOf(reload(it.driver, [it.paths[0]!, bad]));
    expect(thrown).to.be.instanceOf(DriverError);
    expect(thrown.message).to.match(/VMCALL reload on processor 0 failed: .*no room/);
    expect(it.driver.status).to.equal('VMM_RUNNING');
    it.finish();
    expect(it.driver.reports().helper).to.deep.equal({ setUps: 0, life: '' });
    it.driver.close();
  });
});
