// SPDX-License-Identifier: LGPL-2.1-only
// A driver and its VMM are saved, and another driver goes on with the state on the same machine: neither guest, reports nor log notice.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Driver } from '../../src/driver/driver.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { RestoreError, type SavedDriver } from '../../src/driver/saved_driver.js';
import { Pc } from '../../src/machine/pc.js';
import { UnmarkedStateError } from '../../src/vmm/restore/unmarked_state_error.js';
import { raceGuest } from '../machine/race_guest.js';
import { coreModule } from '../support/test_core.js';
import { everyExtension, examples, listOf } from '../session/vmm_guests.js';
import { temporaryFolder } from './node/temporary_folder.js';

const folder = temporaryFolder();
const isFull = process.env.BAREFLANK_FULL === '1';
const quiet = (): void => {};
const mostTurns = 1e5;
/** Of the guest with several processors: more than 60 turns long. */
const rounds = 10_000;

/** VMCALL 70H has each vCPU count; the counts are added up. */
const working = folder.write(
  'working.ts',
  `import { Contribution, ProcessorWork, ReportContribution, state, vcpuModule, VcpuIdentity, VmcallContribution } from 'bareflank';
   import { inject, injectable } from 'inversify';
   @injectable()
   class Working implements VmcallContribution, ReportContribution {
     @inject(ProcessorWork) readonly work!: ProcessorWork;
     readonly name = 'working';
     readonly opcodes = [0x70];
     @state() private done = 0;
     handleVmcall(): boolean {
       for (const by of [1, 10, 1]) this.work.onEach(this, 'add', by);
       return true;
     }
     add(by: number): void { this.done += by; }
     report() { return { done: this.done }; }
   }
   export default vcpuModule(({ bind }) => {
     bind(Working).toSelf();
     bind(VmcallContribution).toService(Working);
     bind(ReportContribution).toService(Working);
   });`,
);

/** An extension that counts CPUIDs in a field that is not marked. */
const forgetful = folder.write(
  'forgetful.ts',
  `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
   class Forgetful implements ExitContribution {
     readonly name = 'forgetful';
     readonly reasons = [ExitReason.Cpuid];
     private seen = { cpuids: 0 };
     handleExit(): boolean { this.seen.cpuids++; return false; }
   }
   export default vcpuModule(({ bind }) => bind(ExitContribution).to(Forgetful));`,
);

interface Setting {
  readonly processors: number;
  readonly modules: readonly string[];
}

/** A machine whose driver can be replaced by one that goes on with its state. */
class ReplaceableDriver {
  driver!: Driver;
  private output = '';
  private vmmOutput = '';

  private constructor(
    readonly setting: Setting,
    readonly pc: Pc,
  ) {}

