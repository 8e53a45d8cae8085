// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  ExitReason,
  PrimaryControl,
  vcpuModule,
  VerifierIndex,
  VMCALL_MAGIC,
  VmcallContribution,
  VmcsField,
} from 'bareflank';
import { inject, injectable } from 'inversify';
import { ExtendedApis, type ExtendedApisIntelX64 } from '../../../extensions/hypervisor_extended_apis/extended_apis.js';
import extendedApis from '../../../extensions/hypervisor_extended_apis/extended_apis_module.js';
import { VmcallPolicy } from '../../../extensions/hypervisor_extended_apis/vmcall_policy.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { startedVmm } from '../../vmm/started_vmm.js';

/** Reaches the parts of the vCPU for the tests. */
@injectable()
class Reach implements VmcallContribution {
  @inject(ExtendedApis) readonly apis!: ExtendedApisIntelX64;
  @inject(VmcallPolicy) readonly policy!: VmcallPolicy;
  readonly name = 'a-reach';
  readonly opcodes = [99];
  static last: Reach;

  handle(): boolean {
    Reach.last = this;
    return true;
  }
}

const primary = VmcsField.PrimaryProcessorBasedVmExecutionControls;

function vmm() {
  const { machine } = startedVmm([extendedApis, vcpuModule(({ bind }) => bind(VmcallContribution).to(Reach))]);
  const { values } = machine.generalRegisters;
  let output = '';
  const call = (r00: bigint, r02 = 0n, r03 = 0n, r04 = 0n): bigint => {
    [values[0], values[1], values[2], values[3], values[6]] = [r00, r02, VMCALL_MAGIC, r03, r04];
    output = captureOutput(() => machine.exit(ExitReason.Vmcall, { length: 3 }));
    return values[2]!;
  };
  call(99n);
  const has = (control: number): boolean => ((machine.fields.get(primary) ?? 0n) & BigInt(control)) !== 0n;
  const bit = (field: number, at: number): boolean => {
    const page = machine.fields.get(field)!;
    return (machine.memory.page(page)[at >>> 3]! & (1 << (at & 7))) !== 0;
  };
  return { machine, call, has, bit, output: () => output, apis: Reach.last.apis, policy: Reach.last.policy };
}

