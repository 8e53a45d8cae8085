// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { existsSync, readFileSync } from 'node:fs';
import { useHandlerGlobals } from '../../../src/driver/handler_globals.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { checkRunOptions, type RunOptions } from '../../../src/bfm/run/run_options.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { checkDisks, snapshotOf } from '../../../src/bfm/run/saved_run.js';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type {
  DiskRequest,
  RunReport,
  RunRequest,
  ShownConsole,
  WorkerMessage,
} from '../../../src/bfm/worker/run_request.js';
import { bfm, root, type BfmResult } from '../bfm_process.js';
import { defaultOptions } from './default_options.js';
import { diskGuest } from '../../machine/state/snapshot_guests.js';
import { bytes, sink } from '../text_sinks.js';

interface Json {
  readonly outcome: string;
  readonly detail: string;
  readonly machine: RunReport['machine'];
  readonly extensions: Record<string, unknown>;
}

const jsonOf = ({ stdout, stderr }: BfmResult): Json => {
  expect(stdout, stderr).to.not.equal('');
  return JSON.parse(stdout) as Json;
};
const isFull = process.env.BAREFLANK_FULL === '1';
const folder = temporaryFolder();
/** 3000 CPUIDs, and the power off. */
const guest = { guest: 'cpuid', append: '3000', memory: '16M' };

/** A run in this process, which takes a fraction of the time of `bfm`: what it shows and reports. @param typed at the guest's console */
async function run(given: Partial<RunOptions>, typed?: string) {
  const shown = { console: sink(), vmm: sink(), restored: [] as (readonly [number, ShownConsole])[] };
  const control = new RunControl();
  const post = (message: WorkerMessage): void => {
    if (message.kind === 'restored') shown.restored.push([message.instructions, message.console]);
    if (message.kind !== 'console' && message.kind !== 'vmm') return;
    shown[message.kind].write(message.bytes);
    control.outputTaken(message.bytes.length);
  };
  if (typed !== undefined) control.type(bytes(typed));
  const request = checkRunOptions({ ...defaultOptions, ...given }, false);
  return { report: await new MachineRun(request, control, post).run(), ...shown };
}

/** What two runs have in common that differ in where they began and in what was compiled. */
function inBoth({ compiled: _, restoredAt: __, ...machine }: RunReport['machine']): object {
  return machine;
}

/** Why a run does not begin. */
async function refusal(given: Partial<RunOptions>): Promise<string> {
  return run(given).then(
    ({ report }) => expect.fail(`it ran: ${report.outcome}`),
    (error: unknown) => (error as Error).message,
  );
}

