// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcallError, VmcsError } from 'bareflank';
import { make } from 'bareflank/testing';
import sinon from 'sinon';
import { AccessLog, emptyLog } from '../../../extensions/hypervisor_extended_apis/access_log.js';
import { ExtendedApisVmcalls } from '../../../extensions/hypervisor_extended_apis/extended_apis_vmcalls.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { AllowingVmcallPolicy } from '../../../extensions/hypervisor_extended_apis/vmcall_policy.js';
import { VerifierIndex } from '../../../extensions/hypervisor_extended_apis/verifier.js';

const traps = () => ({
  trap: sinon.spy(),
  passThrough: sinon.spy(),
  trapAll: sinon.spy(),
  passThroughAll: sinon.spy(),
  whitelist: sinon.spy(),
  blacklist: sinon.spy(),
});

function emptyAccessLog(): AccessLog {
  const state = emptyLog();
  return new AccessLog(
    () => state,
    () => true,
  );
}

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
    ioAccessLog: emptyAccessLog(),
    rdmsrAccessLog: emptyAccessLog(),
    wrmsrAccessLog: emptyAccessLog(),
  };
  const policy = new AllowingVmcallPolicy();
  const verified: unknown[] = [];
  const verify = policy.verify.bind(policy);
  policy.verify = (...all) => {
    verified.push(all);
    verify(...all);
  };
  const it = make(ExtendedApisVmcalls, { apis, policy });
  return { apis, policy, verified, json: (command: unknown) => it.handleVmcallJson(command) };
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
    expect(json({ command: 'dump_policy' })).to.include({ enableVpid: 'allow', wrmsrAccessLog: 'allow' });
    expect(json({ command: 'dump_denials' })).to.deep.equal([]);
    expect(json({ command: 'clear_denials' })).to.deep.equal(['success']);
  });

  const whole = (largest: string): string => `wanted a whole number from 0 to ${largest}`;
  const bad: [string, object, string][] = [
    ['a missing port', { command: 'trap_on_io_access' }, `trap_on_io_access: "port" is missing; ${whole('0xFFFF')}`],
    ['a fraction', { command: 'trap_on_io_access', port: 1.5 }, '"port" is 1.5'],
    ['a negative MSR', { command: 'trap_on_rdmsr_access', msr: -1 }, `"msr" is -1; ${whole('0xFFFFFFFF')}`],
    ['a huge MSR', { command: 'trap_on_wrmsr_access', msr: 1e300 }, '"msr" is 1e+300'],
    ['an MSR above 32 bits', { command: 'pass_through_rdmsr_access', msr: 0x100000010 }, '"msr" is 4294967312'],
    ['a port above 16 bits', { command: 'pass_through_io_access', port: 0x10000 }, '"port" is 65536'],
    ['a number as text', { command: 'trap_on_io_access', port: '5' }, '"port" is "5"'],
    ['null', { command: 'trap_on_io_access', port: null }, '"port" is null'],
    ['hexadecimal that is none', { command: 'trap_on_io_access', port_hex: 'xyz' }, '"port_hex" is "xyz"'],
    ['hexadecimal that is negative', { command: 'trap_on_io_access', port_hex: '-1' }, '"port_hex" is "-1"'],
    ['hexadecimal that is empty', { command: 'trap_on_io_access', port_hex: '0x' }, '"port_hex" is "0x"'],
    ['hexadecimal that is too large', { command: 'trap_on_io_access', port_hex: '0x10000' }, '"port_hex" is "0x10000"'],
    ['hexadecimal as a number', { command: 'trap_on_io_access', port_hex: 5 }, '"port_hex" is 5'],
    ['ports that are no list', { command: 'whitelist_io_access', ports: 5 }, '"ports" is 5; wanted a list'],
    ['a missing list', { command: 'blacklist_wrmsr_access' }, '"msrs" is missing; wanted a list'],
    ['a list with something else', { command: 'blacklist_rdmsr_access', msrs: [1, '2'] }, '"msrs" is "2"'],
    ['a hexadecimal list with something else', { command: 'whitelist_io_access', ports_hex: [1] }, '"ports_hex" is 1'],
    ['a missing flag', { command: 'enable_vpid' }, 'enable_vpid: "enabled" is missing; wanted true or false'],
    ['a flag that is a number', { command: 'log_io_access', enabled: 1 }, '"enabled" is 1; wanted true or false'],
    [
      'a misspelt command',
      { command: 'trap_on_io_acess', port: 1 },
      'unknown command "trap_on_io_acess"; is "trap_on_io_access" meant?',
    ],
  ];
  for (const [what, command, message] of bad) {
    it(`refuses ${what}, and does nothing`, () => {
      const { apis, json } = vmcalls();
      expect(() => json(command)).to.throw(VmcallError, message);
      const spies = [apis.ioAccess, apis.rdmsrAccess, apis.wrmsrAccess].flatMap((each) => Object.values(each));
      expect(spies.filter((spy) => spy.called)).to.deep.equal([]);
      expect(apis.enableVpid.called || apis.disableVpid.called).to.equal(false);
    });
  }

  it('says which command the owner refuses', () => {
    const { apis, json } = vmcalls();
    apis.rdmsrAccess.trap = sinon.spy(() => {
      throw new VmcsError('invalid msr: 0x2000');
    });
    expect(() => json({ command: 'trap_on_rdmsr_access', msr: 0x2000 })).to.throw(
      VmcallError,
      'trap_on_rdmsr_access: invalid msr: 0x2000',
    );
  });

  it("passes the call's argument to the policy", () => {
    const { json, verified } = vmcalls();
    json({ command: 'trap_on_io_access', port_hex: '3f8' });
    json({ command: 'whitelist_wrmsr_access', msrs: [1, 2] });
    json({ command: 'enable_vpid', enabled: false });
    json({ command: 'io_access_log' });
    expect(verified).to.deep.equal([
      [VerifierIndex.trapOnIoAccess, 'trap_on_io_access', 0x3f8],
      [VerifierIndex.whitelistWrmsrAccess, 'whitelist_wrmsr_access', [1, 2]],
      [VerifierIndex.enableVpid, 'enable_vpid', false],
      [VerifierIndex.ioAccessLog, 'io_access_log', undefined],
    ]);
  });

  it('leaves other commands to others', () => {
    const { json } = vmcalls();
    for (const command of [null, undefined, 5, [], {}, { command: 5 }, { command: 'other' }, { get: 'count' }])
      expect(json(command)).to.equal(undefined);
  });

  it('does not take a text that is far too long for a misspelt command', () => {
    const { json } = vmcalls();
    expect(json({ command: `trap_on_io_access${' '.repeat(100)}` })).to.equal(undefined);
  });

  it('passes on unchanged what is not an error of the framework', () => {
    const { apis, json } = vmcalls();
    apis.ioAccess.trapAll = sinon.spy(() => {
      throw new TypeError('oh no');
    });
    expect(() => json({ command: 'trap_on_all_io_accesses' })).to.throw(TypeError, /^oh no$/);
  });

  const access = (kind: string, key: string): object[] => [
    { command: `trap_on_${kind}_access`, [key]: 1 },
    { command: `trap_on_all_${kind}_accesses` },
    { command: `pass_through_${kind}_access`, [key]: 1 },
    { command: `pass_through_all_${kind}_accesses` },
    { command: `whitelist_${kind}_access`, [`${key}s`]: [1] },
    { command: `blacklist_${kind}_access`, [`${key}s`]: [1] },
    { command: `log_${kind}_access`, enabled: true },
    { command: `clear_${kind}_access_log` },
    { command: `${kind}_access_log` },
  ];
  const all = [
    ...['vpid', 'io_bitmaps', 'msr_bitmap'].map((what) => ({ command: `enable_${what}`, enabled: true })),
    ...[...access('io', 'port'), ...access('rdmsr', 'msr'), ...access('wrmsr', 'msr')],
    ...['clear_denials', 'dump_policy', 'dump_denials'].map((command) => ({ command })),
  ] as { readonly command: string }[];

  for (const each of all) {
    it(`${each.command} is done when it is allowed or logged, and not when it is denied`, () => {
      const { apis, json, policy, verified } = vmcalls();
      const spies = [apis, apis.ioAccess, apis.rdmsrAccess, apis.wrmsrAccess]
        .flatMap((part) => Object.values(part) as { called?: boolean }[])
        .filter((spy) => spy.called !== undefined);
      policy.default = 'deny';
      captureOutput(() => expect(() => json(each)).to.throw(VmcallError, `${each.command}: vmcall denied by policy`));
      expect(policy.denials).to.deep.equal([`denied vmcall: ${each.command}`]);
      expect(spies.some(({ called }) => called)).to.equal(false);
      for (const verdict of ['log', 'allow'] as const) {
        policy.default = verdict;
        captureOutput(() => expect(json(each)).to.not.equal(undefined));
      }
      const [index] = verified[0] as [number];
      expect(Object.values(VerifierIndex)).to.include(index);
      expect(verified.map((one) => (one as [number])[0])).to.deep.equal([index, index, index]);
    });
  }

  it('has a separate index for each command', () => {
    const { json, verified } = vmcalls();
    for (const each of all) json(each);
    expect(new Set(verified.map((one) => (one as [number])[0]))).to.deep.equal(new Set(Object.values(VerifierIndex)));
  });
});