describe('ExtendedApis', () => {
  it('begins with the MSR bitmap on and passing through', () => {
    const { has, bit } = vmm();
    expect([has(PrimaryControl.UseMsrBitmap), has(PrimaryControl.UseIoBitmaps)]).to.deep.equal([true, false]);
    expect(bit(VmcsField.AddressOfMsrBitmap, 0x10)).to.equal(false);
  });

  it('traps and passes through by port', () => {
    const { apis, bit } = vmm();
    expect(() => apis.ioAccess.trap(0x3f8)).to.throw('io bitmaps not enabled');
    apis.enableIoBitmaps();
    apis.ioAccess.trap(0x3f8);
    apis.ioAccess.trap(0x3f8);
    expect(bit(VmcsField.AddressOfIoBitmapA, 0x3f8)).to.equal(true);
    apis.ioAccess.passThrough(0x3f8);
    expect(bit(VmcsField.AddressOfIoBitmapA, 0x3f8)).to.equal(false);
    expect(() => apis.ioAccess.passThrough(0x10000)).to.throw(/invalid port/);
  });

  it('whitelists and blacklists MSRs', () => {
    const { apis, bit } = vmm();
    const reads = (...msrs: number[]): boolean[] => msrs.map((msr) => bit(VmcsField.AddressOfMsrBitmap, msr));
    apis.rdmsrAccess.whitelist([0x10]);
    expect(reads(0xf, 0x10, 0x1fff)).to.deep.equal([true, false, true]);
    expect(bit(VmcsField.AddressOfMsrBitmap, 0x800 * 8 + 0xf), 'writes are apart').to.equal(false);
    apis.rdmsrAccess.blacklist([0x10]);
    expect(reads(0xf, 0x10, 0x1fff)).to.deep.equal([false, true, false]);
    expect(() => apis.wrmsrAccess.trap(0x2000)).to.throw('invalid msr: 0x2000');
    apis.disableMsrBitmap();
    expect(() => apis.wrmsrAccess.trap(0x10)).to.throw('msr bitmap not enabled');
  });

  for (const [kind, field, read] of [
    ['Io', VmcsField.AddressOfIoBitmapA, 0],
    ['Rdmsr', VmcsField.AddressOfMsrBitmap, 0],
    ['Wrmsr', VmcsField.AddressOfMsrBitmap, 0x800 * 8],
  ] as const) {
    it(`has the methods of extended_apis 1.1 for ${kind} accesses`, () => {
      const { apis, bit } = vmm();
      apis.enableIoBitmaps();
      const trapped = (...keys: number[]): boolean[] => keys.map((key) => bit(field, read + key));
      apis[`trapOn${kind}Access`](0x20);
      expect(trapped(0x20, 0x21)).to.deep.equal([true, false]);
      apis[`passThrough${kind}Access`](0x20);
      expect(trapped(0x20, 0x21)).to.deep.equal([false, false]);
      apis[`trapOnAll${kind}Accesses`]();
      expect(trapped(0, 0x1fff)).to.deep.equal([true, true]);
      apis[`passThroughAll${kind}Accesses`]();
      expect(trapped(0, 0x1fff)).to.deep.equal([false, false]);
      apis[`whitelist${kind}Access`]([0x20]);
      expect(trapped(0x20, 0x21)).to.deep.equal([false, true]);
      apis[`blacklist${kind}Access`]([0x20]);
      expect(trapped(0x20, 0x21)).to.deep.equal([true, false]);
    });
  }

  it('logs and clears by the methods of extended_apis 1.1', () => {
    const { apis } = vmm();
    for (const kind of ['Io', 'Rdmsr', 'Wrmsr'] as const) {
      const log = apis[`${kind.toLowerCase() as 'io' | 'rdmsr' | 'wrmsr'}AccessLog`];
      apis[`log${kind}Access`](true);
      log.note(0x20);
      apis[`log${kind}Access`](false);
      log.note(0x20);
      expect(log.toJson()).to.deep.equal({ '0x20': 1 });
      apis[`clear${kind}AccessLog`]();
      expect(log.toJson()).to.deep.equal({});
    }
  });

  it('counts a trapped port and lets the instruction run alone', () => {
    const { apis, machine, has } = vmm();
    apis.enableIoBitmaps();
    apis.ioAccess.trap(0x60);
    apis.ioAccessLog.enable(true);
    const before = machine.fields.get(VmcsField.GuestRip);
    machine.exit(ExitReason.IoInstruction, { qualification: 0x600000n });
    expect(machine.fields.get(VmcsField.GuestRip), 'the processor executes it').to.equal(before);
    expect([has(PrimaryControl.UseIoBitmaps), has(PrimaryControl.MonitorTrapFlag)]).to.deep.equal([false, true]);
    machine.exit(ExitReason.MonitorTrapFlag);
    expect([has(PrimaryControl.UseIoBitmaps), has(PrimaryControl.MonitorTrapFlag)]).to.deep.equal([true, false]);
    expect(apis.ioAccessLog.toJson()).to.deep.equal({ '0x60': 1 });
  });

  it('counts MSR accesses and leaves them to the base', () => {
    const { apis, machine } = vmm();
    apis.wrmsrAccessLog.enable(true);
    machine.generalRegisters.values[1] = 0xc0000103n;
    machine.exit(ExitReason.Wrmsr);
    machine.exit(ExitReason.Rdmsr);
    expect(apis.wrmsrAccessLog.toJson()).to.deep.equal({ '0xC0000103': 1 });
    expect(apis.rdmsrAccessLog.toJson(), 'its log is off').to.deep.equal({});
    apis.wrmsrAccessLog.clear();
    expect(apis.wrmsrAccessLog.toJson()).to.deep.equal({});
  });

  it('keeps EPT while unrestricted guest needs it, and sets EPT pointers', () => {
    const { apis, machine } = vmm();
    expect(() => apis.disableEpt()).to.throw(/unrestricted guest/);
    apis.setEptp(0x12345n);
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(0x1201en);
    apis.enableEpt();
    expect(machine.fields.get(VmcsField.EptPointer)).to.not.equal(0x1201en);
  });

  describe('VMCALL registers', () => {
    it('reach each function by category', () => {
      const { call, has, bit, machine } = vmm();
      expect(call(2n, 0x1000n, 1n)).to.equal(0n);
      expect(has(PrimaryControl.UseIoBitmaps)).to.equal(true);
      call(2n, 0x1000n, 3n, 0x70n);
      expect(bit(VmcsField.AddressOfIoBitmapA, 0x70)).to.equal(true);
      call(2n, 0x1000n, 6n);
      expect(bit(VmcsField.AddressOfIoBitmapA, 0x70)).to.equal(false);
      call(2n, 0x1000n, 2n);
      expect(has(PrimaryControl.UseIoBitmaps)).to.equal(false);
      call(2n, 0x2000n, 1n);
      expect(machine.fields.get(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
      call(2n, 0x2000n, 2n);
      expect(machine.fields.get(VmcsField.VirtualProcessorIdentifier)).to.equal(0n);
      call(2n, 0x5000n, 1n, 0x20n);
      expect(bit(VmcsField.AddressOfMsrBitmap, 0x800 * 8 + 0x20)).to.equal(true);
      call(2n, 0x3000n, 2n);
      expect(has(PrimaryControl.UseMsrBitmap)).to.equal(false);
    });

    it('fail for an unknown function, and leave other categories to the base', () => {
      const { call, output } = vmm();
      expect(call(2n, 0x4000n, 9n)).to.not.equal(0n);
      expect(output()).to.match(/unknown function 9 of category 0x4000/);
      expect(call(2n, 0x6000n, 1n)).to.equal(0n);
      expect(output()).to.match(/vmcall registers:/);
    });
  });

  describe('policy', () => {
    it('denies, logs or allows, and remembers the last 25 denials', () => {
      const { call, policy, output } = vmm();
      policy.setVerdict(VerifierIndex.enableVpid, 'log');
      expect(call(2n, 0x2000n, 1n)).to.equal(0n);
      expect(output()).to.include('logged vmcall: enable_vpid');
      policy.setVerdict(VerifierIndex.enableVpid, 'deny');
      for (let each = 0; each < 30; each++) expect(call(2n, 0x2000n, 1n)).to.not.equal(0n);
      expect(output()).to.match(/vmcall denied by policy: enable_vpid/);
      expect(policy.denials).to.have.length(25);
      expect(policy.dump()).to.include('enableVpid: deny').and.to.include('enableIoBitmaps: allow');
      policy.clearDenials();
      expect(policy.denials).to.deep.equal([]);
    });
  });
});
