// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { PrimaryControl, SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { ContributionError, VmcsError } from '../../../src/vmm/errors.js';
import {
  ExceptionBitmap,
  GuestHostMasks,
  IoBitmap,
  MonitorTrap,
  MsrBitmap,
  TscOffset,
  Vpid,
} from '../../../src/vmm/owners/owners.js';
import { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import type { Request } from '../../../src/vmm/requests/request.js';
import { VpidPoolX64 } from '../../../src/vmm/owners/vpid_pool_x64.js';
import { captureOutput } from '../capture_output.js';
import { startedVmm } from '../started_vmm.js';

/** A contribution that asks all owners, so that a test can do it. */
@injectable()
class Asker implements VmcsContribution {
  @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
  @inject(IoBitmap) readonly ioBitmap!: IoBitmap;
  @inject(ExceptionBitmap) readonly exceptionBitmap!: ExceptionBitmap;
  @inject(GuestHostMasks) readonly guestHostMasks!: GuestHostMasks;
  @inject(Vpid) readonly vpid!: Vpid;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(TscOffset) readonly tscOffset!: TscOffset;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'asker';
  static last: Asker;

  /** Calls back after the next step. A test needs no snapshot: its argument may be a function. */
  afterStep(callback: () => void): Request {
    return this.monitorTrap.step(this, 'run', callback);
  }

  run(callback: () => void): void {
    callback();
  }

  setUp(): void {
    Asker.last = this;
  }
}

function owners(modules: readonly PartModule[] = []) {
  const { machine, vmm } = startedVmm([vcpuModule(({ bind }) => bind(VmcsContribution).to(Asker)), ...modules]);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  const has = (encoding: number, mask: number): boolean => (field(encoding) & BigInt(mask >>> 0)) !== 0n;
  const bit = (address: bigint, at: number): boolean =>
    (machine.memory.page(address + BigInt(at >>> 3))[(at >>> 3) & 0xfff]! & (1 << (at & 7))) !== 0;
  return { machine, vmm, it: Asker.last, field, has, bit };
}

const primary = VmcsField.PrimaryProcessorBasedVmExecutionControls;

describe('MsrBitmap', () => {
  it('is off until somebody enables it, and passes everything through then', () => {
    const { it, has, field, bit } = owners();
    expect(has(primary, PrimaryControl.UseMsrBitmap)).to.equal(false);
    it.msrBitmap.enable(it);
    expect(has(primary, PrimaryControl.UseMsrBitmap)).to.equal(true);
    const page = field(VmcsField.AddressOfMsrBitmap);
    expect(Array.from({ length: 4096 * 8 }, (_, at) => bit(page, at)).includes(true)).to.equal(false);
  });

  const places: [string, 'trapRead' | 'trapWrite', number, number][] = [
    ['a read of the low range', 'trapRead', 0x1fff, 0x1fff],
    ['a read of the high range', 'trapRead', 0xc0000080, 0x400 * 8 + 0x80],
    ['a write of the low range', 'trapWrite', 0x10, 0x800 * 8 + 0x10],
    ['a write of the high range', 'trapWrite', 0xc0001fff, 0xc00 * 8 + 0x1fff],
  ];
  for (const [what, method, msr, at] of places) {
    it(`traps ${what} as long as anybody asks for it`, () => {
      const { it, field, bit } = owners();
      it.msrBitmap.enable(it);
      const page = field(VmcsField.AddressOfMsrBitmap);
      const [first, second] = [it.msrBitmap[method](it, msr), it.msrBitmap[method](it, msr)];
      expect(bit(page, at)).to.equal(true);
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      expect(bit(page, at), 'the second still wants it').to.equal(true);
      second[Symbol.dispose]();
      expect(bit(page, at)).to.equal(false);
    });
  }

  it('refuses MSRs outside its ranges', () => {
    const { it } = owners();
    for (const msr of [0x2000, 0xbfffffff, 0xc0002000, 0x1_0000_0010]) {
      expect(() => it.msrBitmap.trapRead(it, msr)).to.throw(VmcsError, `invalid msr: 0x${msr.toString(16)}`);
      expect(it.msrBitmap.covers(msr)).to.equal(false);
    }
    for (const msr of [-1, 1.5, Number.NaN]) {
      expect(() => it.msrBitmap.trapWrite(it, msr)).to.throw(VmcsError, `invalid msr: ${msr}`);
    }
  });

  it('is off again when the last who wants it has gone', () => {
    const { it, has } = owners();
    const [first, second] = [it.msrBitmap.enable(it), it.msrBitmap.enable(it)];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect([has(primary, PrimaryControl.UseMsrBitmap), it.msrBitmap.isEnabled]).to.deep.equal([true, true]);
    second[Symbol.dispose]();
    expect([has(primary, PrimaryControl.UseMsrBitmap), it.msrBitmap.isEnabled]).to.deep.equal([false, false]);
  });

  it('keeps the exits of writes alone for a contribution that emulates no reads', () => {
    const emulated: MsrContribution = { name: 'emulated', msrs: [0x10], handleMsrWrite: () => true };
    const { it, field, bit } = owners([vcpuModule(({ bind }) => bind(MsrContribution).toConstantValue(emulated))]);
    it.msrBitmap.enable(it);
    const page = field(VmcsField.AddressOfMsrBitmap);
    expect([bit(page, 0x10), bit(page, 0x800 * 8 + 0x10)]).to.deep.equal([false, true]);
  });

  it('lets contributions emulate MSRs that it has no bits for', () => {
    const emulated: MsrContribution = { name: 'emulated', msrs: [0x40000000], handleMsrRead: () => 1n };
    const { it, field, bit } = owners([vcpuModule(({ bind }) => bind(MsrContribution).toConstantValue(emulated))]);
    it.msrBitmap.enable(it);
    expect(bit(field(VmcsField.AddressOfMsrBitmap), 0)).to.equal(false);
  });

  it('keeps the exits of MSRs that contributions emulate', () => {
    const emulated: MsrContribution = { name: 'emulated', msrs: [0x10, 0xc0000103], handleMsrRead: () => 1n };
    const { it, field, bit } = owners([vcpuModule(({ bind }) => bind(MsrContribution).toConstantValue(emulated))]);
    it.msrBitmap.enable(it);
    const page = field(VmcsField.AddressOfMsrBitmap);
    expect([bit(page, 0x10), bit(page, 0x400 * 8 + 0x103)]).to.deep.equal([true, true]);
    expect(bit(page, 0x800 * 8 + 0x10), 'it emulates no writes').to.equal(false);
  });
});

describe('IoBitmap', () => {
  it('traps ports in bitmap A and B', () => {
    const { it, field, has, bit } = owners();
    const request = it.ioBitmap.trap(it, 0x3f8);
    it.ioBitmap.trap(it, 0x8001);
    const use = it.ioBitmap.enable(it);
    expect(has(primary, PrimaryControl.UseIoBitmaps)).to.equal(true);
    const [a, b] = [field(VmcsField.AddressOfIoBitmapA), field(VmcsField.AddressOfIoBitmapB)];
    expect([bit(a, 0x3f8), bit(a, 0x3f9), bit(b, 1)]).to.deep.equal([true, false, true]);
    request[Symbol.dispose]();
    expect(bit(a, 0x3f8)).to.equal(false);
    use[Symbol.dispose]();
    expect([has(primary, PrimaryControl.UseIoBitmaps), it.ioBitmap.isEnabled]).to.deep.equal([false, false]);
  });

  it('is on, with their ports, when there are port contributions', () => {
    const emulated: PortContribution = { name: 'emulated', ports: [0x70], handlePortRead: () => 0 };
    const { field, has, bit } = owners([vcpuModule(({ bind }) => bind(PortContribution).toConstantValue(emulated))]);
    expect(has(primary, PrimaryControl.UseIoBitmaps)).to.equal(true);
    expect(bit(field(VmcsField.AddressOfIoBitmapA), 0x70)).to.equal(true);
  });

  it('refuses an invalid port', () => {
    const { it } = owners();
    for (const port of [-1, 0x10000, 1.5]) expect(() => it.ioBitmap.trap(it, port)).to.throw(VmcsError, /invalid port/);
  });
});

describe('ExceptionBitmap', () => {
  it('merges what is asked for', () => {
    const { it, field } = owners();
    const [six, other] = [it.exceptionBitmap.trap(it, 6), it.exceptionBitmap.trap(it, 6)];
    it.exceptionBitmap.trap(it, 14);
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4040n);
    six[Symbol.dispose]();
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4040n);
    other[Symbol.dispose]();
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4000n);
    for (const vector of [32, -1, 1.5, 2]) {
      expect(() => it.exceptionBitmap.trap(it, vector)).to.throw(VmcsError, `invalid vector: ${vector}`);
    }
  });
});

