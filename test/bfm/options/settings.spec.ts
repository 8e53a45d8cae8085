// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseSettings } from '../../../src/bfm/options/settings.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';

const folder = temporaryFolder();

describe('parseSettings', () => {
  it('takes the first = as the end of the name', () => {
    expect(parseSettings(['a.b=1', 'a.c=x=y', 'a.d='], true)).to.deep.equal({ 'a.b': '1', 'a.c': 'x=y', 'a.d': '' });
  });

  it('refuses a text that is not NAME=VALUE, a repeated name, and settings without a module', () => {
    for (const text of ['a.b', '=1', '']) expect(() => parseSettings([text], true)).to.throw(UsageError, /NAME=VALUE/);
    expect(() => parseSettings(['a.b=1', 'a.b=2'], true)).to.throw(UsageError, /a\.b is given twice/);
    expect(() => parseSettings(['a.b=1'], false)).to.throw(UsageError, /name one with -m/);
  });
});

describe('bfm run --set', () => {
  const source = `
    import { parameter, ReportContribution, vcpuModule } from 'bareflank';
    import { inject, injectable } from 'inversify';
    const Weight = parameter('scale.weight', 1n, 'what each report weighs');
    @injectable()
    class Scale implements ReportContribution {
      @inject(Weight) readonly weight!: bigint;
      readonly name = 'scale';
      report() { return { weight: this.weight }; }
    }
    export default vcpuModule(({ bind, parameter }) => { parameter(Weight); bind(ReportContribution).to(Scale); });
  `;

  it("sets a module's parameter, and refuses an unknown one with status 1 and the list", async () => {
    const module = folder.write('scale.ts', source);
    const run = (...set: string[]) =>
      bfm(
        'run',
        '--guest',
        'cpuid',
        '--append',
        '1',
        '-m',
        module,
        '--json',
        ...set.flatMap((each) => ['--set', each]),
      );
    const good = await run('scale.weight=0x20');
    expect(good.status, good.stderr).to.equal(0);
    expect((JSON.parse(good.stdout) as { extensions: unknown }).extensions).to.deep.equal({ scale: { weight: '32' } });
    const bad = await run('scale.height=1');
    expect(bad.status).to.equal(1);
    expect(bad.stderr)
      .to.include('--set scale.height: there is no such parameter; the loaded modules declare:')
      .and.to.include('  scale.weight=1  what each report weighs');
  });
});
