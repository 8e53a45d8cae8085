// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { EptAccess } from '../../../src/vmm/ept/ept.js';
import { runGuest, step, type Bench } from '../machine_vmm.js';

const page = 0x400000n;

/** Runs a guest that takes one step of the VMM's and then writes to `page`; gives the report of its death. */
async function deathAfter(act: (bench: Bench) => void): Promise<string> {
  const { end } = await runGuest([...step(0), `mov [${page + 8n}], rax`], [act]);
  expect(end.kind).to.equal('dead');
  return end.detail;
}

describe('ExitExplainerIntelX64 on the simulated PC', () => {
  it('decodes an EPT violation, and says which entry of which view did not permit the access', async () => {
    const detail = await deathAfter((bench) => {
      const { ept, vmcs } = bench;
      const view = ept.view('mine');
      view.restrict(page, EptAccess.Read);
      ept.enter(bench, vmcs, view);
    });
    expect(detail)
      .to.match(/the qualification says: data_write, readable, .*caused_by_translation/)
      .and.to.include("EPT view 'mine' translates 0x400008 by:")
      .and.to.match(/^ {2}PTE \(level 1\) at 0x[0-9a-f]+000 = 0x400031: r--, 4-KiB page, WriteBack$/m);
  });

  it('says that a page may be executed in user mode only, with mode-based execute control', async () => {
    const detail = await deathAfter((bench) => {
      const { ept, vmcs } = bench;
      const view = ept.view('mine');
      view.restrict(page, EptAccess.Read);
      view.entry(page).value = page | 0x431n;
      vmcs.enable('secondary', SecondaryControl.ModeBasedExecuteControlForEpt);
      ept.enter(bench, vmcs, view);
    });
    expect(detail).to.match(
      /^ {2}PTE \(level 1\) at 0x[0-9a-f]+000 = 0x400431: r-x \(x in user mode only\), 4-KiB page/m,
    );
  });

  it('says of an EPT misconfiguration which entry is one, with its value, and why', async () => {
    const detail = await deathAfter((bench) => {
      const { ept, vmcs } = bench;
      const view = ept.view('mine');
      view.restrict(page, EptAccess.Read);
      view.entry(page).value = page | 0x32n;
      ept.enter(bench, vmcs, view);
    });
    expect(detail).to.match(
      /^ {2}PTE \(level 1\) at 0x[0-9a-f]+000 = 0x400032: -w-, 4-KiB page, WriteBack; misconfigured: it permits writes and no reads\./m,
    );
  });

  /** Gives the guest an EPT pointer to a table whose entries are all the same. */
  const useTable = (entry: bigint): Promise<string> =>
    deathAfter(({ vmcs, manager, memory }) => {
      const table = manager.alloc(4096);
      for (let at = 0n; at < 4096n; at += 8n) memory.write64(table + at, entry);
      vmcs.write(VmcsField.EptPointer, manager.virtualToPhysical(table) | 0x1en);
    });

  it('ends the walk at a misconfigured entry that leads to another table, as the processor does', async () => {
    const detail = await useTable(2n);
    expect(detail)
      .to.match(
        /^ {2}PML4E \(level 4\) at 0x[0-9a-f]+000 = 0x2: -w-, table; misconfigured: it permits writes and no reads\. [^\n]*(\n(?! {2}PDPTE)|$)/m,
      )
      .and.to.not.include('could not be explained');
  });

  it('says that a table cannot be read which is not in memory that the VMM allocated', async () => {
    const detail = await useTable(0x1007n);
    expect(detail)
      .to.match(/PML4E \(level 4\) at 0x[0-9a-f]+000 = 0x1007: rwx, table/)
      .and.to.match(/PDPTE \(level 3\) at 0x1[0-9a-f]{3} cannot be read: the VMM did not allocate this memory/)
      .and.to.not.include('could not be explained');
  });

  it('says that the MSR-load area cannot be read which is not in memory that the VMM allocated', async () => {
    const detail = await deathAfter(({ vmcs }) => {
      vmcs.write(VmcsField.VmEntryMsrLoadAddress, 0x300000n);
      vmcs.write(VmcsField.VmEntryMsrLoadCount, 1n);
    });
    expect(detail)
      .to.include('entry 1 of the VM-entry MSR-load area is at 0x300000, which cannot be read')
      .and.to.not.include('could not be explained');
  });

  it('names entry, MSR and value of the MSR-load area that a VM entry cannot load', async () => {
    const detail = await deathAfter(({ vmcs, manager, memory }) => {
      const area = manager.alloc(4096);
      memory.write64(area, 0xc0000102n);
      memory.write64(area + 16n, 0xc0000080n); // IA32_EFER
      memory.write64(area + 24n, 0xf0000n);
      vmcs.write(VmcsField.VmEntryMsrLoadAddress, manager.virtualToPhysical(area));
      vmcs.write(VmcsField.VmEntryMsrLoadCount, 2n);
    });
    expect(detail).to.match(
      /entry 2 of the VM-entry MSR-load area loads MSR 0xc0000080 \(ia32_efer\) with 0xf0000; the processor wants an MSR and a value that WRMSR/,
    );
  });
});
