// SPDX-License-Identifier: LGPL-2.1-only
import { inject, optional } from 'inversify';
import { X64 } from '../../intrinsics/constants.js';
import { ControlRegisters } from '../../intrinsics/control_registers.js';
import type { ExitEntry } from '../../intrinsics/host_entry.js';
import { Msr } from '../../intrinsics/msr_definitions.js';
import { Cr4 } from '../../intrinsics/registers.js';
import { Segments } from '../../intrinsics/segments.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { extension } from '../container/extension.js';
import { nothingToWaitFor } from '../container/answers.js';
import { VmEntryError, VmxError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { bfdebug, bferror } from '../output/output.js';
import { defaultSizes, Sizes } from '../sizes.js';
import { state } from '../state/state.js';
import { withRollback } from '../support/rollback.js';
import { hex } from '../support/text.js';
import { readVmFailure, vmFailure } from '../support/vm_failure.js';
import { GdtX64 } from '../vmm_state/gdt_x64.js';
import { dumpVmcsState } from '../vmm_state/vmcs_state_dump.js';
import { driverContext } from './driver_context_fields.js';
import type { Vmcs, VmcsSetUp } from './vmcs.js';
import { VmEntryExplainer } from './vm_entry_explainer.js';
import { VmcsStateWriterIntelX64 } from './vmcs_state_writer_intel_x64.js';

/** Launch, resume and promote of one VMCS. */
@extension()
export class VmcsIntelX64 extends VmcsStateWriterIntelX64 implements Vmcs {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(ControlRegisters) protected readonly controlRegisters!: ControlRegisters;
  @inject(Segments) protected readonly segments!: Segments;
  @inject(VmEntryExplainer) protected readonly explainer!: VmEntryExplainer;
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  @state() private region = 0n;
  @state() private exitStack = 0n;

  launch(entry: ExitEntry, setUps: readonly VmcsSetUp[] = []): void {
    this.entry = entry;
    withRollback((rollback) => {
      rollback.onFailure(() => this.release());
      this.createRegion();
      this.createExitStack();
      this.clear();
      this.load();
      this.writeFields();
      this.asContributions(setUps, driverContext, (each) => nothingToWaitFor(each.setUp(this), each, 'setUp'));
      if (!this.vmx.vmlaunch()) throw this.entryFailed('VMLAUNCH');
    });
  }

  attachEntry(entry: ExitEntry): void {
    this.entry = entry;
    this.hostEntry.attach(entry);
  }

  resume(): void {
    if (!this.vmx.vmresume()) throw this.entryFailed('VMRESUME');
  }

  promote(): void {
    const rip = this.guestRip.get();
    const rsp = this.guestRsp.get();
    const rflags = this.guestRflags.get();
    const state = this.readGuestState();
    this.loadGuestState(state);
    if (!this.hostEntry.returnTo(rip, rsp, rflags)) {
      throw new VmxError(`promote: the processor did not go on at ${hex(rip)}`);
    }
  }

  load(): void {
    const physical = this.manager.virtualToPhysical(this.region);
    if (!this.vmx.vmptrld(physical)) throw vmFailure(this.vmx, `vcpu ${this.vcpuid}: VMPTRLD ${hex(physical)}`);
    this.hostEntry.attach(this.entry);
  }

  clear(): void {
    const physical = this.manager.virtualToPhysical(this.region);
    if (!this.vmx.vmclear(physical)) throw vmFailure(this.vmx, `vcpu ${this.vcpuid}: VMCLEAR ${hex(physical)}`);
  }

  release(): void {
    this.manager.free(this.region);
    this.manager.free(this.exitStack);
    this.region = 0n;
    this.exitStack = 0n;
  }

  private createRegion(): void {
    this.region = this.manager.alloc(X64.pageSize, 'structure');
    this.memory.write32(this.region, Number(this.msrs.rdmsr(Msr.Ia32VmxBasic) & 0x7fffffffn));
  }

  private createExitStack(): void {
    this.exitStack = this.manager.alloc(this.sizes.exitStack, 'structure');
    this.exitStackTop = this.exitStack + BigInt(this.sizes.exitStack);
  }

  /** The error of a failed entry: its number, and every rule that the VMCS breaks. */
  private entryFailed(instruction: 'VMLAUNCH' | 'VMRESUME'): VmEntryError {
    const { reason } = readVmFailure(this.vmx);
    const failures = this.explainer.explain(instruction === 'VMLAUNCH', (field) => this.lastWrittenAt(field));
    const summary = `${instruction} failed: ${reason}. ${failures.text}`;
    // Before the dumps, which are some 300 lines.
    bferror`${summary}`;
    bfdebug`${this.explainer.dump()}`;
    bfdebug`${dumpVmcsState('guest state', this.guestState)}`;
    bfdebug`${dumpVmcsState('vmm state', this.vmmState)}`;
    return new VmEntryError(summary, failures.names);
  }

  /** All that promote loads, read while the VMCS is still reachable. */
  private readGuestState() {
    const segment = (index: number): number => Number(this.read(VmcsField.GuestEsSelector + 2 * index));
    return {
      gdt: { base: this.guestGdtrBase.get(), limit: Number(this.guestGdtrLimit.get()) },
      idt: { base: this.guestIdtrBase.get(), limit: Number(this.guestIdtrLimit.get()) },
      cr0: this.guestCr0.get(),
      cr3: this.guestCr3.get(),
      cr4: this.guestCr4.get() | BigInt(Cr4.VmxEnableBit),
      dr7: this.guestDr7.get(),
      selectors: { es: segment(0), cs: segment(1), ss: segment(2), ds: segment(3), fs: segment(4), gs: segment(5) },
      ldtr: segment(6),
      tr: segment(7),
      msrs: [
        [Msr.Ia32Debugctl, this.guestIa32Debugctl.get()],
        [Msr.Ia32Pat, this.guestIa32Pat.getIfExists()],
        [Msr.Ia32Efer, this.guestIa32Efer.getIfExists()],
        [Msr.Ia32SysenterCs, this.guestIa32SysenterCs.get()],
        [Msr.Ia32SysenterEsp, this.guestIa32SysenterEsp.get()],
        [Msr.Ia32SysenterEip, this.guestIa32SysenterEip.get()],
        // Last: loading FS and GS selectors clears their bases.
        [Msr.Ia32FsBase, this.guestFsBase.get()],
        [Msr.Ia32GsBase, this.guestGsBase.get()],
      ] as [number, bigint][],
      perfGlobalCtrl: this.guestIa32PerfGlobalCtrl.exists() ? this.guestIa32PerfGlobalCtrl.get() : undefined,
    };
  }

  private loadGuestState(state: ReturnType<VmcsIntelX64['readGuestState']>): void {
    this.controlRegisters.writeCr0(state.cr0);
    // CR4 first: CR3 with a PCID is #GP while CR4.PCIDE is clear.
    this.controlRegisters.writeCr4(state.cr4);
    this.controlRegisters.writeCr3(state.cr3);
    this.controlRegisters.writeDr7(state.dr7);
    this.segments.lgdt(state.gdt);
    this.segments.lidt(state.idt);
    for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const) {
      this.segments.writeSelector(name, state.selectors[name]);
    }
    this.segments.writeSelector('ldtr', state.ldtr);
    this.loadTaskRegister(state.tr, state.gdt);
    for (const [address, value] of state.msrs) this.msrs.wrmsr(address, value);
    if (state.perfGlobalCtrl !== undefined) this.msrs.wrmsr(Msr.Ia32PerfGlobalCtrl, state.perfGlobalCtrl);
  }

  private loadTaskRegister(selector: number, gdt: { base: bigint; limit: number }): void {
    if (selector >> 3 === 0) return;
    const memory = {
      read64: (address: bigint) => this.memory.readOsLinear64(address),
      write64: (address: bigint, value: bigint) => this.memory.writeOsLinear64(address, value),
    };
    // LTR wants an available TSS; the guest's is busy because it is the guest's.
    new GdtX64(memory, gdt).markAvailable(selector >> 3);
    this.segments.writeSelector('tr', selector);
  }
}