describe('bfm run --save and --restore', () => {
  afterEach(() => useHandlerGlobals());

  it('keep the cost of a VM exit, which is a part of the machine', async () => {
    const file = join(folder.path, 'costly');
    const costly = { ...guest, module: ['cpuidcount'], exitCost: '700' };
    const whole = (await run(costly)).report.machine;
    const saved = (await run({ ...costly, save: file, saveAt: '4321', verifyState: true })).report;
    expect(saved.outcome, saved.detail).to.equal('saved');
    const restored = (await run({ restore: file, module: ['cpuidcount'] })).report.machine;
    expect([restored.stateHash, restored.virtualTime]).to.deep.equal([whole.stateHash, whole.virtualTime]);
    expect(await refusal({ restore: file, module: ['cpuidcount'], exitCost: '5' })).to.match(
      /--restore excludes --exit-cost/,
    );
  });

  it('take the VMM along: the run ends as without them, with the same reports', async () => {
    const file = join(folder.path, 'with_vmm');
    const under = { ...guest, cpus: '2', module: ['cpuidcount'] };
    const whole = (await run(under)).report;
    const saved = (await run({ ...under, save: file, saveAt: '4321', verifyState: true })).report;
    expect(saved.outcome).to.equal('saved');
    expect(saved.detail).to.match(/with_vmm; a machine restored from it had the same 1 000 VM exits$/);
    const { report, vmm, restored } = await run({ restore: file, module: ['cpuidcount'] });
    expect([report.outcome, inBoth(report.machine), report.extensions]).to.deep.equal([
      'powered-off',
      inBoth(whole.machine),
      { cpuidcount: { count: 3000 } },
    ]);
    expect(vmm.text).to.match(/DEBUG: .*cpuid count = 3000/);
    expect(restored.map(([instructions]) => instructions)).to.deep.equal([4321]);
  });

  it('take the VMM along as commands', async function () {
    if (!isFull) this.skip();
    const file = join(folder.path, 'with_vmm');
    const under = ['run', '--guest', 'cpuid', '--append', '3000', '--memory', '16M', '--cpus', '2', '-m', 'cpuidcount'];
    const whole = (await run({ ...guest, cpus: '2', module: ['cpuidcount'] })).report;
    const saved = await bfm(...under, '--json', '--save', file, '--save-at', '4321', '--verify-state');
    expect([saved.status, jsonOf(saved).outcome], saved.stderr).to.deep.equal([0, 'saved']);
    expect(jsonOf(saved).detail).to.match(/with_vmm; a machine restored from it had the same 1 000 VM exits$/);
    const restored = await bfm('run', '--restore', file, '-m', 'cpuidcount', '--json');
    expect(restored.status, restored.stderr).to.equal(0);
    const { outcome, machine, extensions } = jsonOf(restored);
    expect({ outcome, machine: inBoth(machine), extensions }).to.deep.equal({
      outcome: 'powered-off',
      machine: inBoth(whole.machine),
      extensions: { cpuidcount: { count: 3000 } },
    });
    expect(restored.stderr)
      .to.include('vmm: DEBUG: cpuid count = 3000')
      .and.to.match(/^bfm: restored at 4 321 instructions; the guest's console showed last:\n/m);
  });

  it('say that no VM exit could be compared if the guest ends before one', async () => {
    const under = { ...guest, module: ['cpuidcount'] };
    const last = (await run(under)).report.machine.instructions - 1;
    const request = { ...under, save: join(folder.path, 'last'), saveAt: String(last), verifyState: true };
    expect((await run(request)).report.detail).to.match(
      /the guest ended before another VM exit, so --verify-state had none/,
    );
  });

  it('end where the run without them ends, with as many processors', async () => {
    const file = join(folder.path, 'saved');
    const { report: whole } = await run({ ...guest, cpus: '2' });
    const { report: saved } = await run({ ...guest, cpus: '2', save: file, saveAt: '4321' });
    expect([saved.outcome, saved.machine.instructions]).to.deep.equal(['saved', 4321]);
    // A restored run can be saved again, into its own file too.
    const { report: again } = await run({ restore: file, save: file, saveAt: '6000' });
    expect([again.outcome, again.machine.instructions]).to.deep.equal(['saved', 6000]);
    const { report: restored } = await run({ restore: file });
    expect([restored.outcome, inBoth(restored.machine)]).to.deep.equal(['powered-off', inBoth(whole.machine)]);
  });

  it('save at a text, show it where a run goes on, and take a VMM over the restored guest', async () => {
    const file = join(folder.path, 'at_text');
    const saved = await run({ guest: 'echo', memory: '16M', save: file, saveAt: 'echo' });
    expect(saved.report).to.include({ outcome: 'saved', detail: file });
    const late = await run({ restore: file, module: ['cpuidcount'], until: 'typed' }, 'typed');
    expect(late.report.outcome).to.equal('reached');
    expect(late.report.machine.exits.vmcall).to.be.greaterThan(0);
    expect(late.vmm.text).to.include('cpuid count = ');
    const { instructions } = saved.report.machine;
    expect(late.restored).to.deep.equal([[instructions, { lines: ['this guest echo'], isOpen: true }]]);
  });

  it('report the moment that was saved, also if exits behind it were compared, and show nothing of them', async () => {
    const file = join(folder.path, 'verified');
    // Output takes most of the time of such a run.
    const module = folder.write(
      'talking.ts',
      `import { bfinfo, ExitContribution, ExitReason, ReportContribution, state, vcpuModule } from 'bareflank';
       class Talking implements ExitContribution, ReportContribution {
         readonly name = 'talking';
         readonly reasons = [ExitReason.Cpuid];
         @state() private count = 0;
         handleExit(): boolean {
           const drawn = Math.random();
           if (++this.count % 100 === 0) bfinfo\`cpuid \${this.count}, \${drawn}\`;
           return false;
         }
         report() { return { count: this.count }; }
       }
       export default vcpuModule(({ bind }) => {
         bind(Talking).toSelf();
         bind(ExitContribution).toService(Talking);
         bind(ReportContribution).toService(Talking);
       });`,
    );
    const under = { ...guest, module: [module], saveAt: '4321' };
    const plain = await run({ ...under, save: file });
    const verified = await run({ ...under, save: file, verifyState: true });
    expect(verified.report.detail).to.match(/the same 1 000 VM exits$/);
    expect([inBoth(verified.report.machine), verified.report.extensions]).to.deep.equal([
      inBoth(plain.report.machine),
      plain.report.extensions,
    ]);
    expect([verified.console.text, verified.vmm.text]).to.deep.equal([plain.console.text, plain.vmm.text]);
    const whole = await run({ ...guest, module: [module] });
    const rest = await run({ restore: file, module: [module] });
    expect(plain.vmm.text + rest.vmm.text, 'random numbers go on').to.equal(whole.vmm.text);
  });

  it('refuse --verify-state at once if no VMM would run', async () => {
    const file = join(folder.path, 'no_vmm');
    await run({ ...guest, save: file, saveAt: '4321' });
    const other = join(folder.path, 'never_written');
    expect(await refusal({ restore: file, save: other, saveAt: '5000', verifyState: true })).to.equal(
      '--verify-state compares VM exits, and no VMM would run: name one with -m, or leave it out',
    );
    expect(existsSync(other)).to.equal(false);
  });

  it('say which -m to add, and refuse what the VMM that was saved cannot do any more', async () => {
    const file = join(folder.path, 'with_modules');
    await run({ ...guest, module: ['cpuidcount'], save: file, saveAt: '4321' });
    const refused = (given: Partial<RunOptions>): Promise<string> =>
      snapshotOf(checkRunOptions({ ...defaultOptions, restore: file, ...given }, false)).then(
        () => expect.fail('it was taken'),
        (error: unknown) => (error as Error).message,
      );
    expect(await refused({})).to.equal(
      `${file} has a VMM with modules, and no file brings code along: add -m cpuidcount`,
    );
    expect(await refusal({ restore: file, module: ['vpid'] }))
      .to.match(/^the saved state belongs to other modules:\n {2}it needs .*exit_handler_cpuid_count\.ts \(sha256/)
      .and.to.match(/it does not have .*vpid_contribution\.ts/)
      .and.to.match(/; it was saved with -m cpuidcount$/);
    const module = ['cpuidcount'];
    for (const [given, message] of [
      [{ set: ['x.y=1'] }, /^--set x\.y: the VMM of .* keeps the parameters/],
      [{ start: 'off' }, /^--start off: the VMM of .* is running already; leave it out$/],
      [{ start: 'late' }, /^--start late: the VMM of .* is running already; leave it out$/],
      [{ startAt: 'text' }, /^--start-at: the VMM of .* is running already; leave it out$/],
      [{ traceVmcs: true }, /^--trace-vmcs: the VMM of .* was started without it; leave it out, or save/],
    ] as const)
      expect(await refused({ module, ...given })).to.match(message);
  });

  it('obey --start late and off for a VMM that was loaded and not started', async () => {
    const file = join(folder.path, 'not_started');
    const module = ['cpuidcount'];
    const echo = { guest: 'echo', memory: '16M', module };
    await run({ ...echo, start: 'off', save: file, saveAt: 'echo' });
    const off = await run({ restore: file, module, start: 'off', until: 'typed' }, 'typed');
    expect([off.report.outcome, off.report.machine.exits]).to.deep.equal(['reached', {}]);
    const late = await run({ restore: file, module, startAt: 'typ', until: 'typed' }, 'typed');
    expect(late.report.lateStart).to.match(/^the VMM took over after/);
  });

  it('refuse state of an extension that is not marked, with class and field, and leave no file', async () => {
    const file = join(folder.path, 'unmarked');
    const module = folder.write(
      'forgetful.ts',
      `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
       class Forgetful implements ExitContribution {
         readonly name = 'forgetful';
         readonly reasons = [ExitReason.Cpuid];
         private seen = 0;
         handleExit(): boolean { this.seen++; return false; }
       }
       export default vcpuModule(({ bind }) => bind(ExitContribution).to(Forgetful));`,
    );
    expect(await refusal({ ...guest, module: [module], save: file, saveAt: '4321' })).to.match(
      /Forgetful\.seen \(vcpu 0\) changed from 0 to \d+\n/,
    );
    expect(existsSync(file)).to.equal(false);
  });

  it('leave no file if the guest ends before', async () => {
    const file = join(folder.path, 'never');
    const { report } = await run({ ...guest, save: file, saveAt: 'no such text' });
    expect(report.outcome).to.equal('powered-off');
    expect(existsSync(file)).to.equal(false);
  });

  it('go on with a disk that the guest changes, and refuse it if it has changed since', async () => {
    const file = join(folder.path, 'with_disk');
    const kernel = folder.write('disk_guest', diskGuest(6));
    const before = new Uint8Array(0x8000).fill(7);
    const whole = folder.write('whole.img', before);
    const cut = folder.write('cut.img', before);
    const machine = { kernel, memory: '16M' };
    const { report: wanted } = await run({ ...machine, disk: [`${whole},write`] });
    const saved = await run({ ...machine, disk: [`${cut},write`], save: file, saveAt: '100000' });
    expect(saved.report.outcome).to.equal('saved');
    expect(readFileSync(cut).equals(before), 'the guest has written').to.equal(false);
    const { report: rest } = await run({ restore: file, disk: [`${cut},write`] });
    expect([rest.outcome, rest.machine.stateHash]).to.deep.equal([wanted.outcome, wanted.machine.stateHash]);
    expect(readFileSync(cut).equals(readFileSync(whole))).to.equal(true);
    expect(await refusal({ restore: file, disk: [`${cut},write`] })).to.match(/cut\.img is not the disk cut\.img of/);
  });

  it('go on with a virtio console and the same input', async () => {
    const file = join(folder.path, 'with_console');
    const output = join(folder.path, 'output');
    const [input, other] = [folder.write('input', 'hello'), folder.write('other_input', 'bye')];
    const virtioConsole = `${output},input=${input}`;
    await run({ ...guest, virtioConsole, save: file, saveAt: '4321' });
    const { report } = await run({ restore: file, virtioConsole });
    expect(report.outcome).to.equal('powered-off');
    for (const [given, message] of [
      [{}, /has a virtio console: say by --virtio-console where its output goes/],
      [{ virtioConsole: output }, /something else is typed: name the same input again/],
      [{ virtioConsole: `${output},input=${other}` }, /something else is typed/],
    ] as const)
      expect(await refusal({ restore: file, ...given })).to.match(message);
    await run({ ...guest, save: file, saveAt: '4321' });
    expect(await refusal({ restore: file, virtioConsole })).to.match(
      /has no virtio console: leave --virtio-console out/,
    );
  });

  it('refuse a file that is no snapshot', async () => {
    const file = join(root, 'package.json');
    expect(await refusal({ restore: file })).to.equal(`${file} is no snapshot: bfm run --save and bfm save write them`);
  });
});

describe('checkDisks', () => {
  const disk = folder.write('disk', new Uint8Array(0x2000).fill(1));
  const other = folder.write('other', new Uint8Array(0x2000).fill(2));
  const request = (...disks: DiskRequest[]) =>
    ({ kernel: 'FILE', testDevice: false, append: '', disks, modules: [] }) as unknown as RunRequest;
  const readOnly = (path: string): DiskRequest => ({ path, isWritable: false });

  it('wants the disks that were saved, by their bytes', () => {
    const sha256 = createHash('sha256').update(readFileSync(disk)).digest('hex');
    const header = { disks: [{ name: 'disk', bytes: 0x2000, sha256 }] };
    const blocks = (...numbers: number[]) => [
      { bytes: 0x2000, blocks: { numbers: Uint32Array.from(numbers), bytes: new Uint8Array(0x1000 * numbers.length) } },
    ];
    checkDisks(request(readOnly(disk)), header, blocks(1));
    checkDisks(request({ path: disk, isWritable: true }), header, blocks());
    expect(() => checkDisks(request(), header, blocks())).to.throw(
      SnapshotError,
      'FILE has disks (disk), and 0 are given: name each of them by --disk, in this order',
    );
    expect(() => checkDisks(request(readOnly(other)), header, blocks())).to.throw(
      SnapshotError,
      `${other} is not the disk disk of FILE`,
    );
    expect(() => checkDisks(request({ path: disk, isWritable: true }), header, blocks(1))).to.throw(
      SnapshotError,
      'leave ",write" out',
    );
  });
});
