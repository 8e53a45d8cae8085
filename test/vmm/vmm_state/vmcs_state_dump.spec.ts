// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { VmcsState } from '../../../src/vmm/vmm_state/vmcs_state.js';
import { dumpVmcsState } from '../../../src/vmm/vmm_state/vmcs_state_dump.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { captureOutput } from '../capture_output.js';
import { loadedVmm } from '../started_vmm.js';

const names = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;
const words = ['cr0', 'cr3', 'cr4', 'dr7', 'rflags', 'rip', 'rsp'] as const;
const msrs = ['Debugctl', 'Pat', 'Efer', 'PerfGlobalCtrl', 'SysenterCs', 'SysenterEsp', 'SysenterEip'] as const;

/** A state in which every value is another one. */
function state(): { state: VmcsState; values: string[] } {
  let next = 0x1000n;
  const values: string[] = [];
  const value = (digits: number): bigint => {
    values.push(`0x${next.toString(16).padStart(digits, '0')}`);
    return next++;
  };
  const segments = names.map((name) => [
    name,
    { selector: Number(value(4)), base: value(16), limit: Number(value(8)), accessRights: Number(value(5)) },
  ]);
  const table = () => ({ base: value(16), limit: Number(value(4)) });
  const made = {
    segments: Object.fromEntries(segments) as unknown,
    gdt: table(),
    idt: table(),
    isGuest: true,
    ...Object.fromEntries(words.map((name) => [name, value(16)])),
    ...Object.fromEntries(msrs.map((name) => [`ia32${name}`, value(16)])),
  };
  return { state: made as unknown as VmcsState, values };
}

describe('dumpVmcsState', () => {
  it('prints every register of a state with its value', () => {
    const all = state();
    const text = dumpVmcsState('a title', all.state);
    expect(text.split('\n')[0]).to.equal('a title');
    expect([...text.matchAll(/0x[0-9a-f]+/g)].map(([value]) => value).sort()).to.deep.equal(all.values.sort());
    for (const name of [...names, 'gdt', 'idt', ...words, ...msrs.map((each) => `ia32${each}`)]) {
      expect(text).to.match(new RegExp(`^${name} `, 'm'));
    }
    expect(text).to.match(/^isGuest +true$/m);
  });

  it('is part of what a failed launch leaves in the log', () => {
    const machine = new FakeMachine();
    machine.succeeds.vmlaunch = false;
    const { vmm } = loadedVmm([], machine);
    const text = captureOutput(() => expect(() => vmm.entry.startVmm(0n)).to.throw(/VMLAUNCH failed/));
    expect(text)
      .to.match(/^DEBUG: guest state\nes +0x0018 base/m)
      .and.to.match(/^DEBUG: vmm state\nes +0x0000 base/m);
  });
});
