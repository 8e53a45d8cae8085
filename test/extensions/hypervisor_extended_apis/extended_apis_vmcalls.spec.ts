// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { make } from 'bareflank/testing';
import sinon from 'sinon';
import { AccessLog } from '../../../extensions/hypervisor_extended_apis/access_log.js';
import { ExtendedApisVmcalls } from '../../../extensions/hypervisor_extended_apis/extended_apis_vmcalls.js';
import { AllowingVmcallPolicy } from '../../../extensions/hypervisor_extended_apis/vmcall_policy.js';

const traps = () => ({
  trap: sinon.spy(),
  passThrough: sinon.spy(),
  trapAll: sinon.spy(),
  passThroughAll: sinon.spy(),
  whitelist: sinon.spy(),
  blacklist: sinon.spy(),
});

function vmcalls() {
  const apis = {
    enableVpid: sinon.spy(),
    disableVpid: sinon.spy(),
    enableIoBitmaps: sinon.spy(),
    disableIoBitmaps: sinon.spy(),
    enableMsrBitmap: sinon.spy(),
    disableMsrBitmap: sinon.spy(),
    ioAccess: traps(),
    rdmsrAccess: traps(),
    wrmsrAccess: traps(),
    ioAccessLog: new AccessLog(),
    rdmsrAccessLog: new AccessLog(),
    wrmsrAccessLog: new AccessLog(),
  };
  const it = make(ExtendedApisVmcalls, { apis, policy: new AllowingVmcallPolicy() });
  return { apis, json: (command: unknown) => it.handleJson(command) };
}

describe('ExtendedApisVmcalls', () => {
  for (const name of ['vpid', 'io_bitmaps', 'msr_bitmap'] as const) {
    it(`enable_${name} turns it on and off`, () => {
      const { apis, json } = vmcalls();
      const method = { vpid: 'Vpid', io_bitmaps: 'IoBitmaps', msr_bitmap: 'MsrBitmap' }[name] as 'Vpid';
      expect(json({ command: `enable_${name}`, enabled: true })).to.deep.equal(['success']);
      expect(json({ command: `enable_${name}`, enabled: false })).to.deep.equal(['success']);
      expect([apis[`enable${method}`].callCount, apis[`disable${method}`].callCount]).to.deep.equal([1, 1]);
    });
  }

  for (const kind of ['io', 'rdmsr', 'wrmsr'] as const) {
    const key = kind === 'io' ? 'port' : 'msr';
    it(`has all commands of ${kind} accesses`, () => {
      const { apis, json } = vmcalls();
      const those = apis[`${kind}Access`];
      json({ command: `trap_on_${kind}_access`, [key]: 5 });
      json({ command: `trap_on_${kind}_access`, [`${key}_hex`]: '0x3F8' });
      json({ command: `pass_through_${kind}_access`, [`${key}_hex`]: 'ff' });
      json({ command: `trap_on_all_${kind}_accesses` });
      json({ command: `pass_through_all_${kind}_accesses` });
      json({ command: `whitelist_${kind}_access`, [`${key}s`]: [1, 2] });
      json({ command: `blacklist_${kind}_access`, [`${key}s_hex`]: ['10'] });
      expect(those.trap.args).to.deep.equal([[5], [0x3f8]]);
      expect(those.passThrough.args).to.deep.equal([[0xff]]);
      expect([those.trapAll.callCount, those.passThroughAll.callCount]).to.deep.equal([1, 1]);
      expect([those.whitelist.args, those.blacklist.args]).to.deep.equal([[[[1, 2]]], [[[0x10]]]]);
      const log = apis[`${kind}AccessLog`];
      json({ command: `log_${kind}_access`, enabled: true });
      log.note(0x3f8);
      log.note(0x3f8);
      expect(json({ command: `${kind}_access_log` })).to.deep.equal({ '0x3F8': 2 });
      json({ command: `clear_${kind}_access_log` });
      expect(json({ command: `${kind}_access_log` })).to.deep.equal({});
    });
  }

  it('dumps and clears the policy', () => {
    const { json } = vmcalls();
    expect(json({ command: 'dump_policy' })).to.include('enableVpid: allow');
    expect(json({ command: 'dump_denials' })).to.deep.equal([]);
    expect(json({ command: 'clear_denials' })).to.deep.equal(['success']);
  });

  const bad: [string, unknown, RegExp][] = [
    ['a missing port', { command: 'trap_on_io_access' }, /"port" wants a number/],
    [
      'a port that is no number',
      { command: 'trap_on_io_access', port_hex: 'xyz' },
      /"port_hex" is no hexadecimal number/,
    ],
    ['ports that are no list', { command: 'whitelist_io_access', ports: 5 }, /"ports" wants a list/],
    ['a missing flag', { command: 'enable_vpid' }, /"enabled" wants true or false/],
  ];
  for (const [what, command, message] of bad) {
    it(`refuses ${what}`, () => {
      expect(() => vmcalls().json(command)).to.throw(message);
    });
  }

  it('leaves other commands to others', () => {
    const { json } = vmcalls();
    for (const command of [null, 5, {}, { command: 'other' }, { get: 'count' }])
      expect(json(command)).to.equal(undefined);
  });
});
