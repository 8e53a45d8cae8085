// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { component } from '../../../src/intrinsics/component.js';
import { ParameterError } from '../../../src/vmm/container/load_errors.js';
import { parameter, parametersIn, withSettings } from '../../../src/vmm/container/parameter.js';
import { vcpuModule, vmmModule } from '../../../src/vmm/container/part_module.js';
import { VmmContainer } from '../../../src/vmm/container/vmm_container.js';

const Address = parameter('test_hook.address', 0x1000n, 'physical address of the hooked function');
const Quiet = parameter('test_hook.quiet', false, 'says nothing');
const Label = parameter('test_hook.label', '', 'name in the log');

@injectable()
class Hook {
  @inject(Address) readonly address!: bigint;
  @inject(Quiet) readonly quiet!: boolean;
  @inject(Label) readonly label!: string;
}
const HookPart = component<Hook>('test.parameter.Hook', 'vmm');

const module = vmmModule(({ bind, parameter: declare }) => {
  declare(Address);
  declare(Quiet);
  declare(Label);
  bind(HookPart).to(Hook);
});

function hookWith(settings: Record<string, string>): Hook {
  const { address, quiet, label } = VmmContainer.create(withSettings(module.record('hook.ts'), settings)).get(HookPart);
  return { address, quiet, label };
}

const refusal = (settings: Record<string, string>): string => {
  try {
    hookWith(settings);
  } catch (error) {
    expect(error).to.be.instanceOf(ParameterError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
};

describe('A parameter', () => {
  it('has its initial value unless somebody sets it', () => {
    expect(hookWith({})).to.deep.equal({ address: 0x1000n, quiet: false, label: '' });
  });

  it('is what was set, in the type of its initial value', () => {
    const settings = { 'test_hook.address': '0x200000', 'test_hook.quiet': 'true', 'test_hook.label': 'a=b' };
    expect(hookWith(settings)).to.deep.equal({ address: 0x200000n, quiet: true, label: 'a=b' });
    expect(hookWith({ 'test_hook.address': '18446744073709551615' }).address).to.equal(2n ** 64n - 1n);
  });

  it('of a value of another kind is refused', () => {
    for (const text of ['', '-1', '1x', '0x', '1e3', '18446744073709551616'])
      expect(refusal({ 'test_hook.address': text })).to.include(`--set test_hook.address=${text}: `);
    expect(refusal({ 'test_hook.quiet': 'yes' })).to.include('wants true or false');
  });

  it('that no module declares is refused with the list of those that are', () => {
    expect(refusal({ 'test_hook.adress': '1' })).to.equal(
      [
        '--set test_hook.adress: there is no such parameter; the loaded modules declare:',
        '  test_hook.address=4096 (0x1000)  physical address of the hooked function',
        '  test_hook.label=""  name in the log',
        '  test_hook.quiet=false  says nothing',
      ].join('\n'),
    );
  });

  it('may be listed by a module of vCPUs, and by no other symbol than its own', () => {
    const [record] = vcpuModule(({ parameter: declare }) => declare(Address)).record('hook.ts');
    expect(record).to.include({ scope: 'vmm', identifier: Address });
    const wrong = vmmModule(({ parameter: declare }) => declare(HookPart as never));
    expect(() => wrong.record('hook.ts')).to.throw(ParameterError, /hook\.ts: parameter\(.*wants a symbol made by/);
    expect(() => parameter('address', 1n, '')).to.throw(/a name is extension\.name/);
  });
});

describe('parametersIn', () => {
  it('gives each parameter that a module declares, by name, with its initial value as `--set` takes it', () => {
    const declared = parametersIn(module.record('hook.ts'));
    expect(declared).to.deep.equal([
      { name: 'test_hook.address', initial: '0x1000', meaning: 'physical address of the hooked function' },
      { name: 'test_hook.label', initial: '', meaning: 'name in the log' },
      { name: 'test_hook.quiet', initial: 'false', meaning: 'says nothing' },
    ]);
    const settings = Object.fromEntries(declared.map(({ name, initial }) => [name, initial]));
    expect(hookWith(settings)).to.deep.equal(hookWith({}));
  });
});
