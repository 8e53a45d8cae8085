// SPDX-License-Identifier: LGPL-2.1-only
import { ExitControl, PinBasedControl } from '../vmx/control_bits.js';
import { Msr } from '../registers/msr_definitions.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryRule } from './entry_rule.js';
import { exitControls, isMsrArea, obeysCapability, pinControls } from './predicates.js';

const rule = section('control', 'VM-Exit Control Fields');

/** SDM 3C "VM-Exit Control Fields" of "Checks on VMX Controls". */
export const exitControlRules: readonly EntryRule[] = [
  rule('controlVmExitCtlsReservedProperlySet', {
    wants:
      'VM-exit controls that IA32_VMX_TRUE_EXIT_CTLS allows: its low half must be 1, others only if 1 in its high half',
    fields: [F.VmExitControls],
    msrs: [Msr.Ia32VmxTrueExitCtls],
    holds: (reader) => obeysCapability(reader, exitControls(reader), Msr.Ia32VmxTrueExitCtls),
  }),
  rule('controlSecondaryVmExitCtlsReservedProperlySet', {
    wants:
      'secondary VM-exit controls that IA32_VMX_EXIT_CTLS2 allows while "activate secondary controls" of the VM-exit controls is 1',
    fields: [F.VmExitControls, F.SecondaryVmExitControls],
    msrs: [Msr.Ia32VmxExitCtls2],
    holds: (reader) =>
      (exitControls(reader) & ExitControl.ActivateSecondaryControls) === 0 ||
      ((reader.low(F.SecondaryVmExitControls) & ~reader.capabilityLow(Msr.Ia32VmxExitCtls2)) === 0 &&
        (reader.high(F.SecondaryVmExitControls) & ~reader.capabilityHigh(Msr.Ia32VmxExitCtls2)) === 0),
  }),
  rule('controlActivateAndSavePreemptionTimerMustBe0', {
    wants: '"save VMX-preemption timer value" 0 while "activate VMX-preemption timer" is 0',
    fields: [F.PinBasedVmExecutionControls, F.VmExitControls],
    holds: (reader) =>
      (pinControls(reader) & PinBasedControl.ActivateVmxPreemptionTimer) !== 0 ||
      (exitControls(reader) & ExitControl.SaveVmxPreemptionTimerValue) === 0,
  }),
  rule('controlExitMsrStoreAddress', {
    wants:
      'a VM-exit MSR-store area that is 16-byte aligned and ends within the physical-address width, unless its count is 0',
    fields: [F.VmExitMsrStoreCount, F.VmExitMsrStoreAddress],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => isMsrArea(reader, F.VmExitMsrStoreAddress, F.VmExitMsrStoreCount),
  }),
  rule('controlExitMsrLoadAddress', {
    wants:
      'a VM-exit MSR-load area that is 16-byte aligned and ends within the physical-address width, unless its count is 0',
    fields: [F.VmExitMsrLoadCount, F.VmExitMsrLoadAddress],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => isMsrArea(reader, F.VmExitMsrLoadAddress, F.VmExitMsrLoadCount),
  }),
];