describe('Vpid', () => {
  it('writes the vcpu’s number, enables the control and drops stale translations', () => {
    const { it, field, has, machine } = owners();
    const [use, other] = [it.vpid.enable(it), it.vpid.enable(it)];
    expect(it.vpid.value).to.equal(1);
    expect(field(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
    expect(has(VmcsField.SecondaryProcessorBasedVmExecutionControls, SecondaryControl.EnableVpid)).to.equal(true);
    expect(machine.invvpids[0]).to.deep.equal([1, 1, 0n]);
    use[Symbol.dispose]();
    expect(field(VmcsField.VirtualProcessorIdentifier), 'the other still wants it').to.equal(1n);
    expect(it.vpid.isEnabled).to.equal(true);
    other[Symbol.dispose]();
    expect(has(VmcsField.SecondaryProcessorBasedVmExecutionControls, SecondaryControl.EnableVpid)).to.equal(false);
    expect(field(VmcsField.VirtualProcessorIdentifier)).to.equal(0n);
  });

  it('is unique among vcpus, and free again when one is gone', () => {
    const pool = new VpidPoolX64();
    expect([pool.allocate(), pool.allocate(), pool.allocate()]).to.deep.equal([1, 2, 3]);
    pool.free(2);
    pool.free(2);
    pool.free(1);
    expect([pool.allocate(), pool.allocate(), pool.allocate()], 'past the one in use').to.deep.equal([1, 2, 4]);
    pool.free(77);
    const full = new VpidPoolX64();
    for (let each = 0; each < 0xffff; each++) full.allocate();
    expect(() => full.allocate()).to.throw(VmcsError, /65535/);
  });
});

describe('MonitorTrap', () => {
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

describe('TscOffset', () => {
  it('is the sum of what is asked for, and off when nobody asks', () => {
    const { it, field, has } = owners();
    const first = it.tscOffset.add(it, -5n);
    it.tscOffset.add(it, 3n);
    expect(field(VmcsField.TscOffset)).to.equal(0xfffffffffffffffen);
    expect(has(primary, PrimaryControl.UseTscOffsetting)).to.equal(true);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(field(VmcsField.TscOffset)).to.equal(3n);
  });

  it('lets accesses to IA32_TSC_DEADLINE exit as long as there is an offset', () => {
    const { it, field, bit } = owners();
    it.msrBitmap.enable(it);
    const page = field(VmcsField.AddressOfMsrBitmap);
    const traps = (): boolean[] => [0, 0x800 * 8].map((base) => bit(page, base + Msr.Ia32TscDeadline));
    const requests = [it.tscOffset.add(it, 1n), it.tscOffset.add(it, 2n)];
    expect(traps()).to.deep.equal([true, true]);
    requests[0]![Symbol.dispose]();
    expect(traps()).to.deep.equal([true, true]);
    requests[1]![Symbol.dispose]();
    expect(traps()).to.deep.equal([false, false]);
  });
});

/** An extension that asks in its set-up. */
class Extension implements VmcsContribution {
  constructor(
    readonly name: string,
    private readonly ask: (it: Asker) => void,
  ) {}

  setUp(): void {
    this.ask(Asker.last);
  }
}

const extensions = (...all: Extension[]): PartModule[] => [
  vcpuModule(({ bind }) => {
    for (const each of all) bind(VmcsContribution).toConstantValue(each);
  }),
];

describe('Two extensions that ask one owner', () => {
  it('launch, and both get what they want', () => {
    const { field, has } = owners(
      extensions(
        new Extension('b', (it) => {
          it.exceptionBitmap.trap(it, 6);
          it.tscOffset.add(it, 5n);
          it.msrBitmap.enable(it);
          it.vpid.enable(it);
        }),
        new Extension('c', (it) => {
          it.exceptionBitmap.trap(it, 14);
          it.tscOffset.add(it, 7n);
          it.msrBitmap.enable(it)[Symbol.dispose]();
          it.vpid.enable(it)[Symbol.dispose]();
        }),
      ),
    );
    expect(field(VmcsField.ExceptionBitmap)).to.equal(0x4040n);
    expect(field(VmcsField.TscOffset)).to.equal(12n);
    expect(has(primary, PrimaryControl.UseMsrBitmap)).to.equal(true);
    expect(field(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
  });

  it('are refused by name when one of them bypasses the owner', () => {
    const bypassing = new Extension('c', (it) => it.vmcs.write(VmcsField.ExceptionBitmap, 1n));
    const asking = new Extension('b', (it) => it.exceptionBitmap.trap(it, 6));
    let output = '';
    expect(() => (output = captureOutput(() => owners(extensions(asking, bypassing)))))
      .to.throw()
      .with.property('message')
      .that.matches(/'ExceptionBitmap' and 'c' give exception_bitmap.*different values/i);
    expect(output).to.equal('');
  });
});

describe('The owners of two vcpus', () => {
  it('are apart', () => {
    const { machine, vmm, it: first } = owners();
    const fields = new Map(machine.fields);
    first.exceptionBitmap.trap(first, 6);
    const request = first.ioBitmap.trap(first, 0x60);
    first.ioBitmap.enable(first);
    const pages = machine.fields.get(VmcsField.AddressOfIoBitmapA)!;
    // The other processor, as it is before VMXON.
    machine.fields.clear();
    machine.isVmxOn = false;
    machine.registers.cr4 &= ~0x2000n;
    vmm.entry.startVmm(1n);
    const second = Asker.last;
    expect(second).to.not.equal(first);
    expect(machine.fields.get(VmcsField.ExceptionBitmap)).to.equal(0n);
    second.ioBitmap.enable(second);
    expect(machine.fields.get(VmcsField.AddressOfIoBitmapA)).to.not.equal(pages);
    expect([first.ioBitmap.requests(0x60), second.ioBitmap.requests(0x60)]).to.deep.equal([1, 0]);
    second.exceptionBitmap.trap(second, 14);
    expect(machine.fields.get(VmcsField.ExceptionBitmap)).to.equal(0x4000n);
    expect([first.vpid.value, second.vpid.value]).to.deep.equal([1, 2]);
    request[Symbol.dispose]();
    expect(fields.get(VmcsField.ExceptionBitmap), 'as it was at the launch').to.equal(0n);
  });

  it('write what was asked for into the VMCS of a new launch', () => {
    const { machine, vmm, it } = owners();
    it.exceptionBitmap.trap(it, 6);
    it.tscOffset.add(it, 3n);
    it.vpid.enable(it);
    it.afterStep(() => {});
    it.ioBitmap.enable(it);
    vmm.vcpuManager.hltVcpu(0n);
    machine.fields.clear();
    vmm.vcpuManager.runVcpu(0n);
    expect(machine.fields.get(VmcsField.ExceptionBitmap)).to.equal(0x40n);
    expect(machine.fields.get(VmcsField.TscOffset)).to.equal(3n);
    expect(machine.fields.get(VmcsField.VirtualProcessorIdentifier)).to.equal(1n);
    const wanted = PrimaryControl.MonitorTrapFlag | PrimaryControl.UseIoBitmaps | PrimaryControl.UseTscOffsetting;
    expect(Number(machine.fields.get(primary)! & 0xffffffffn) & wanted).to.equal(wanted);
  });
});
