// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { existsSync, readFileSync } from 'node:fs';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { checkDisks, factsOf } from '../../../src/bfm/run/saved_run.js';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import type { SnapshotHeader } from '../../../src/bfm/snapshot/snapshot_header.js';
import type { DiskRequest, RunRequest } from '../../../src/bfm/worker/run_request.js';
import { bfm, ended, root, startBfm, type BfmResult } from '../bfm_process.js';

interface Json {
  readonly outcome: string;
  readonly detail: string;
  readonly machine: {
    readonly instructions: number;
    readonly stateHash: string;
    readonly exits: Record<string, number>;
  };
  readonly extensions: Record<string, unknown>;
}

const jsonOf = ({ stdout, stderr }: BfmResult): Json => {
  expect(stdout, stderr).to.not.equal('');
  return JSON.parse(stdout) as Json;
};
const folder = temporaryFolder();
const guest = ['run', '--guest', 'cpuid', '--append', '3000', '--memory', '16M', '--json'];

describe('bfm run --save and --restore', () => {
  it('end where the run without them ends, with as many processors', async () => {
    const file = join(folder.path, 'saved');
    const whole = jsonOf(await bfm(...guest, '--cpus', '2'));
    const saved = await bfm(...guest, '--cpus', '2', '--save', file, '--save-at', '4321');
    expect([saved.status, jsonOf(saved).outcome], saved.stderr).to.deep.equal([0, 'saved']);
    expect(jsonOf(saved).machine.instructions).to.equal(4321);
    const restored = await bfm('run', '--restore', file, '--json');
    expect(restored.status, restored.stderr).to.equal(0);
    const { outcome, machine } = jsonOf(restored);
    expect([outcome, machine.instructions, machine.stateHash]).to.deep.equal([
      'powered-off',
      whole.machine.instructions,
      whole.machine.stateHash,
    ]);
  });

  it('save at a text, say where, and take a VMM over the restored guest', async () => {
    const file = join(folder.path, 'at_text');
    const options = ['--guest', 'echo', '--memory', '16M'];
    const saved = await bfm('run', ...options, '--save', file, '--save-at', 'echo');
    expect(saved.stderr).to.include(`bfm: saved as ${file}\n`);
    expect(saved.status).to.equal(0);
    const child = startBfm([...['run', '--restore', file], '-m', 'cpuidcount', '--until', 'typed', '--json']);
    child.stdin.end('typed');
    const late = await ended(child);
    expect(late.status, late.stderr).to.equal(0);
    expect(late.stderr).to.include('vmm: DEBUG: cpuid count = ');
    expect(jsonOf(late).machine.exits.vmcall).to.be.greaterThan(0);
  });

  it('take the VMM along: the run ends as without them, with the same reports', async () => {
    const file = join(folder.path, 'with_vmm');
    const under = [...guest, '--cpus', '2', '-m', 'cpuidcount'];
    const whole = jsonOf(await bfm(...under));
    const saved = await bfm(...under, '--save', file, '--save-at', '4321', '--verify-state');
    expect([saved.status, jsonOf(saved).outcome], saved.stderr).to.deep.equal([0, 'saved']);
    expect(jsonOf(saved).detail).to.match(/with_vmm; a machine restored from it had the same 1000 VM exits$/);
    const count = (jsonOf(saved).extensions.cpuidcount as { count: number }).count;
    expect(count).to.be.within(1, 2999);
    const restored = await bfm('run', '--restore', file, '-m', 'cpuidcount', '--json');
    expect(restored.status, restored.stderr).to.equal(0);
    const { outcome, machine, extensions } = jsonOf(restored);
    expect({ outcome, machine, extensions }).to.deep.equal({
      outcome: 'powered-off',
      machine: whole.machine,
      extensions: { cpuidcount: { count: 3000 } },
    });
    expect(restored.stderr).to.include('vmm: DEBUG: cpuid count = 3000');
  });

  it('refuse --verify-state without a VMM', async () => {
    const plain = guest.filter((option) => option !== '--json');
    const file = join(folder.path, 'no_vmm');
    const { status, stderr } = await bfm(...plain, '--save', file, '--save-at', '4321', '--verify-state');
    expect(status).to.equal(1);
    expect(stderr).to.include('--verify-state compares VM exits, and no VMM runs');
    expect(existsSync(file)).to.equal(false);
  });

  it('refuse other modules than those of the VMM that was saved, by name, and other parameters', async () => {
    const file = join(folder.path, 'with_modules');
    const saved = await bfm(...guest, '-m', 'cpuidcount', '--save', file, '--save-at', '4321');
    expect(saved.status, saved.stderr).to.equal(0);
    const none = await bfm('run', '--restore', file);
    expect(none.status).to.equal(1);
    expect(none.stderr).to.match(
      /^bfm: the saved state belongs to other modules:\n {2}it needs .*exit_handler_cpuid_count\.ts \(sha256/,
    );
    const other = await bfm('run', '--restore', file, '-m', 'vpid');
    expect(other.status).to.equal(1);
    expect(other.stderr).to.match(/it does not have .*vpid_contribution\.ts/);
    const set = await bfm('run', '--restore', file, '-m', 'cpuidcount', '--set', 'x.y=1');
    expect(set.status).to.equal(1);
    expect(set.stderr).to.include('--set x.y: the VMM of');
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
    const plain = guest.filter((option) => option !== '--json');
    const { status, stderr } = await bfm(...plain, '-m', module, '--save', file, '--save-at', '4321');
    expect(status).to.equal(1);
    expect(stderr).to.match(/Forgetful\.seen \(vcpu 0\) changed from 0 to \d+\n/);
    expect(existsSync(file)).to.equal(false);
  });

  it('fail if the guest ends before, and leave no file', async () => {
    const file = join(folder.path, 'never');
    const plain = guest.filter((option) => option !== '--json');
    const { status, stderr } = await bfm(...plain, '--save', file, '--save-at', 'no such text');
    expect(stderr).to.include('switched the power off before "no such text" appeared on its console');
    expect(status).to.equal(1);
    expect(() => readFileSync(file)).to.throw();
  });

  it('refuse a file that is no snapshot, without a stack trace', async () => {
    const { status, stderr } = await bfm('run', '--restore', join(root, 'package.json'));
    expect(stderr).to.equal(`bfm: ${join(root, 'package.json')} is no snapshot: bfm run --save writes them\n`);
    expect(status).to.equal(1);
  });
});

describe('checkDisks', () => {
  const disk = folder.write('disk', new Uint8Array(0x2000).fill(1));
  const other = folder.write('other', new Uint8Array(0x2000).fill(2));
  const request = (...disks: DiskRequest[]) =>
    ({ kernel: 'FILE', testDevice: false, append: '', disks }) as unknown as RunRequest;
  const readOnly = (path: string): DiskRequest => ({ path, isWritable: false });

  it('wants the disks that were saved, by their bytes', () => {
    const header = factsOf(request(readOnly(disk)), []) as SnapshotHeader;
    expect(header.disks).to.deep.equal([
      { name: 'disk', bytes: 0x2000, sha256: createHash('sha256').update(readFileSync(disk)).digest('hex') },
    ]);
    checkDisks(request(readOnly(disk)), header);
    expect(() => checkDisks(request(), header)).to.throw(
      SnapshotError,
      'FILE has disks (disk), and 0 are given: name each of them by --disk, in this order',
    );
    expect(() => checkDisks(request(readOnly(other)), header)).to.throw(
      SnapshotError,
      `${other} is not the disk disk of FILE`,
    );
    expect(() => checkDisks(request({ path: disk, isWritable: true }), header)).to.throw(
      SnapshotError,
      'leave ",write" out',
    );
  });
});
