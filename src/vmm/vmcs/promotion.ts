// SPDX-License-Identifier: LGPL-2.1-only
// Loads a guest's state back into the processor when the VMM releases it. The guest becomes the system that owns the processor.
import type { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import { Cr4 } from '../../intrinsics/registers/registers.js';
import type { Segments, TableRegister } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import type { VmcsFields } from '../vmcs_fields/vmcs_fields.js';
import { GdtX64 } from '../vmm_state/gdt_x64.js';

/** The registers of the processor, and the memory that its tables are in. */
export interface PromotedProcessor {
  readonly controlRegisters: ControlRegisters;
  readonly segments: Segments;
  readonly msrs: Msrs;
  readonly memory: VmmMemory;
}

/** What promotion loads. */
type PromotedState = ReturnType<typeof readPromotedState>;

/** Read while the VMCS is still reachable. */
export function readPromotedState(vmcs: VmcsFields) {
  const segment = (index: number): number => Number(vmcs.read(VmcsField.GuestEsSelector + 2 * index));
  return {
    gdt: { base: vmcs.guestGdtrBase.get(), limit: Number(vmcs.guestGdtrLimit.get()) },
    idt: { base: vmcs.guestIdtrBase.get(), limit: Number(vmcs.guestIdtrLimit.get()) },
    cr0: vmcs.guestCr0.get(),
    cr3: vmcs.guestCr3.get(),
    cr4: vmcs.guestCr4.get() | BigInt(Cr4.VmxEnableBit),
    dr7: vmcs.guestDr7.get(),
    selectors: { es: segment(0), cs: segment(1), ss: segment(2), ds: segment(3), fs: segment(4), gs: segment(5) },
    ldtr: segment(6),
    tr: segment(7),
    msrs: [
      [Msr.Ia32Debugctl, vmcs.guestIa32Debugctl.get()],
      [Msr.Ia32Pat, vmcs.guestIa32Pat.getIfExists()],
      [Msr.Ia32Efer, vmcs.guestIa32Efer.getIfExists()],
      [Msr.Ia32SysenterCs, vmcs.guestIa32SysenterCs.get()],
      [Msr.Ia32SysenterEsp, vmcs.guestIa32SysenterEsp.get()],
      [Msr.Ia32SysenterEip, vmcs.guestIa32SysenterEip.get()],
      // Last: loading FS and GS selectors clears their bases.
      [Msr.Ia32FsBase, vmcs.guestFsBase.get()],
      [Msr.Ia32GsBase, vmcs.guestGsBase.get()],
    ] as [number, bigint][],
    perfGlobalCtrl: vmcs.guestIa32PerfGlobalCtrl.exists() ? vmcs.guestIa32PerfGlobalCtrl.get() : undefined,
  };
}

/** Loads all but RIP, RSP and RFLAGS. */
export function loadPromotedState(
  { controlRegisters, segments, msrs, memory }: PromotedProcessor,
  state: PromotedState,
): void {
  controlRegisters.writeCr0(state.cr0);
  // CR4.PCIDE can be set only while bits 11:0 of CR3 are clear, and those of the VMM's CR3 are not. CR3 with a PCID comes after it.
  controlRegisters.writeCr3((state.cr3 >> 12n) << 12n);
  controlRegisters.writeCr4(state.cr4);
  controlRegisters.writeCr3(state.cr3);
  controlRegisters.writeDr7(state.dr7);
  segments.lgdt(state.gdt);
  segments.lidt(state.idt);
  for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const) segments.writeSelector(name, state.selectors[name]);
  segments.writeSelector('ldtr', state.ldtr);
  loadTaskRegister(segments, memory, state.tr, state.gdt);
  for (const [address, value] of state.msrs) msrs.wrmsr(address, value);
  if (state.perfGlobalCtrl !== undefined) msrs.wrmsr(Msr.Ia32PerfGlobalCtrl, state.perfGlobalCtrl);
}

function loadTaskRegister(segments: Segments, memory: VmmMemory, selector: number, gdt: TableRegister): void {
  if (selector >> 3 === 0) return;
  const osMemory = {
    read64: (address: bigint) => memory.readOsLinear64(address),
    write64: (address: bigint, value: bigint) => memory.writeOsLinear64(address, value),
  };
  // LTR needs an available TSS, but the guest's is busy, because the guest uses it.
  new GdtX64(osMemory, gdt).markAvailable(selector >> 3);
  segments.writeSelector('tr', selector);
}
