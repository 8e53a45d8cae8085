// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { serialize } from 'node:v8';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { plainDataToText } from '../../src/driver/plain_data_text.js';
import { compareRuns, restoreMachine, saveMachine, type SavedMachine } from '../../src/session/verify_state.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';
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
} from './vmm_guests.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const folder = temporaryFolder();

/** A machine that is restored from the state of another. The state goes through structuredClone: it is data. */
async function restored({ processors }: Guest, modules: readonly string[], saved: SavedMachine) {
  const machine = await newMachine(processors, modules, true);
  await restoreMachine(machine, structuredClone(saved));
  expect(isDeepStrictEqual(saveMachine(machine), saved), 'the state comes back whole').to.equal(true);
  return machine;
}

const mostSaves = 4;

/** Runs a guest to its end. If `replaces`, another machine goes on after each step. */
async function run(guest: Guest, modules: readonly string[], replaces: boolean) {
  let machine = await booted(guest, modules);
  let output = '';
  let saves = 0;
  while (machine.pc.runQuantum(() => true, guest.step) === undefined) {
    machine.driver.takeOutput();
    if (!replaces || saves === mostSaves || machine.pc.instructions < (saves + 1) * guest.step) continue;
    saves++;
    output += machine.output.join('');
    machine = await restored(guest, modules, saveMachine(machine));
  }
  output += machine.output.join('');
  const result = { ...resultOf(machine), output };
  machine.driver.close();
  return { result, saves };
}

/** Has another process run a machine to its end. */
function runElsewhere({ processors }: Guest, modules: readonly string[], { machine, driver }: SavedMachine): unknown {
  const file = folder.write('state', serialize({ machine, driver: plainDataToText(driver) }));
  const program = join(buildFolder, 'test', 'session', 'restored_process.js');
  const answer = execFileSync(process.execPath, [program, file, String(processors), ...modules], { encoding: 'utf8' });
  return JSON.parse(answer) as unknown;
}

describe('A machine with a VMM that is restored from a saved state', () => {
  for (const { guest, names, isFast } of [
    { guest: effects, names: examples, isFast: true },
    { guest: race, names: ['example_cpuidcount', 'example_vpid'], isFast: true },
    ...everyExtension.flatMap((name) =>
      [cpuids, effects, race].map((each) => ({ guest: each, names: [name], isFast: false })),
    ),
  ])
    (isFast || isFull ? it : it.skip)(`runs as without: ${guest.name} under ${names.join(', ')}`, async () => {
      const modules = names.map(listOf);
      const alone = await run(guest, modules, false);
      const { result, saves } = await run(guest, modules, true);
      expect(saves).to.equal(mostSaves);
      expect(result).to.deep.equal(alone.result);
    });

  for (const guest of [effects, race])
    it(`runs as without in another process: ${guest.name} on ${guest.processors} processors`, async () => {
      const modules = examples.map(listOf);
      const machine = await booted(guest, modules);
      machine.pc.runQuantum(() => true, guest.step);
      const saved = saveMachine(machine);
      const before = machine.output.length;
      while (machine.pc.runQuantum(() => true) === undefined);
      const output = machine.output.slice(before).join('');
      const result = JSON.parse(JSON.stringify({ ...resultOf(machine), output })) as unknown;
      machine.driver.close();
      expect(runElsewhere(guest, modules, saved)).to.deep.equal(result);
    });
});

describe('compareRuns', () => {
  async function pair(modules: readonly string[], guest = cpuids) {
    const one = await booted(guest, modules);
    one.pc.runQuantum(() => true, guest.step);
    return { one, other: await restored(guest, modules, saveMachine(one)) };
  }

  it('finds no difference in 1,000 exits, and leaves the machine able to go on', async () => {
    const { one, other } = await pair([listOf('example_cpuidcount')]);
    const { exits, difference } = compareRuns(one, other);
    expect({ exits, difference }).to.deep.equal({ exits: 1000, difference: undefined });
    while (one.pc.runQuantum(() => true) === undefined);
    expect(one.driver.reports()).to.deep.equal({ cpuidcount: { count: 3000 } });
    one.driver.close();
  });

  it('ends with the guest', async () => {
    const { one, other } = await pair([listOf('example_cpuidcount')], effects);
    const { exits, difference } = compareRuns(one, other);
    expect(difference).to.equal(undefined);
    expect(exits).to.be.within(10, 999);
    expect(one.pc.runQuantum(() => true)?.kind).to.be.a('string');
    one.driver.close();
  });

  for (const name of everyExtension)
    for (const guest of [cpuids, effects, race])
      (isFull ? it : it.skip)(`finds no difference: ${guest.name} under ${name}`, async () => {
        const { one, other } = await pair([listOf(name)], guest);
        expect(compareRuns(one, other).difference).to.equal(undefined);
        one.driver.close();
      });

  /** An extension with state in a closure or a variable, where no save can see it. */
  const hidden = (name: string, change: string, next = '(() => { let own = 0; return () => ++own; })()'): string => {
    const file = folder.write(
      `${name}.ts`,
      `import { ExitContribution, ExitReason, GuestMemory, ReportContribution, state, vcpuModule, VmcsField, type Exit } from 'bareflank';
       import { inject, injectable } from 'inversify';
       let shared = 0;
       @injectable()
       class Hidden implements ExitContribution, ReportContribution {
         @inject(GuestMemory) readonly memory!: GuestMemory;
         readonly name = 'hidden';
         readonly reasons = [ExitReason.Cpuid];
         private readonly next = ${next};
         @state() private seen = 0;
         handleExit(exit: Exit): boolean { const count = this.next(); ${change} return false; }
         report() { return { seen: this.seen }; }
       }
       export default vcpuModule(({ bind }) => {
         bind(Hidden).toSelf();
         bind(ExitContribution).toService(Hidden);
         bind(ReportContribution).toService(Hidden);
       });`,
    );
    return folder.write(`${name}.modules`, JSON.stringify({ modules: [file] }));
  };

  for (const [name, change, found] of [
    ['report', 'this.seen = count;', /^after 1 VM exits, the reports are \{"hidden":\{"seen":1\}\}, not \{/],
    ['register', 'exit.registers.values[8] = BigInt(count);', /^after 1 VM exits, processor 0: R8=1, not R8=/],
    [
      'field',
      'exit.vmcs.write(VmcsField.TscOffset, BigInt(count));',
      /^after 1 VM exits, processor 0: TSC_OFFSET \(0x2010\) is 0:1, not/,
    ],
    [
      'page',
      'this.memory.writeAsGuest(0x5000n, Uint8Array.of(count));',
      /^after 100 VM exits, memory or devices differ/,
    ],
  ] as const)
    it(`finds a ${name} that follows from state which no save can see`, async () => {
      const { one, other } = await pair([hidden(name, change)]);
      expect(compareRuns(one, other).difference).to.match(found);
      one.driver.close();
    });

  it('finds state in a variable of a module, which a VMM of the same process would share', async () => {
    const { one, other } = await pair([hidden('variable', 'this.seen = count;', '() => ++shared')]);
    expect(compareRuns(one, other).difference).to.match(/^after 1 VM exits, the reports are \{"hidden":\{"seen":1\}\}/);
    one.driver.close();
  });
});
