// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  Ept,
  ExitReason,
  MonitorTrap,
  Msr,
  MsrBitmap,
  PortContribution,
  PrimaryControl,
  SecondaryControl,
  vcpuModule,
  VMCALL_MAGIC,
  VmcallContribution,
  Vmcs,
  VmcsError,
  VmcsField,
  Vpid,
  type PartModule,
} from 'bareflank';
import { FakeMachine } from 'bareflank/testing';
import { inject, injectable } from 'inversify';
import { EptAttribute } from '../../../extensions/hypervisor_extended_apis/ept_attributes.js';
import { ExtendedApis, type ExtendedApisIntelX64 } from '../../../extensions/hypervisor_extended_apis/extended_apis.js';
import extendedApis from '../../../extensions/hypervisor_extended_apis/extended_apis_module.js';
import { VmcallPolicy } from '../../../extensions/hypervisor_extended_apis/vmcall_policy.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { startedVmm } from '../../vmm/started_vmm.js';
import { VerifierIndex } from '../../../extensions/hypervisor_extended_apis/verifier.js';

/** Reaches the parts of the vCPU for the tests. */
@injectable()
class Reach implements VmcallContribution {
  @inject(ExtendedApis) readonly apis!: ExtendedApisIntelX64;
  @inject(VmcallPolicy) readonly policy!: VmcallPolicy;
  /** As another extension would have them. */
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
  @inject(Vpid) readonly vpid!: Vpid;
  @inject(Ept) readonly ept!: Ept;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'a-reach';
  readonly opcodes = [99];
  static last: Reach;
  readonly log: string[] = [];

  /** What a step calls. */
  note(what: string): void {
    this.log.push(what);
  }

  handleVmcall(): boolean {
    Reach.last = this;
    return true;
  }
}

const primary = VmcsField.PrimaryProcessorBasedVmExecutionControls;
const secondaryControls = VmcsField.SecondaryProcessorBasedVmExecutionControls;

