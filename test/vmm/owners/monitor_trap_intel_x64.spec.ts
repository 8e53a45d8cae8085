// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { ContributionError } from '../../../src/vmm/errors.js';
import { captureOutput } from '../capture_output.js';
import { owners, primary } from './owners_bench.js';

describe('MonitorTrapIntelX64', () => {
  const step = (machine: ReturnType<typeof owners>['machine']): void =>
    machine.exit(ExitReason.MonitorTrapFlag, { length: 0 });

  it('calls all that wait, in order, once', () => {
    const { it, has, machine } = owners();
    const log: string[] = [];
    it.afterStep(() => log.push('a'));
    it.afterStep(() => log.push('b'));
    expect(has(primary, PrimaryControl.MonitorTrapFlag)).to.equal(true);
    step(machine);
    expect(log).to.deep.equal(['a', 'b']);
    expect(has(primary, PrimaryControl.MonitorTrapFlag)).to.equal(false);
  });

  it('lets a callback ask for the next step', () => {
    const { it, has, machine } = owners();
    let count = 0;
    const again = (): void => {
      if (++count < 3) it.afterStep(again);
    };
    it.afterStep(again);
    step(machine);
    expect(has(primary, PrimaryControl.MonitorTrapFlag)).to.equal(true);
    step(machine);
    step(machine);
    expect(count).to.equal(3);
    expect(has(primary, PrimaryControl.MonitorTrapFlag)).to.equal(false);
  });

  it('takes one back and leaves the others', () => {
    const { it, has, machine } = owners();
    const log: string[] = [];
    const first = it.afterStep(() => log.push('a'));
    it.afterStep(() => log.push('b'));
    first[Symbol.dispose]();
    expect(has(primary, PrimaryControl.MonitorTrapFlag)).to.equal(true);
    step(machine);
    expect(log).to.deep.equal(['b']);
    const done = it.afterStep(() => log.push('c'));
    step(machine);
    it.afterStep(() => log.push('d'));
    done[Symbol.dispose]();
    expect(has(primary, PrimaryControl.MonitorTrapFlag), 'c is done: nothing to take back').to.equal(true);
  });

  it('refuses a step for anything but a contribution of this vcpu, and one without a method to call', () => {
    const { it } = owners();
    const stranger = { name: 'stranger', run: () => {} };
    expect(() => it.monitorTrap.step(stranger, 'run')).to.throw(
      ContributionError,
      /'stranger' asks for a step, but it is not a contribution of this vcpu/,
    );
    expect(() => it.monitorTrap.step(it as never, 'walk' as never)).to.throw(
      ContributionError,
      /'asker' asks for a step that calls its method walk, but it has none/,
    );
  });

  it('keeps a step as data: who, which method, with which argument', () => {
    const { it } = owners();
    const callback = (): void => {};
    const { owner, contribution, key } = it.afterStep(callback);
    expect({ owner, contribution, key }).to.deep.equal({
      owner: 'MonitorTrap',
      contribution: 'asker',
      key: { method: 'run', argument: callback },
    });
  });

  it('clears the control when nobody waits, warns once, and lets the guest go on', () => {
    const { it, has, machine } = owners();
    const output = captureOutput(() => {
      for (let exits = 0; exits < 2; exits++) {
        it.vmcs.enable('primary', PrimaryControl.MonitorTrapFlag);
        step(machine);
        expect(has(primary, PrimaryControl.MonitorTrapFlag)).to.equal(false);
      }
    });
    expect(machine.stops).to.deep.equal([]);
    expect(output.match(/nobody asked MonitorTrap for[^]*?MonitorTrap\.step\(this, 'method'\)/g)).to.have.lengthOf(1);
  });
});
