// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { captureOutput } from '../capture_output.js';
import { Asker, owners, primary } from './owners_bench.js';

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