function vmm(modules: readonly PartModule[] = [], on = new FakeMachine()) {
  const reach = vcpuModule(({ bind }) => bind(VmcallContribution).to(Reach));
  const { machine } = startedVmm([extendedApis, reach, ...modules], on);
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
  return {
    machine,
    call,
    has,
    bit,
    output: () => output,
    other: Reach.last,
    apis: Reach.last.apis,
    policy: Reach.last.policy,
  };
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
    const { apis, machine, has, bit } = vmm();
    apis.enableIoBitmaps();
    apis.ioAccess.trap(0x60);
    apis.ioAccessLog.enable(true);
    const before = machine.fields.get(VmcsField.GuestRip);
    machine.exit(ExitReason.IoInstruction, { qualification: 0x600000n });
    expect(machine.fields.get(VmcsField.GuestRip), 'the processor executes it').to.equal(before);
    const a = VmcsField.AddressOfIoBitmapA;
    expect([bit(a, 0x60), has(PrimaryControl.MonitorTrapFlag)]).to.deep.equal([false, true]);
    machine.exit(ExitReason.MonitorTrapFlag);
    expect([bit(a, 0x60), has(PrimaryControl.MonitorTrapFlag)]).to.deep.equal([true, false]);
    expect(apis.ioAccessLog.toJson()).to.deep.equal({ '0x60': 1 });
  });

  it('counts MSRs that no bitmap covers together: a guest that invents them makes no log grow', () => {
    const { apis, machine } = vmm();
    apis.rdmsrAccessLog.enable(true);
    for (let msr = 0x4000n; msr < 0x5000n; msr++) {
      machine.generalRegisters.values[1] = msr;
      machine.exit(ExitReason.Rdmsr);
    }
    machine.generalRegisters.values[1] = 0x10n;
    machine.exit(ExitReason.Rdmsr);
    expect(apis.rdmsrAccessLog.toJson()).to.deep.equal({ '0x10': 1, others: 0x1000 });
    apis.rdmsrAccessLog.clear();
    expect(apis.rdmsrAccessLog.toJson()).to.deep.equal({});
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

  it('keeps EPT while unrestricted guest needs it, and what setEptp chose', () => {
    const { apis, machine } = vmm();
    const map = apis.rootEpt('mine');
    apis.setEptp(map.eptp());
    expect(() => apis.disableEpt()).to.throw(VmcsError, /unrestricted guest/);
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(map.eptp());
  });

  it('sets EPT pointers of its maps, of views and of the base, and no others', () => {
    const { apis, machine } = vmm();
    const pointer = (): bigint => machine.fields.get(VmcsField.EptPointer)!;
    const base = pointer();
    const map = apis.rootEpt('mine');
    apis.setEptp(map.eptp() & ~0xfffn);
    expect(pointer()).to.equal(map.eptp());
    const other = apis.rootEpt('other');
    apis.setEptp(other.eptp());
    expect(pointer(), 'one at a time').to.equal(other.eptp());
    expect(() => apis.setEptp(0x12345n)).to.throw(VmcsError, /no map of this VMM has the EPT pointer 0x12345/);
    expect(pointer()).to.equal(other.eptp());
    apis.setEptp(base);
    expect(pointer()).to.equal(base);
    apis.setEptp(map.eptp());
    apis.setEptp(0n);
    expect(pointer()).to.equal(base);
  });

  it('keeps the map that it has when another extension’s view does not go with the new one', () => {
    const { apis, machine, other } = vmm();
    const pointer = (): bigint => machine.fields.get(VmcsField.EptPointer)!;
    const theirs = other.ept.view('theirs');
    theirs.redirect(0x1000n, 0x5000n);
    const request = other.ept.enter(other, other.vmcs, theirs);
    const [first, second] = [apis.rootEpt('first'), apis.rootEpt('second')];
    first.map4k(0x1000n, 0x1000n, EptAttribute.roWb);
    second.map4k(0x1000n, 0x6000n, EptAttribute.ptWb);
    apis.setEptp(first.eptp());
    const both = pointer();
    expect(both).to.not.equal(first.eptp());
    expect(() => apis.setEptp(second.eptp())).to.throw(VmcsError, /'second' and 'theirs'/);
    expect(pointer()).to.equal(both);
    request[Symbol.dispose]();
    expect(pointer()).to.equal(first.eptp());
    apis.setEptp(second.eptp());
    expect(pointer()).to.equal(second.eptp());
  });

  it('leaves ports that it does not trap to others', () => {
    const { apis, machine } = vmm();
    apis.enableIoBitmaps();
    apis.trapOnIoAccess(0x62);
    apis.logIoAccess(true);
    machine.generalRegisters.values[0] = 0x1234n;
    machine.exit(ExitReason.IoInstruction, { qualification: 0x600001n, length: 1 });
    expect(machine.portWrites.at(-1), 'the base emulates it').to.deep.equal([0x60, 0x1234]);
    expect(apis.ioAccessLog.toJson()).to.deep.equal({});
  });

  it('turns EPT off and on again, with the map that was chosen meanwhile', () => {
    const machine = new FakeMachine();
    // A processor without unrestricted guest.
    const allowed = machine.msr.get(Msr.Ia32VmxProcbasedCtls2)!;
    machine.msr.set(Msr.Ia32VmxProcbasedCtls2, allowed & ~(BigInt(SecondaryControl.UnrestrictedGuest) << 32n));
    const { apis } = vmm([], machine);
    const secondary = (): number => Number(machine.fields.get(secondaryControls)! & 0xffffffffn);
    expect(secondary() & SecondaryControl.EnableEpt, 'not even the base uses it').to.equal(0);
    const map = apis.rootEpt('mine');
    apis.setEptp(map.eptp());
    expect(secondary() & SecondaryControl.EnableEpt, 'choosing is not enabling').to.equal(0);
    apis.enableEpt();
    expect(secondary() & SecondaryControl.EnableEpt).to.not.equal(0);
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(map.eptp());
    apis.disableEpt();
    expect(secondary() & SecondaryControl.EnableEpt).to.equal(0);
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(0n);
    apis.enableEpt();
    expect(machine.fields.get(VmcsField.EptPointer), '1.1 forgets the pointer as well').to.not.equal(map.eptp());
  });

  it('resumes a guest from a handler, after the instruction or at it', () => {
    const { apis, machine } = vmm();
    machine.fields.set(VmcsField.GuestRip, 0x1000n);
    machine.fields.set(VmcsField.VmExitInstructionLength, 3n);
    expect(apis.resume()).to.equal(true);
    expect(machine.fields.get(VmcsField.GuestRip)).to.equal(0x1000n);
    expect(apis.advanceAndResume()).to.equal(true);
    expect(machine.fields.get(VmcsField.GuestRip)).to.equal(0x1003n);
  });

  it('has one monitor trap, and does not touch the steps of other extensions', () => {
    const { apis, machine, other } = vmm();
    const { log } = other;
    other.monitorTrap.step(other, 'note', 'other');
    apis.registerMonitorTrap(other, 'note', 'first');
    apis.registerMonitorTrap(other, 'note', 'second');
    machine.exit(ExitReason.MonitorTrapFlag);
    expect(log).to.deep.equal(['other', 'second']);
    other.monitorTrap.step(other, 'note', 'other again');
    apis.registerMonitorTrap(other, 'note', 'third');
    apis.clearMonitorTrap();
    machine.exit(ExitReason.MonitorTrapFlag);
    expect(log).to.deep.equal(['other', 'second', 'other again']);
  });

  it('leaves accesses that another extension also wants to that extension', () => {
    const writes: number[] = [];
    const device: PortContribution = {
      name: 'device',
      ports: [0x60],
      handlePortWrite: (_port, _size, value) => writes.push(value) > 0,
    };
    const { apis, machine, bit, has, other } = vmm([
      vcpuModule(({ bind }) => bind(PortContribution).toConstantValue(device)),
    ]);
    other.msrBitmap.trapRead(other, 0x10);
    other.vpid.enable(other);
    apis.enableIoBitmaps();
    apis.trapOnIoAccess(0x60);
    apis.logIoAccess(true);
    machine.generalRegisters.values[0] = 0x42n;
    machine.exit(ExitReason.IoInstruction, { qualification: 0x600000n, length: 1 });
    expect(writes, 'its device emulates the port').to.deep.equal([0x42]);
    expect(has(PrimaryControl.MonitorTrapFlag), 'no step is taken').to.equal(false);
    expect(apis.ioAccessLog.toJson(), 'and it is counted').to.deep.equal({ '0x60': 1 });
    apis.passThroughAllIoAccesses();
    apis.disableIoBitmaps();
    expect([has(PrimaryControl.UseIoBitmaps), bit(VmcsField.AddressOfIoBitmapA, 0x60)]).to.deep.equal([true, true]);
    apis.trapOnRdmsrAccess(0x10);
    apis.disableMsrBitmap();
    apis.enableMsrBitmap();
    expect(bit(VmcsField.AddressOfMsrBitmap, 0x10)).to.equal(true);
    apis.enableVpid();
    apis.disableVpid();
    expect(machine.fields.get(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
  });

  it('gives its traps back when a bitmap is turned off, and starts empty when it is turned on', () => {
    const { apis, bit } = vmm();
    apis.enableIoBitmaps();
    apis.trapOnIoAccess(0x60);
    apis.disableIoBitmaps();
    expect(() => apis.passThroughIoAccess(0x60)).to.throw(VmcsError, 'io bitmaps not enabled');
    apis.enableIoBitmaps();
    expect(bit(VmcsField.AddressOfIoBitmapA, 0x60)).to.equal(false);
    apis.trapOnIoAccess(0x61);
    apis.enableIoBitmaps();
    expect(bit(VmcsField.AddressOfIoBitmapA, 0x61), 'enabling gives empty bitmaps, as in 1.1').to.equal(false);
    apis.trapOnWrmsrAccess(0x10);
    apis.disableMsrBitmap();
    apis.enableMsrBitmap();
    expect(bit(VmcsField.AddressOfMsrBitmap, 0x800 * 8 + 0x10)).to.equal(false);
  });

  it('counts an access that reaches a trapped port with any of its bytes', () => {
    const { apis, machine, has, bit } = vmm();
    apis.enableIoBitmaps();
    apis.trapOnIoAccess(0x62);
    apis.logIoAccess(true);
    // OUT of four bytes to 0x60.
    machine.exit(ExitReason.IoInstruction, { qualification: 0x600003n });
    expect(apis.ioAccessLog.toJson()).to.deep.equal({ '0x60': 1 });
    expect([bit(VmcsField.AddressOfIoBitmapA, 0x62), has(PrimaryControl.MonitorTrapFlag)]).to.deep.equal([false, true]);
    apis.passThroughIoAccess(0x62);
    machine.exit(ExitReason.MonitorTrapFlag);
    expect(bit(VmcsField.AddressOfIoBitmapA, 0x62), 'it was passed through meanwhile').to.equal(false);
  });

  it('changes nothing when a list has a port or an MSR that does not exist', () => {
    const { apis, bit } = vmm();
    apis.enableIoBitmaps();
    apis.trapOnIoAccess(0x60);
    expect(() => apis.whitelistIoAccess([0x61, 0x10000])).to.throw(VmcsError, 'invalid port: 65536');
    expect(() => apis.blacklistIoAccess([0x61, -1])).to.throw(VmcsError, 'invalid port: -1');
    expect([0x60, 0x61, 0x62].map((port) => bit(VmcsField.AddressOfIoBitmapA, port))).to.deep.equal([
      true,
      false,
      false,
    ]);
    expect(() => apis.blacklistRdmsrAccess([0x10, 0x2000])).to.throw(VmcsError, 'invalid msr: 0x2000');
    expect(bit(VmcsField.AddressOfMsrBitmap, 0x10)).to.equal(false);
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

    it('fail, and change nothing, when R02, R03 or R04 is out of range', () => {
      const { call, output, has, bit } = vmm();
      call(2n, 0x1000n, 1n);
      for (const what of [0n, 7n, 1n << 32n, (1n << 63n) | 1n]) {
        expect(call(2n, 0x1000n, what), `function ${what}`).to.not.equal(0n);
        expect(output()).to.include(`unknown function ${what} of category 0x1000; there are 1 … 6`);
      }
      for (const port of [0x10000n, 0x1_0000_0060n, (1n << 64n) - 1n]) {
        expect(call(2n, 0x1000n, 3n, port)).to.not.equal(0n);
        expect(output()).to.include(`trap_on_io_access: "port" is 0x${port.toString(16)}`);
      }
      expect(bit(VmcsField.AddressOfIoBitmapA, 0x60)).to.equal(false);
      for (const msr of [0x1_0000_0010n, (1n << 63n) + 0x10n]) expect(call(2n, 0x4000n, 1n, msr)).to.not.equal(0n);
      expect(call(2n, 0x4000n, 1n, 0x2000n)).to.not.equal(0n);
      expect(output()).to.include('trap_on_rdmsr_access: invalid msr: 0x2000');
      expect(bit(VmcsField.AddressOfMsrBitmap, 0x10)).to.equal(false);
      expect(has(PrimaryControl.UseMsrBitmap), 'the processor goes on').to.equal(true);
      expect(call(2n, 0x1_0000_1000n, 2n), 'another category').to.equal(0n);
      expect(has(PrimaryControl.UseIoBitmaps)).to.equal(true);
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
      expect(output()).to.match(/enable_vpid: vmcall denied by policy/);
      expect(policy.denials).to.have.length(25);
      expect(policy.dump()).to.include({ enableVpid: 'deny', enableIoBitmaps: 'allow' });
      policy.clearDenials();
      expect(policy.denials).to.deep.equal([]);
    });
  });
});
