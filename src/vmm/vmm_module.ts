// SPDX-License-Identifier: LGPL-2.1-only
// The base VMM: the default binding of every part. The machine binds the intrinsics, SerialSettings and HandlerTrace.
import { CpuidAccessors } from '../intrinsics/accessors/cpuid_accessors.js';
import { MsrAccessors } from '../intrinsics/accessors/msr_accessors.js';
import { RegisterAccessors } from '../intrinsics/accessors/register_accessors.js';
import { USER_VERSION_DEFAULT, UserVersion } from './vmcall/user_version.js';
import { VcpuId, VcpuIdentity } from './vcpu_identity.js';
import { CpuidAccessorsX64 } from './accessors/cpuid_accessors_x64.js';
import { MsrAccessorsX64 } from './accessors/msr_accessors_x64.js';
import { RegisterAccessorsX64 } from './accessors/register_accessors_x64.js';
import { vcpuModule, vmmModule } from './container/part_module.js';
import { ProcessorWork } from './processor_work/processor_work.js';
import { ProcessorWorkX64 } from './processor_work/processor_work_x64.js';
import { NamedContributions } from './vcpu/named_contributions.js';
import { NamedContributionsX64 } from './vcpu/named_contributions_x64.js';
import { DebugRing } from './debug_ring/debug_ring.js';
import { DebugRingX64 } from './debug_ring/debug_ring_x64.js';
import { Entry, EntryHooks } from './entry/entry.js';
import { EntryHooksX64 } from './entry/entry_hooks_x64.js';
import { EntryX64 } from './entry/entry_x64.js';
import { Ept } from './ept/ept.js';
import { EptIntelX64 } from './ept/ept_intel_x64.js';
import { Exit } from './exit/exit.js';
import { ExitExplainer } from './exit/exit_explainer.js';
import { ExitExplainerIntelX64 } from './exit/exit_explainer_intel_x64.js';
import { ExitHandler } from './exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from './exit_handler/exit_handler_intel_x64.js';
import { ExitIntelX64 } from './exit/exit_intel_x64.js';
import { VmcallFailures } from './vmcall/vmcall_failures.js';
import { VmcallFailuresX64 } from './vmcall/vmcall_failures_x64.js';
import { ProcessorFacts } from './processor_facts/processor_facts.js';
import { ProcessorFactsX64 } from './processor_facts/processor_facts_x64.js';
import { GuestMemory } from './memory_manager/guest_memory.js';
import { GuestMemoryX64 } from './memory_manager/guest_memory_x64.js';
import { MemoryManager } from './memory_manager/memory_manager.js';
import { MemoryManagerX64 } from './memory_manager/memory_manager_x64.js';
import { PhysicalWindow } from './memory_manager/physical_window.js';
import { PhysicalWindowX64 } from './memory_manager/physical_window_x64.js';
import { RootPageTable } from './memory_manager/root_page_table.js';
import { RootPageTableX64 } from './memory_manager/root_page_table_x64.js';
import { Output } from './output/output.js';
import { OutputX64 } from './vcpu/output_x64.js';
import { ReloadWork } from './reload/reload_work.js';
import { ReloadWorkX64 } from './reload/reload_work_x64.js';
import { SerialPort } from './serial/serial_port.js';
import { SerialPortIntelX64 } from './serial/serial_port_intel_x64.js';
import { ContributedTraps } from './owners/contributed_traps.js';
import { ContributedTrapsIntelX64 } from './owners/contributed_traps_intel_x64.js';
import { ExceptionBitmapIntelX64 } from './owners/exception_bitmap_intel_x64.js';
import { GuestHostMasksIntelX64 } from './owners/guest_host_masks_intel_x64.js';
import { IoBitmapIntelX64 } from './owners/io_bitmap_intel_x64.js';
import { MonitorTrapIntelX64 } from './owners/monitor_trap_intel_x64.js';
import { MsrBitmapIntelX64 } from './owners/msr_bitmap_intel_x64.js';
import {
  ExceptionBitmap,
  GuestHostMasks,
  IoBitmap,
  MonitorTrap,
  MsrBitmap,
  TscOffset,
  Vpid,
  VpidPool,
} from './owners/owners.js';
import { TscOffsetIntelX64 } from './owners/tsc_offset_intel_x64.js';
import { VpidIntelX64 } from './owners/vpid_intel_x64.js';
import { VpidPoolX64 } from './owners/vpid_pool_x64.js';
import { defaultSizes, Sizes } from './sizes.js';
import { StateSave } from './state_save/state_save.js';
import { StateSaveIntelX64 } from './state_save/state_save_intel_x64.js';
import { Vcpu } from './vcpu/vcpu.js';
import { VcpuFactory } from './vcpu/vcpu_factory.js';
import { VcpuFactoryIntelX64 } from './vcpu/vcpu_factory_intel_x64.js';
import { VcpuIntelX64 } from './vcpu/vcpu_intel_x64.js';
import { VcpuManager } from './vcpu/vcpu_manager.js';
import { VcpuManagerX64 } from './vcpu/vcpu_manager_x64.js';
import { VmEntryExplainer } from './vmcs/vm_entry_explainer.js';
import { VmEntryExplainerIntelX64 } from './vmcs/vm_entry_explainer_intel_x64.js';
import { Vmcs } from './vmcs/vmcs.js';
import { VmcsIntelX64 } from './vmcs/vmcs_intel_x64.js';
import { GuestStateIntelX64 } from './vmm_state/guest_state_intel_x64.js';
import { GuestState, VmmState } from './vmm_state/vmcs_state.js';
import { VmmStateIntelX64 } from './vmm_state/vmm_state_intel_x64.js';
import { VmmTables } from './vmm_state/vmm_tables.js';
import { VmmTablesX64 } from './vmm_state/vmm_tables_x64.js';
import { Vmxon } from './vmxon/vmxon.js';
import { VmxonIntelX64 } from './vmxon/vmxon_intel_x64.js';

