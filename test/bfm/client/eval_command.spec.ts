// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bfm, ended, startBfm } from '../bfm_process.js';
import { ownRuntimeFolder } from '../host/host_machine.js';

describe('bfm eval', () => {
  let own!: ReturnType<typeof ownRuntimeFolder>;
  before(() => {
    own = ownRuntimeFolder();
  });
  after(() => own.close());

  it('prints the value of an expression about the machine in the background, or an error without a stack', async () => {
    await own.load('m', '--guest', 'echo', '--memory', '16M', '--cpus', '2', '-m', 'cpuidcount');
    const [value, none, thrown, wrong] = await Promise.all(
      [['[vcpu(1 as number).id, machine.processors, 5n]'], ['const n: number = 1;'], ['vcpu(2)'], ['1 +* 2']].map(
        (args) => bfm('eval', '--machine', 'm', ...args),
      ),
    );
    expect(value).to.deep.equal({ status: 0, stdout: '[ 1, 2, 0x5n ]\n', stderr: '' });
    expect(none).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    expect(thrown).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'bfm: there is no vcpu 2: the machine has 2, numbered from 0\n',
    });
    expect(wrong!.status).to.equal(2);
    expect(wrong!.stderr).to.match(/^bfm: eval:1:\d+: Unexpected "\*"/);
  });

  it('evaluates what is typed line by line, in order, with variables and statements over several lines', async () => {
    await own.load('n', '--guest', 'echo', '--memory', '16M');
    const child = startBfm(['eval', '--machine', 'n']);
    const lines = [
      'const a: bigint = 5n',
      'a + 11n',
      'function f() {',
      '  return a; }',
      'f()',
      '',
      'b',
      '1 +* 2',
      '{ a }',
    ];
    child.stdin.end(lines.join('\n'));
    const { status, stdout, stderr } = await ended(child);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    expect(stdout.split('\n')).to.deep.equal([
      '0x10n',
      '0x5n',
      'ReferenceError: b is not defined',
      'eval:1:4: Unexpected "*"',
      '{ a: 0x5n }',
      '',
    ]);
  });

  it('lets the machine live, whatever an expression throws, promises or does not end', async () => {
    await own.load('p', '--guest', 'echo', '--memory', '16M', '--cpus', '2', '-m', 'cpuidcount');
    const child = startBfm(['eval', '--machine', 'p']);
    const lines = [
      '(async () => { throw new Error("nobody waits"); })(); 1',
      'Promise.reject(2).then(() => 3)',
      'throw { get [Symbol.toStringTag]() { throw 4; } }',
      'for (;;) vcpu(1).registers.RAX',
      `"${'x'.repeat(1 << 20)}"`,
      'machine.processors',
    ];
    child.stdin.end(lines.join('\n'));
    const { status, stdout, stderr } = await ended(child);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    expect(stdout.split('\n')).to.deep.equal([
      '1',
      'Promise { <rejected> 2 }',
      'the code threw a value that cannot be shown: its own code throws, or does not end',
      'the expression has looked at the machine for 2000 ms, and may not look on',
      'the expression has 1048579 characters: at most 1048576 are taken',
      '2',
      '',
    ]);
  });

  it('ends at .exit', async () => {
    await own.load('o', '--guest', 'echo', '--memory', '16M');
    const child = startBfm(['eval', '--machine', 'o']);
    child.stdin.write('1\n.exit\n2\n');
    expect(await ended(child)).to.deep.equal({ status: 0, stdout: '1\n', stderr: '' });
  });
});
