// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bfm } from '../bfm_process.js';
import { ownRuntimeFolder } from '../host/host_machine.js';

describe('bfm eval', () => {
  const own = ownRuntimeFolder();
  after(() => own.close());

  it('prints the value of an expression about the machine in the background, or an error without a stack', async () => {
    await own.load('m', '--guest', 'echo', '--memory', '16M', '--cpus', '2', '-m', 'cpuidcount');
    const [value, none, thrown, wrong, missing] = await Promise.all(
      [['[vcpu(1 as number).id, machine.processors, 5n]'], ['const n: number = 1;'], ['vcpu(2)'], ['1 +* 2'], []].map(
        (args) => bfm('eval', '--machine', 'm', ...args),
      ),
    );
    expect(value).to.deep.equal({ status: 0, stdout: '[ 1, 2, 0x5n ]\n', stderr: '' });
    expect(none).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    expect(thrown).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'bfm: there is no vcpu 2: the machine has 2, from 0 on\n',
    });
    expect(wrong!.status).to.equal(2);
    expect(wrong!.stderr).to.match(/^bfm: eval:1:\d+: Unexpected "\*"/);
    expect(missing!.status).to.equal(2);
    expect(missing!.stderr).to.match(/^bfm: eval wants an expression, or a terminal for a prompt/);
  });
});
