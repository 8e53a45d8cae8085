// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs_fields.js';
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
      .and.to.match(/^ {2}PTE \(level 1\) = 0x400031: r--, 4-KiB page, WriteBack$/m);
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
      /^ {2}PTE \(level 1\) = 0x400032: -w-, 4-KiB page, WriteBack; misconfigured: it permits writes and no reads\./m,
    );
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
