// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable, multiInject, optional } from 'inversify';
import { component, contribution, type Vmx } from 'bareflank';
import { make, stubVmx } from 'bareflank/testing';

const Part = component<{ act(): number }>('test.make.Part', 'vcpu');
const Setting = component<number>('test.make.Setting', 'vcpu');
const Extra = contribution<unknown>('test.make.Extra', 'vcpu');

@injectable()
class User {
  @inject(Part) readonly part!: { act(): number };
  @inject(Setting) @optional() readonly setting: number = 7;
  @multiInject(Extra) @optional() readonly extras: readonly unknown[] = [];

  use(): number {
    return this.part.act();
  }
}

describe('make', () => {
  it('gives a class the parts that the test names', () => {
    expect(make(User, { part: { act: () => 5 } }).use()).to.equal(5);
  });

  it('fills the others with stubs that throw, naming class, property and symbol', () => {
    expect(() => make(User).use()).to.throw('User.part (test.make.Part): .act was not foreseen');
  });

  it('gives no contributions unless the test does', () => {
    expect(make(User).extras).to.deep.equal([]);
    expect(make(User, { extras: [1] }).extras).to.deep.equal([1]);
  });

  it('leaves what is optional at its default unless the test gives it', () => {
    expect(make(User).setting).to.equal(7);
    expect(make(User, { setting: 8 }).setting).to.equal(8);
  });

  it('refuses a property that the class does not inject', () => {
    expect(() => make(User, { prat: {} })).to.throw("User injects no 'prat'; it injects part, setting, extras");
  });
});

describe('stubVmx', () => {
  it('lets an unforeseen access fail the test, with its arguments', () => {
    const vmx: Vmx = stubVmx();
    expect(() => vmx.vmread(0x4400)).to.throw('vmx.vmread(0x4400) was not foreseen by the test');
  });

  it('answers what the test says, for the arguments that it says', () => {
    const vmx = stubVmx();
    vmx.vmread.withArgs(0x4400).returns(7n);
    expect(vmx.vmread(0x4400)).to.equal(7n);
    expect(() => vmx.vmread(0x4402)).to.throw(/not foreseen/);
  });
});
