// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { staleLines } from '../../../src/machine/report/stale_translations.js';
import { EptAccess } from '../../../src/vmm/ept/ept.js';
import { runBare, runGuest, step, type Bench } from '../../vmm/machine_vmm.js';

/** Of the guest's code: physical and linear. */
const PAGE = 0x200000;
const everything = EptAccess.Read | EptAccess.Write | EptAccess.Execute;
/** The page directory entry of the first 2 MiB from `PAGE` on. */
const PDE = 0x32008;
const halt = ['cli', 'hlt'];

/** VMM-virtual address of the EPT entry of the guest's code. */
function entryOf({ ept, manager, memory }: Bench): bigint {
  let table = ept.view('mine').pointer;
  for (let shift = 39n; ; shift -= 9n) {
    const at = manager.physicalToVirtual(table & 0x000f_ffff_ffff_f000n) + ((BigInt(PAGE) >> shift) & 0x1ffn) * 8n;
    if (shift === 12n) return at;
    table = memory.read64(at);
  }
}

const enterView =
  (withVpid: boolean) =>
  (bench: Bench): void => {
    if (withVpid) bench.vpid.enable(bench);
    const view = bench.ept.view('mine');
    view.restrict(BigInt(PAGE), everything);
    bench.ept.enter(bench, bench.vmcs, view);
  };

/** A store of the VMM's own, without an invalidation. */
const forgetInvept =
  (access: number) =>
  (bench: Bench): void => {
    const entry = entryOf(bench);
    bench.memory.write64(entry, (bench.memory.read64(entry) & ~BigInt(everything)) | BigInt(access));
  };

const walkOf = ({ processors }: Pick<Awaited<ReturnType<typeof runBare>>, 'processors'>) => processors[0]!.walk!;

describe('checkedWalk', () => {
  it('finds nothing where the TLB agrees with the paging structures', async () => {
    expect(walkOf(await runBare(halt))).to.not.have.property('stale');
    const { stale } = walkOf(await runGuest([...step(0), ...halt], [enterView(true)]));
    expect(stale).to.equal(undefined);
  });

  it('finds the translation that is left where EPT has none any more', async () => {
    const walk = walkOf(
      await runGuest([...step(0), ...step(1), 'mov rbx, [rip]', ...halt], [enterView(true), forgetInvept(0)]),
    );
    expect(walk).to.include({ physical: null, stop: 'EPT does not translate the guest-physical address' });
    expect(walk.stale).to.deep.equal([{ accesses: ['execute'], physical: '0x200000' }]);
  });

  it('finds an access that EPT does not permit any more', async () => {
    const guest = ['mov [rip - 7], bl', ...step(0), 'mov [rip - 7], bl', ...step(1), 'mov [rip - 7], bl', ...halt];
    const walk = walkOf(await runGuest(guest, [enterView(true), forgetInvept(EptAccess.Read | EptAccess.Execute)]));
    expect(walk.physical).to.equal(walk.guestPhysical);
    expect(walk.stale).to.deep.equal([{ accesses: ['write'], physical: '0x200000' }]);
  });

  it('knows that without a VPID an entry drops what the TLB has', async () => {
    const { end, processors } = await runGuest([...step(0), ...step(1), ...halt], [enterView(false), forgetInvept(0)]);
    expect(end.detail).to.include('ept_violation');
    expect(walkOf({ processors })).to.not.have.property('stale');
  });

  it("finds what is left of the guest's own paging structures", async () => {
    const walk = walkOf(await runBare(['xor eax, eax', `mov [${PDE}], rax`, ...halt]));
    expect(walk).to.include({ physical: null, stop: 'the PDE is not present' });
    expect(walk.stale).to.deep.equal([{ accesses: ['execute'], physical: '0x200000' }]);
    const moved = walkOf(await runBare([`mov qword ptr [${PDE}], 0x4000a3`, ...halt]));
    expect(moved.physical).to.match(/^0x4000/);
    expect(moved.stale).to.deep.equal([{ accesses: ['execute'], physical: '0x200000' }]);
    const readOnly = walkOf(
      await runBare([
        ...['mov rax, cr0', 'or eax, 0x10000', 'mov cr0, rax', 'mov [rip - 7], bl'],
        ...[`mov qword ptr [${PDE}], 0x2000a1`, ...halt],
      ]),
    );
    expect(readOnly.stale).to.deep.equal([{ accesses: ['write'], physical: '0x200000' }]);
  });
});

describe('staleLines', () => {
  it('say which accesses go where', () => {
    expect(staleLines([{ accesses: ['read', 'write'], physical: '0x3000' }])).to.deep.equal([
      'the TLB still has an older translation: read, write go to physical 0x3000; INVEPT, INVVPID or INVLPG would drop it',
    ]);
  });
});
