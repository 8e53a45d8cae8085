// SPDX-License-Identifier: LGPL-2.1-only
import { Ept, EptAccess, ExitContribution, ExitReason, MemoryManager, parameter, ReportContribution } from 'bareflank';
import { state, VmcallContribution, VmcallOpcode, vcpuModule, Vmcs, VmcsContribution, VmmMemory } from 'bareflank';
import type { EptView, Exit, VmcallRegisters } from 'bareflank';
import { inject, injectable } from 'inversify';

const everything = EptAccess.Read | EptAccess.Write | EptAccess.Execute;
const addressBits = 0x000f_ffff_ffff_f000n;

const GuardedPage = parameter('page_guard.page', 0n, 'guest-physical address of the page to guard');

/** Once the guest has asked by VMCALL, its next access to the page is counted. */
@injectable()
class PageGuard implements ExitContribution, ReportContribution, VmcallContribution, VmcsContribution {
  @inject(Ept) readonly ept!: Ept;
  @inject(MemoryManager) readonly manager!: MemoryManager;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(GuardedPage) readonly page!: bigint;
  readonly name = 'page-guard';
  readonly reasons = [ExitReason.EptViolation];
  readonly opcodes = [VmcallOpcode.VMCALL_REGISTERS];
  @state() private accesses = 0;

  setUp(): void {
    this.view.restrict(this.page, everything); // a 4-KiB entry of its own
    this.ept.enter(this, this.vmcs, this.view);
  }

  handleVmcall({ r02 }: VmcallRegisters): boolean {
    const entry = this.entryOfPage();
    if (r02 === 1n) this.memory.write64(entry, this.memory.read64(entry) & ~BigInt(everything));
    return true;
  }

  handleExit(exit: Exit): boolean {
    if ((exit.guestPhysicalAddress & addressBits) !== this.page) return false;
    this.accesses++;
    this.view.restrict(this.page, everything);
    return true;
  }

  report(): Record<string, number> {
    return { accesses: this.accesses };
  }

  private get view(): EptView {
    return this.ept.view('page-guard');
  }

  /** VMM-virtual address of the page's EPT entry. */
  private entryOfPage(): bigint {
    let table = this.view.pointer;
    for (let shift = 39n; ; shift -= 9n) {
      const entry = this.manager.physicalToVirtual(table & addressBits) + ((this.page >> shift) & 0x1ffn) * 8n;
      if (shift === 12n) return entry;
      table = this.memory.read64(entry);
    }
  }
}

export default vcpuModule(({ bind, parameter: declare }) => {
  declare(GuardedPage);
  bind(PageGuard).toSelf();
  bind(ExitContribution).toService(PageGuard);
  bind(ReportContribution).toService(PageGuard);
  bind(VmcallContribution).toService(PageGuard);
  bind(VmcsContribution).toService(PageGuard);
});
