// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, ended, shows, startBfm } from '../bfm_process.js';

/** An extension that counts CPUIDs by `by`, and bytes that the guest writes to its console by 1. */
const counting = (by: number, type = '0'): string => `
  import { ExitContribution, ExitReason, PortContribution, ReportContribution, state, vcpuModule } from 'bareflank';
  class Counting {
    readonly name = 'counting';
    readonly ports = [0x3f8];
    @state() private written = ${type};
    handlePortWrite() { this.written += ${by}; return false; }
    report() { return { written: this.written }; }
  }
  export default vcpuModule(({ bind }) => {
    bind(Counting).toSelf();
    bind(PortContribution).toService(Counting);
    bind(ReportContribution).toService(Counting);
  });`;

/** The guest that echoes what is typed says this first, in so many bytes. */
const GREETING = 'this guest echoes what you type; Ctrl-D switches it off';

describe('bfm run --watch', () => {
  const folder = temporaryFolder();
  const children = new Set<ReturnType<typeof startBfm>>();
  afterEach(() => children.forEach((child) => child.kill('SIGKILL')));

  for (const processors of [1, 4])
    it(`goes on with what is saved, says why not, and is replayed exactly: ${processors} processors`, async () => {
      const file = folder.write(`counting_${processors}.ts`, counting(1));
      const recording = `${folder.path}/recording_${processors}`;
      const write = (text: string) => folder.write(`counting_${processors}.ts`, text);
      const machine = ['--guest', 'echo', '--memory', '16M', '--cpus', String(processors), '-m', file];
      const child = startBfm(['run', ...machine, '--watch', '--json', '--record', recording, '--with-code']);
      children.add(child);
      const end = ended(child);
      await shows(child, GREETING);
      const reloaded = shows(child, 'reloaded; new code');
      write(counting(1000));
      await reloaded;
      const failed = shows(child, 'not reloaded');
      write('class {');
      await failed;
      const refused = shows(child, 'nothing was changed');
      write(counting(1, "''"));
      await refused;
      child.stdin.end('x\u0004');
      const { stdout, stderr } = await end;
      const report = JSON.parse(stdout) as { outcome: string; extensions: { counting: { written: number } } };
      expect(report.outcome, stderr).to.equal('powered-off');
      // The echo of one byte, and perhaps a line end, are counted by the new code.
      const { written } = report.extensions.counting;
      expect(Math.floor(written / 1000)).to.be.within(1, 3);
      expect(written % 1000).to.be.within(GREETING.length, GREETING.length + 2);
      expect(stderr).to.match(
        new RegExp(
          `\\nbfm: reloaded; new code: .*counting_${processors}\\.ts \\(loaded in [\\d.]+ ms, changed over in [\\d.]+ ms\\)\\n`,
        ),
      );
      expect(stderr).to.match(/\nbfm: not reloaded: .*counting_\d\.ts:1:7: Expected identifier/);
      expect(stderr).to.match(
        /\nbfm: not reloaded: the new code does not fit the state .*\n {2}Counting\.written \(vcpu 0\) is a number/,
      );
      const replay = JSON.parse((await bfm('replay', recording, '--allow-code', '--json')).stdout) as typeof report;
      expect([replay.outcome, replay.extensions]).to.deep.equal(['replayed', report.extensions]);
    });

  it('wants modules, and the code in a recording', async () => {
    const [alone, recorded] = await Promise.all([
      bfm('run', '--guest', 'echo', '--watch'),
      bfm('run', '--guest', 'echo', '-m', 'cpuidcount', '--watch', '--record', `${folder.path}/r`),
    ]);
    expect(alone.status).to.equal(2);
    expect(alone.stderr).to.match(/^bfm: --watch wants modules to watch: name them with -m\n/);
    expect(recorded.status).to.equal(2);
    expect(recorded.stderr).to.match(/^bfm: --watch with --record wants --with-code/);
  });
});
