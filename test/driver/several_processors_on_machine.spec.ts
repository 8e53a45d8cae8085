// SPDX-License-Identifier: LGPL-2.1-only
// A VMM takes over all processors of a machine and gives them back, while they compute; the guest does not notice.
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { inject, injectable } from 'inversify';
import { component } from '../../src/intrinsics/component.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { Processor } from '../../src/intrinsics/instructions/processor.js';
import { Driver } from '../../src/driver/driver.js';
import type { ModuleSource } from '../../src/driver/module_source.js';
import { vcpuModule } from '../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../src/vmm/contributions/exit_contribution.js';
import { VmcallContribution } from '../../src/vmm/contributions/vmcall_contribution.js';
import { Ept } from '../../src/vmm/ept/ept.js';
import { ProcessorWork } from '../../src/vmm/processor_work/processor_work.js';
import type { Request } from '../../src/vmm/requests/request.js';
import { VcpuIdentity } from '../../src/vmm/vcpu_identity.js';
import { Vmcs } from '../../src/vmm/vmcs/vmcs.js';
import { VmcsContribution } from '../../src/vmm/vmcs/vmcs_contribution.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { Pc } from '../../src/machine/pc.js';
import { RaceGuest, raceGuest } from '../machine/race_guest.js';
import { coreModule } from '../support/test_core.js';

const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'cpuidcount.modules');
const processors = 4;
const quiet = (): void => {};
/** Turns without which the guest would not have ended: it hangs. */
const mostTurns = 1e6;

async function boot(rounds: number, source: ModuleSource = moduleFiles) {
  let output = '';
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: (byte) => (output += String.fromCharCode(byte)),
    com2: quiet,
  });
  pc.boot({ kernel: { name: 'race', bytes: raceGuest(processors, rounds) }, modules: [], append: '' });
  const driver = await Driver.create({ source, machine: pc.driverAccess });
  driver.addModules(cpuidCount);
  return {
    pc,
    driver,
    /** Runs one turn. @returns whether there is another one. */
    turn: () => pc.runQuantum(() => true) === undefined,
    result: () => ({
      output,
      counter: new Uint32Array(pc.ram.buffer, pc.ram.byteOffset + RaceGuest.counter, 1)[0],
      memory: createHash('sha256').update(pc.ram).digest('hex'),
      instructions: pc.processors.map((processor) => processor.instructionCount),
      time: pc.virtualTime,
    }),
  };
}

/** The result of a run without a VMM. */
async function untouched(rounds: number) {
  const guest = await boot(rounds);
  for (let turns = 0; guest.turn(); turns++) expect(turns).to.be.below(mostTurns);
  return guest.result();
}

describe('A guest of four processors does not notice a VMM', () => {
  it('that takes them over before their first instruction: those that wait for a start-up IPI wait on', async () => {
    const { pc, driver, turn, result } = await boot(300);
    await driver.load();
    driver.start();
    expect(pc.processors.map(({ core }) => core.block.get('ACTIVITY'))).to.deep.equal([0, 3, 3, 3]);
    expect(pc.processors.map(({ core }) => core.block.get('VMX_MODE'))).to.deep.equal([2, 2, 2, 2]);
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    // An INIT of a processor that waits for a start-up IPI is lost, and so is no exit.
    expect([pc.exits()[ExitReason.InitSignal], pc.exits()[ExitReason.Sipi]]).to.deep.equal([0, 3]);
    expect(result()).to.deep.equal(await untouched(300));
    expect(result()).to.deep.include({ output: '!', counter: processors * 300 });
    driver.close();
  });

  it('that acts on a processor that sleeps: the processor looks at its boundary again, and sleeps on', async () => {
    const { pc, driver, turn } = await boot(300);
    const idle = (): unknown => (pc.scheduler.save() as { idle: readonly boolean[] }).idle;
    await driver.load();
    driver.start();
    for (let turns = 0; turns < 4; turns++) turn();
    expect(idle()).to.deep.equal([false, true, true, true]);
    driver.vmcall(2, { r00: 2n });
    expect(idle()).to.deep.equal([false, true, false, true]);
    driver.close();
  });

  it('that is stopped before they have been started, and started again', async () => {
    const { pc, driver, turn, result } = await boot(50);
    await driver.load();
    driver.start();
    driver.stop();
    expect(pc.processors.map(({ core }) => core.block.get('VMX_MODE'))).to.deep.equal([0, 0, 0, 0]);
    expect(pc.processors.map(({ core }) => core.block.get('ACTIVITY'))).to.deep.equal([0, 3, 3, 3]);
    driver.start();
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(result()).to.deep.equal(await untouched(50));
    driver.close();
  });

  const times = process.env.BAREFLANK_FULL === '1' ? 100 : 3;
  it(`that comes and goes ${times} times while they compute`, async () => {
    const rounds = times * 5000;
    const { driver, turn, result } = await boot(rounds);
    await driver.load();
    for (let time = 0; time < times; time++) {
      for (let turns = 0; turns < 3 + (time % 5); turns++) expect(turn(), 'it still computes').to.equal(true);
      driver.start();
      for (let turns = 0; turns < 3 + (time % 7); turns++) expect(turn(), 'it still computes').to.equal(true);
      driver.stop();
    }
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(result()).to.deep.equal(await untouched(rounds));
    expect(result().counter).to.equal(processors * rounds);
    driver.close();
  });
});

