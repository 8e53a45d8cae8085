// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmcsError, VmxError } from '../../../src/vmm/errors.js';
import type { EptVmcs } from '../../../src/vmm/ept/ept.js';
import { EptIntelX64 } from '../../../src/vmm/ept/ept_intel_x64.js';
import { readPartState, writePartState } from '../../../src/vmm/restore/vmm_image.js';
import type { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { asker, ept, fakeVmcs } from './ept_fixture.js';

/** Walks the tables as the processor does. */
function translate(memory: FakeMachine['memory'], eptp: bigint, address: bigint): bigint | undefined {
  let table = eptp & 0x000ffffffffff000n;
  for (const shift of [39n, 30n, 21n, 12n]) {
    const entry = memory.readPhysical64(table + ((address >> shift) & 0x1ffn) * 8n);
    if ((entry & 7n) === 0n) return undefined;
    const mask = (1n << shift) - 1n;
    if (shift === 12n || (entry & 0x80n) !== 0n) return (entry & 0x000ffffffffff000n & ~mask) | (address & mask);
    table = entry & 0x000ffffffffff000n;
  }
  return undefined;
}

describe('EptIntelX64', () => {
  it('maps 512 GiB to themselves', () => {
    const { it, machine } = ept();
    const { memory } = machine;
    const eptp = it.pointer();
    for (const address of [0n, 0xfee00000n, 0xffff_ffffn, 0x1_4000_0000n, 0x7f_ffff_ffffn]) {
      expect(translate(memory, eptp, address)).to.equal(address);
    }
    expect(translate(memory, eptp, 0x80_0000_0000n)).to.equal(undefined);
  });

  it("leads the VMM's own memory to unbacked memory, and its neighbours to themselves", () => {
    const { it, machine, manager } = ept();
    const { memory } = machine;
    const eptp = it.pointer();
    const [own] = manager.ownMemory();
    const end = own!.physical + BigInt(own!.bytes);
    const { physical, size } = memory.unbacked;
    expect(manager.ownMemory()).to.deep.equal(
      memory.regions.map((each) => ({ physical: each.physical, bytes: each.size })),
    );
    for (let offset = 0n; offset < BigInt(own!.bytes); offset += 0x1000n) {
      expect(translate(memory, eptp, own!.physical + offset)).to.equal(physical + offset);
    }
    expect(translate(memory, eptp, end - 1n)).to.equal(physical + BigInt(size) - 1n);
    expect(translate(memory, eptp, own!.physical - 1n)).to.equal(own!.physical - 1n);
    expect(translate(memory, eptp, end)).to.equal(end);
  });

  it("leads to no page of the VMM's when its memory does not begin and end at large pages", () => {
    const { it, machine, manager } = ept();
    const { memory } = machine;
    const first = 0x1_0000_3000n;
    Object.assign(memory, {
      regions: [{ ...memory.regions[0]!, size: 0x2a05000 }],
      unbacked: { physical: 0x7f_f000_1000n, size: 0x2a05000 },
    });
    const own = { physical: first, bytes: 0x2a02000 };
    Object.assign(manager, { ownMemory: () => [own] });
    const eptp = it.pointer();
    for (let at = 0x1_0000_0000n; at < 0x1_0400_0000n; at += 0x1000n) {
      const isOwn = at >= first && at < first + BigInt(own.bytes);
      expect(translate(memory, eptp, at)).to.equal(isOwn ? 0x7f_f000_1000n + (at - first) : at);
    }
  });

  it('points with write-back and a walk of four levels, and is built once', () => {
    const { it } = ept();
    expect(it.pointer() & 0xfffn).to.equal(0x1en);
    expect(it.pointer()).to.equal(it.pointer());
  });

  it('is supported only with 4 levels, write-back, and pages of 2 MiB and 1 GiB', () => {
    const { it, machine } = ept();
    expect(it.isSupported()).to.equal(true);
    for (const bit of [6n, 14n, 16n, 17n]) {
      machine.msr.set(Msr.Ia32VmxEptVpidCap, 0x00000f01_06734141n & ~(1n << bit));
      expect(it.isSupported(), `without bit ${bit}`).to.equal(false);
    }
  });

  it('says what the base excludes', () => {
    const { it, manager } = ept();
    const [own] = manager.ownMemory();
    const end = own!.physical + BigInt(own!.bytes);
    expect(it.excludes(0n, own!.physical)).to.equal(false);
    expect(it.excludes(0n, own!.physical + 1n)).to.equal(true);
    expect(it.excludes(end - 1n, 1n)).to.equal(true);
    expect(it.excludes(end, 4096n)).to.equal(false);
    expect(it.excludes((1n << 39n) - 4096n, 4096n)).to.equal(false);
    expect(it.excludes((1n << 39n) - 4096n, 4097n)).to.equal(true);
  });

  it('finds views by their pointer, and refuses a name that began otherwise', () => {
    const { it } = ept();
    const view = it.view('mine', 'nothing');
    expect(it.viewOf(view.pointer)).to.equal(view);
    expect(it.viewOf(view.pointer & ~0xfffn)).to.equal(view);
    expect(it.viewOf(it.pointer())).to.equal(undefined);
    expect(() => it.view('mine')).to.throw(
      VmcsError,
      /'mine' is asked for with base at first, but it was made with nothing/,
    );
  });

  it('enters only views of its own', () => {
    const { it, machine } = ept();
    const stranger = ept().it.view('mine');
    expect(() => it.enter(asker, fakeVmcs(machine).vmcs, stranger)).to.throw(VmcsError, /'mine' was not made/);
  });

  it('keeps what each vcpu has entered apart', () => {
    const { it, machine } = ept();
    const [first, second] = [fakeVmcs(machine).vmcs, fakeVmcs(machine, 0, 1n).vmcs];
    const pointer = (): bigint => machine.fields.get(VmcsField.EptPointer)!;
    const view = it.view('mine');
    it.enter(asker, first, view);
    it.use(second);
    expect(pointer()).to.equal(it.pointer());
    it.use(first);
    expect(pointer()).to.equal(view.pointer);
  });

  it('forgets what a vcpu entered when the vcpu ends: the next one of its id begins with the base map', () => {
    const { it, machine } = ept();
    const view = it.view('mine');
    const request = it.enter(asker, fakeVmcs(machine).vmcs, view);
    it.forgetVcpu(fakeVmcs(machine).vmcs);
    const next = fakeVmcs(machine).vmcs;
    it.use(next);
    expect(machine.fields.get(VmcsField.EptPointer)).to.equal(it.pointer());
    it.enter(asker, next, view);
    request[Symbol.dispose]();
    expect(machine.fields.get(VmcsField.EptPointer), 'the old request is nothing to it').to.equal(view.pointer);
  });

  describe('.stop', () => {
    it('keeps what a vcpu entered for its next launch, and no INVEPT comes while nobody runs', () => {
      const { it, machine, invepts } = ept();
      const { vmcs } = fakeVmcs(machine);
      const view = it.view('mine');
      const request = it.enter(asker, vmcs, view);
      it.stop(vmcs);
      it.stop(vmcs);
      machine.fields.clear();
      invepts.length = 0;
      view.restrict(0x1000n, 0);
      expect(invepts).to.deep.equal([]);
      it.use(vmcs);
      expect(machine.fields.get(VmcsField.EptPointer)).to.equal(view.pointer);
      expect(invepts, 'whatever is cached from before').to.deep.equal([[1, view.pointer]]);
      it.stop(vmcs);
      machine.fields.clear();
      request[Symbol.dispose]();
      expect(machine.fields.size, 'no VMCS is current').to.equal(0);
      it.use(vmcs);
      expect(machine.fields.get(VmcsField.EptPointer)).to.equal(it.pointer());
    });

    it('lets a view that only stopped vcpus use lead elsewhere', () => {
      const { it, machine } = ept();
      const { vmcs } = fakeVmcs(machine);
      const [one, other] = [it.view('one'), it.view('other')];
      one.redirect(0x1000n, 0x5000n);
      it.enter(asker, vmcs, one);
      it.enter(asker, vmcs, other);
      expect(() => other.redirect(0x1000n, 0x6000n)).to.throw(VmcsError, /different places/);
      it.stop(vmcs);
      other.redirect(0x1000n, 0x6000n);
      expect(() => it.use(vmcs)).to.throw(VmcsError, /different places/);
    });
  });

  describe('.disable', () => {
    it('is refused under unrestricted guest, and while views are entered, by name', () => {
      const { it, machine } = ept();
      const { vmcs, secondary } = fakeVmcs(machine, SecondaryControl.UnrestrictedGuest);
      const requests = ['b', 'a', 'b'].map((name) => it.enter(asker, vmcs, it.view(name)));
      expect(() => it.disable(vmcs)).to.throw(VmcsError, /unrestricted guest/);
      vmcs.disable('secondary', SecondaryControl.UnrestrictedGuest);
      expect(() => it.disable(vmcs)).to.throw(VmcsError, 'EPT cannot be disabled while views are in use: a, b');
      expect(secondary()).to.equal(SecondaryControl.EnableEpt);
      for (const request of requests) request[Symbol.dispose]();
      it.disable(vmcs);
      expect(secondary()).to.equal(0);
      expect(machine.fields.get(VmcsField.EptPointer)).to.equal(0n);
    });

    it('does nothing when EPT is off, and forgets translations when it was on', () => {
      const { it, machine, invepts } = ept();
      const { vmcs } = fakeVmcs(machine);
      it.disable(vmcs);
      expect(invepts).to.deep.equal([]);
      it.use(vmcs);
      it.disable(vmcs);
      expect(invepts).to.deep.equal([
        [1, it.pointer()],
        [1, it.pointer()],
      ]);
    });
  });

  describe('with several vCPUs', () => {
    /** Two vCPUs, each on a processor of its own; `on` makes one of the processors the executing one. */
    function two() {
      const { it, machine, manager, invepts } = ept();
      let executing = 0;
      let interrupts = 0;
      Object.assign(machine.processor, { id: () => executing });
      Object.assign(machine.processors, { interruptOthers: () => void interrupts++ });
      const vcpus = [0n, 1n].map((id) => fakeVmcs(machine, 0, id).vmcs);
      const on = (id: number, act: (vmcs: EptVmcs) => void): (readonly [number, bigint])[] => {
        executing = id;
        invepts.length = 0;
        act(vcpus[id]!);
        return [...invepts];
      };
      /** The owner as a snapshot restores it. */
      const restored = (): EptIntelX64 => {
        const { msrs, vmx, memory, processor, processors } = machine;
        const made = make(EptIntelX64, { manager, memory, msrs, vmx, processor, processors });
        writePartState(made, structuredClone(readPartState(it, 'Ept')), 'Ept', () => undefined);
        made.attach();
        for (const vcpu of vcpus) made.attachVcpu(vcpu);
        return made;
      };
      return { it, on, restored, interrupts: () => interrupts, work: () => it.catchUp() };
    }

    it('drops what an earlier VMM may have left at the first use of a pointer by each of them', () => {
      const { it, on } = two();
      for (const id of [0, 1]) {
        expect(on(id, (vmcs) => it.use(vmcs))).to.deep.equal([[1, it.pointer()]]);
        expect(on(id, (vmcs) => it.use(vmcs))).to.deep.equal([]);
      }
      on(1, (vmcs) => it.stop(vmcs));
      expect(on(1, (vmcs) => it.use(vmcs))).to.deep.equal([[1, it.pointer()]]);
      expect(on(0, (vmcs) => it.use(vmcs))).to.deep.equal([]);
    });

    it('drops translations of a changed view at once on the executing processor, and once on the other before it goes on', () => {
      const { it, on, interrupts, work } = two();
      const view = it.view('shared');
      for (const id of [0, 1]) on(id, (vmcs) => it.enter(asker, vmcs, view));
      const own = on(0, () => {
        view.restrict(0x1000n, 0);
        view.restrict(0x2000n, 0);
      });
      expect(own).to.deep.equal([
        [1, view.pointer],
        [1, view.pointer],
      ]);
      expect(interrupts()).to.equal(2);
      expect(on(1, work)).to.deep.equal([[1, view.pointer]]);
      expect(on(1, work)).to.deep.equal([]);
      expect(on(0, work)).to.deep.equal([]);
    });

    it('goes on after a restore: what was dropped is not dropped again, a change is dropped at once', () => {
      const { it, on, restored } = two();
      const view = it.view('shared');
      for (const id of [0, 1]) on(id, (vmcs) => it.enter(asker, vmcs, view));
      on(0, () => view.restrict(0x1000n, 0));
      const after = restored();
      expect(on(0, () => after.catchUp())).to.deep.equal([]);
      expect(on(1, () => after.catchUp())).to.deep.equal([[1, view.pointer]]);
      expect(on(1, () => after.view('shared').restrict(0x2000n, 0))).to.deep.equal([[1, view.pointer]]);
      expect(on(0, () => after.catchUp())).to.deep.equal([[1, view.pointer]]);
    });

    it('forgets no older change where the other processor changes something itself', () => {
      const { it, on, work } = two();
      const [view, mine] = [it.view('shared'), it.view('mine')];
      for (const id of [0, 1]) on(id, (vmcs) => it.enter(asker, vmcs, view));
      on(1, (vmcs) => it.enter(asker, vmcs, mine)[Symbol.dispose]());
      on(0, () => view.restrict(0x1000n, 0));
      const all = on(1, () => mine.restrict(0x1000n, 0)).map(([, pointer]) => pointer);
      expect(all).to.include(view.pointer);
      expect(on(1, work)).to.deep.equal([]);
    });
  });

  it('invalidates everything where the processor cannot do it for one map, and says when it fails', () => {
    const { it, machine, invepts } = ept();
    const single = 1n << 25n;
    machine.msr.set(Msr.Ia32VmxEptVpidCap, machine.msr.get(Msr.Ia32VmxEptVpidCap)! & ~single);
    const { vmcs } = fakeVmcs(machine);
    it.use(vmcs);
    expect(invepts).to.deep.equal([[2, it.pointer()]]);
    Object.assign(machine.vmx, { invept: () => false });
    expect(() => it.enter(asker, vmcs, it.view('mine'))).to.throw(
      VmxError,
      /^INVEPT of type 2 \(global\), EPTP 0x\w+ failed: VM-instruction error/,
    );
  });
});