/** The parts that exist once per VMM. */
export const vmmParts = vmmModule(({ bind }) => {
  bind(Entry).to(EntryX64);
  bind(EntryHooks).to(EntryHooksX64);
  bind(VcpuManager).to(VcpuManagerX64);
  bind(VcpuFactory).to(VcpuFactoryIntelX64);
  bind(MemoryManager).to(MemoryManagerX64);
  bind(RootPageTable).to(RootPageTableX64);
  bind(GuestMemory).to(GuestMemoryX64);
  bind(PhysicalWindow).to(PhysicalWindowX64);
  bind(Ept).to(EptIntelX64);
  bind(ProcessorWork).to(ProcessorWorkX64);
  bind(VpidPool).to(VpidPoolX64);
  bind(VmmTables).to(VmmTablesX64);
  bind(SerialPort).to(SerialPortIntelX64);
  bind(Output).to(OutputX64);
  bind(VmcallFailures).to(VmcallFailuresX64);
  bind(MsrAccessors).to(MsrAccessorsX64);
  bind(RegisterAccessors).to(RegisterAccessorsX64);
  bind(CpuidAccessors).to(CpuidAccessorsX64);
  bind(ProcessorFacts).to(ProcessorFactsX64);
  bind(Sizes).toConstantValue(defaultSizes);
  bind(UserVersion).toConstantValue(USER_VERSION_DEFAULT);
});

/** The parts that each vCPU has. */
export const vcpuParts = vcpuModule(({ bind }) => {
  bind(VcpuIdentity).toConstantValue(VcpuId.invalid);
  bind(Vcpu).to(VcpuIntelX64);
  bind(DebugRing).to(DebugRingX64);
  bind(Vmxon).to(VmxonIntelX64);
  bind(Vmcs).to(VmcsIntelX64);
  bind(VmEntryExplainer).to(VmEntryExplainerIntelX64);
  bind(VmmState).to(VmmStateIntelX64);
  bind(GuestState).to(GuestStateIntelX64);
  bind(StateSave).to(StateSaveIntelX64);
  bind(NamedContributions).to(NamedContributionsX64);
  bind(Exit).to(ExitIntelX64);
  bind(ExitExplainer).to(ExitExplainerIntelX64);
  bind(ExitHandler).to(ExitHandlerIntelX64);
  bind(MsrBitmap).to(MsrBitmapIntelX64);
  bind(IoBitmap).to(IoBitmapIntelX64);
  bind(ExceptionBitmap).to(ExceptionBitmapIntelX64);
  bind(GuestHostMasks).to(GuestHostMasksIntelX64);
  bind(Vpid).to(VpidIntelX64);
  bind(MonitorTrap).to(MonitorTrapIntelX64);
  bind(TscOffset).to(TscOffsetIntelX64);
  bind(ReloadWork).to(ReloadWorkX64);
  bind(ContributedTraps).to(ContributedTrapsIntelX64);
});