  static async create(setting: Setting): Promise<ReplaceableDriver> {
    const { processors, modules } = setting;
    const pc = await Pc.create({
      coreModule: await coreModule(),
      memoryBytes: 16 << 20,
      processors,
      com1: (byte) => (result.output += String.fromCharCode(byte)),
      com2: (byte) => (result.vmmOutput += String.fromCharCode(byte)),
      debugConsole: quiet,
    });
    const result = new ReplaceableDriver(setting, pc);
    const kernel =
      processors === 1
        ? { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests', 'cpuid.bin')) }
        : { name: 'race', bytes: raceGuest(processors, rounds) };
    pc.boot({ kernel, modules: [], append: '60000' });
    result.driver = await result.newDriver(modules);
    return result;
  }

  async newDriver(modules: readonly string[]): Promise<Driver> {
    const driver = await Driver.create({ source: moduleFiles, machine: this.pc.driverAccess });
    for (const file of modules) driver.addModules(file);
    return driver;
  }

  /** The state goes through structuredClone: it is data, and nothing of the old driver is in it. */
  async replace(): Promise<SavedDriver> {
    const saved = structuredClone(this.driver.save());
    this.driver = await this.newDriver(this.setting.modules);
    await this.driver.restore(saved);
    expect(isDeepStrictEqual(this.driver.save(), saved), 'the state of the new driver').to.equal(true);
    return saved;
  }

  turn(): boolean {
    return this.pc.runQuantum(() => true) === undefined;
  }

  result() {
    const { driver, pc, output } = this;
    const rings = pc.processors.map(({ id }) => driver.dump(BigInt(id)));
    const result = { exits: pc.exits(), reports: driver.reports(), hash: pc.stateHash(), rings, output };
    driver.close();
    return { ...result, vmmOutput: this.vmmOutput };
  }
}

/** What happens to the VMM: started at boot, stopped and started later. */
async function life(setting: Setting, replaces: boolean) {
  const it = await ReplaceableDriver.create(setting);
  const replace = async (): Promise<void> => {
    if (replaces) await it.replace();
  };
  await replace();
  await it.driver.load();
  await replace();
  it.driver.start();
  for (let turns = 0; it.turn(); turns++) {
    expect(turns).to.be.below(mostTurns);
    if (turns % 3 === 0 && turns < 30) await replace();
    if (turns === 4) it.driver.stop();
    if (turns === 7) it.driver.start();
  }
  await replace();
  return it.result();
}

describe('A driver that goes on with the state of another', () => {
  for (const { processors, names, isFast } of [
    { processors: 1, names: ['extended_apis'], isFast: true },
    { processors: 4, names: examples, isFast: true },
    ...everyExtension.flatMap((name) => [1, 4].map((count) => ({ processors: count, names: [name], isFast: false }))),
  ])
    (isFast || isFull ? it : it.skip)(
      `has the same VMM: ${names.join(', ')} on ${processors} processors, started at boot, stopped, started late`,
      async () => {
        const setting = { processors, modules: names.map(listOf) };
        const alone = await life(setting, false);
        expect(await life(setting, true)).to.deep.equal(alone);
        expect(alone.output).to.match(processors === 1 ? /60000/ : /!/);
      },
    );

  it('does the work that waited for other processors', async () => {
    const modules = [folder.write('working.modules', JSON.stringify({ modules: [working] }))];
    const it = await ReplaceableDriver.create({ processors: 4, modules });
    await it.driver.load();
    for (let turns = 0; turns < 20; turns++) it.turn();
    it.driver.start();
    for (let turns = 0; turns < 20; turns++) it.turn();
    it.driver.vmcall(0, { r00: 0x70n });
    expect(it.driver.reports()).to.deep.equal({ working: { done: 12 } });
    await it.replace();
    for (let turns = 0; it.turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(it.driver.reports()).to.deep.equal({ working: { done: 12 + 3 * 11 } });
    it.driver.close();
  });

  it('keeps the reports of a VMM that was unloaded', async () => {
    const it = await ReplaceableDriver.create({ processors: 1, modules: [listOf('example_cpuidcount')] });
    await it.driver.load();
    it.driver.start();
    for (let turns = 0; turns < 3; turns++) it.turn();
    it.driver.stop();
    it.driver.unload();
    const reports = it.driver.reports();
    const { image, modules } = await it.replace();
    expect({ image, modules }).to.deep.equal({ image: undefined, modules: [] });
    expect(it.driver.reports()).to.deep.equal(reports);
    expect(reports).to.have.nested.property('cpuidcount.count').above(0);
  });

  describe('is refused', () => {
    async function started(...modules: string[]): Promise<ReplaceableDriver> {
      const list = folder.write(`${modules.length}.modules`, JSON.stringify({ modules }));
      const result = await ReplaceableDriver.create({ processors: 1, modules: [list] });
      await result.driver.load();
      result.driver.start();
      result.turn();
      return result;
    }

    it('to save state that is not marked: the error names class, field and what to do', async () => {
      const it = await started(forgetful);
      expect(() => it.driver.save())
        .to.throw(UnmarkedStateError)
        .with.property('message')
        .that.matches(/Forgetful\.seen \(vcpu 0\) has another content .*\nmark a field @state\(\)/);
      it.driver.close();
    });

    it('to restore with other modules: the error names those that are missing and those that differ', async () => {
      const it = await started(working);
      const saved = it.driver.save();
      it.driver.close();
      const other = folder.write('other/working.ts', readFileSync(working, 'utf8').replace('0x70', '0x71'));
      const same = folder.write('same/working.ts', readFileSync(working, 'utf8'));
      let lists = 0;
      const list = (...modules: string[]): string[] => [
        folder.write(`given_${lists++}.modules`, JSON.stringify({ modules })),
      ];
      const restore = async (modules: string[]): Promise<void> => (await it.newDriver(modules)).restore(saved);
      const why = async (modules: string[]): Promise<unknown> =>
        restore(modules).then(
          () => 'restored',
          (error: unknown) => error,
        );
      for (const [modules, message] of [
        [[], /it needs .*\/working\.ts \(sha256 \w{12}…\), which was not given/],
        [list(other), /it needs .*\/working\.ts.*which was not given\n {2}it does not have .*other\/working\.ts/],
        [list(working, forgetful), /modules:\n {2}it does not have .*\/forgetful\.ts/],
      ] as const)
        expect(await why([...modules]))
          .to.be.instanceOf(RestoreError)
          .with.property('message')
          .that.matches(message);
      expect(await why(list(same)), 'the same code at another place').to.equal('restored');
    });

    it('to restore another format', async () => {
      const it = await ReplaceableDriver.create({ processors: 1, modules: [] });
      const error = await it.driver.restore({ ...it.driver.save(), version: 99 }).catch((each: unknown) => each);
      expect(error)
        .to.be.instanceOf(RestoreError)
        .with.property('message')
        .that.matches(/format 99/);
    });
  });
});