/** An extension that all four vCPUs have: VMCALL 70H has each processor do something, 71H takes page 0 out of the view that they share. */
@injectable()
class Part implements VmcallContribution, ExitContribution, VmcsContribution {
  @inject(Processor) private readonly processor!: Processor;
  @inject(ProcessorWork) private readonly work!: ProcessorWork;
  @inject(Ept) private readonly ept!: Ept;
  @inject(Vmcs) private readonly vmcs!: Vmcs;
  @inject(VcpuIdentity) private readonly id!: bigint;
  static log: string[] = [];
  readonly name = 'part';
  readonly opcodes = [0x70, 0x71];
  readonly reasons = [ExitReason.EptViolation];
  private view: Request | undefined;

  setUp(): void {
    this.view = this.ept.enter(this, this.vmcs, this.ept.view('shared'));
  }

  handleVmcall({ r00 }: { r00: bigint }): boolean {
    if (r00 === 0x71n) this.ept.view('shared').restrict(0n, 0);
    else for (const what of ['work', 'work', 'more']) this.work.onEach(this, 'note', { what });
    return true;
  }

  note({ what }: { what: string }): void {
    Part.log.push(`${what} on ${this.processor.id()} of vcpu ${this.id}`);
  }

  /** Each vCPU leaves the view at its first violation. */
  handleExit(): boolean {
    Part.log.push(`violation on ${this.processor.id()}`);
    this.view![Symbol.dispose]();
    return true;
  }
}
const PartOfVcpu = component<Part>('test.Part', 'vcpu');

describe('Work for all processors', () => {
  async function start() {
    const guest = await boot(20_000, {
      identify: (file) => file,
      readList: (file) => [file],
      load: async () => ({
        hash: 'test',
        modules: [
          vcpuModule(({ bind }) => {
            bind(PartOfVcpu).to(Part);
            bind(VmcallContribution).toService(PartOfVcpu);
            bind(ExitContribution).toService(PartOfVcpu);
            bind(VmcsContribution).toService(PartOfVcpu);
          }),
        ],
      }),
    });
    Part.log = [];
    await guest.driver.load();
    while (guest.pc.processors.some(({ core }) => core.block.get('ACTIVITY') === 3)) guest.turn();
    guest.driver.start();
    for (let turns = 0; turns < 20; turns++) guest.turn();
    return guest;
  }
  const noted = (what: string, id: number): string => `${what} on ${id} of vcpu ${id}`;
  const onOwn = ['work', 'work', 'more'].map((what) => noted(what, 0));
  const each = (what: string): string[] => [0, 1, 2, 3].map((id) => `${what} on ${id}`);

  it('is done on the own processor at once, on each other one before its next instruction, and is no exit that anybody sees', async () => {
    const { pc, driver, turn } = await start();
    const exits = pc.exits();
    const before = pc.processors.map((processor) => processor.instructionCount);
    driver.vmcall(0, { r00: 0x70n });
    expect(Part.log).to.deep.equal(onOwn);
    exits[ExitReason.Vmcall]!++;
    for (let turns = 0; Part.log.length < 9; turns++) {
      const ran = pc.processors.map((processor) => processor.instructionCount);
      const done = Part.log.length;
      turn();
      // The processor that ran has done the work first.
      const runner = pc.processors.findIndex((processor, id) => processor.instructionCount !== ran[id]);
      if (runner > 0 && ran[runner] === before[runner])
        expect(Part.log.slice(done)).to.deep.equal(['work', 'more'].map((what) => noted(what, runner)));
      expect(turns).to.be.below(100);
    }
    const others = [1, 2, 3].flatMap((id) => [noted('more', id), noted('work', id)]);
    expect(Part.log.slice(3).sort()).to.deep.equal(others.sort());
    expect(pc.exits()).to.deep.equal(exits);
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(Part.log).to.have.length(9);
    driver.close();
  });

  it('makes a change of a view that all share hold on each processor from its next instruction on', async () => {
    const { driver, turn, result } = await start();
    driver.vmcall(0, { r00: 0x71n });
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect([...Part.log].sort()).to.deep.equal(each('violation'));
    expect(result().counter).to.equal(processors * 20_000);
    driver.close();
  });

  it('is left out where the VMM is stopped first', async () => {
    const { driver, turn, result } = await start();
    driver.vmcall(0, { r00: 0x70n });
    driver.stop();
    for (let turns = 0; turn(); turns++) expect(turns).to.be.below(mostTurns);
    expect(Part.log).to.deep.equal(onOwn);
    expect(result().counter).to.equal(processors * 20_000);
    driver.close();
  });
});
