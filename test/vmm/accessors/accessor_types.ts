// SPDX-License-Identifier: LGPL-2.1-only
// What the compiler must know about names. This is a test for `tsc`, and never runs. `@ts-expect-error` fails if the line under it compiles.
import type { CpuidAccessors } from '../../../src/intrinsics/accessors/cpuid_accessors.js';
import type { MsrAccessors } from '../../../src/intrinsics/accessors/msr_accessors.js';
import type { RegisterAccessors } from '../../../src/intrinsics/accessors/register_accessors.js';
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';

export function namesOfVmcsFields(vmcs: Vmcs): void {
  vmcs.guestRip.get() satisfies bigint;
  vmcs.guestRip.set(vmcs.guestRip.get());
  // @ts-expect-error -- no such field
  vmcs.guestRib;
  // @ts-expect-error -- exit information is read-only
  vmcs.exitReason.set;
  // @ts-expect-error -- its bits too
  vmcs.exitReason.vmEntryFailure.enable;
  vmcs.exitReason.vmEntryFailure.isEnabled() satisfies boolean;
  vmcs.exitReason.basicExitReason.description() satisfies string;
  vmcs.exitReason.basicExitReason.is('cpuid');
  // @ts-expect-error -- no exit reason has this name
  vmcs.exitReason.basicExitReason.is('cpuit');
  vmcs.guestActivityState.set('hlt');
  // @ts-expect-error -- no activity state has this name
  vmcs.guestActivityState.set('halt');
}

export function namesOfBits(vmcs: Vmcs): void {
  vmcs.primaryProcessorBasedVmExecutionControls.hltExiting.enableIfAllowed(true) satisfies boolean;
  // @ts-expect-error -- no such control
  vmcs.primaryProcessorBasedVmExecutionControls.hltExit;
  // @ts-expect-error -- RFLAGS has no controls
  vmcs.guestRflags.interruptEnableFlag.isAllowed0;
  vmcs.guestRflags.interruptEnableFlag.disable();
  // @ts-expect-error -- a run of bits has a value, it is not enabled
  vmcs.guestRflags.privilegeLevel.enable;
  vmcs.guestCsAccessRights.dpl.set('ring3');
  vmcs.guestIa32Pat.pa3.memoryType.set('write_back');
  vmcs.guestIa32Pat.pa3.set(6n);
  // @ts-expect-error -- there are 8 entries
  vmcs.guestIa32Pat.pa8;
  vmcs.exitQualification.ioInstruction.portNumber.get() satisfies bigint;
  // @ts-expect-error -- an I/O instruction has no CR number
  vmcs.exitQualification.ioInstruction.controlRegisterNumber;
  vmcs.vmExitInstructionInformation.vmread.reg2.is('r15');
}

export function namesOfMsrs(msrs: MsrAccessors): void {
  msrs.ia32Efer.lme.enable();
  // @ts-expect-error -- no such MSR
  msrs.ia32Effer;
  // @ts-expect-error -- no such bit
  msrs.ia32Efer.lmb;
  msrs.ia32FeatureControl.senterLocalFunctionEnables.get();
  // @ts-expect-error -- WRMSR would be #GP
  msrs.ia32VmxBasic.set;
  msrs.ia32VmxTruePinbasedCtls.nmiExiting.isAllowed1() satisfies boolean;
  // @ts-expect-error -- a control in a capability MSR is not enabled, it is allowed
  msrs.ia32VmxTruePinbasedCtls.nmiExiting.isEnabled;
  msrs.ia32Pat.pa0.is('uncacheable');
}

export function namesOfRegisters(registers: RegisterAccessors, cpuid: CpuidAccessors): void {
  registers.cr4.osxsave.enable();
  registers.ss.rpl.get();
  // @ts-expect-error -- no such register
  registers.cr5;
  cpuid.featureInformation.ecx.vmx.isEnabled() satisfies boolean;
  cpuid.extendedFeatureFlags.subleaf0.ebx.smep.isEnabled() satisfies boolean;
  // @ts-expect-error -- VMX is announced in ECX
  cpuid.featureInformation.edx.vmx;
  // @ts-expect-error -- CPUID cannot be written
  cpuid.featureInformation.ecx.vmx.enable;
  // @ts-expect-error -- this leaf has subleaves
  cpuid.extendedFeatureFlags.ebx;
  cpuid.brandString0.edx.get() satisfies bigint;
}
