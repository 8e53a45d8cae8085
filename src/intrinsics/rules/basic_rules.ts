// SPDX-License-Identifier: LGPL-2.1-only
import { VmInstructionError } from '../vmx/vm_instruction_errors.js';
import { section, type EntryRule } from './entry_rule.js';

const rule = section('basic', 'Basic VM-Entry Checks');

/** SDM 3C "Basic VM-Entry Checks", without those that are faults of the instruction. */
export const basicRules: readonly EntryRule[] = [
  rule('entryHasACurrentVmcs', {
    wants: 'a current VMCS: VMPTRLD one first (the entry reports VMfailInvalid)',
    fields: [],
    inputs: ['currentVmcs'],
    holds: (reader) => reader.currentVmcs >= 0,
  }),
  rule('entryIsNotBlockedByMovSs', {
    wants: 'no blocking by MOV SS: one more instruction must come between MOV SS and the entry',
    fields: [],
    inputs: ['launch'],
    error: VmInstructionError.EntryEventsBlockedByMovSs,
    holds: (reader) => !reader.isBlockedByMovSs,
  }),
  rule('vmlaunchVmcsIsClear', {
    wants: 'a VMCS whose launch state is clear for VMLAUNCH: VMCLEAR it first, or use VMRESUME',
    fields: [],
    inputs: ['launch'],
    error: VmInstructionError.VmlaunchNonClearVmcs,
    holds: (reader) => !reader.isLaunch || !reader.isLaunched,
  }),
  rule('vmresumeVmcsIsLaunched', {
    wants: 'a VMCS whose launch state is launched for VMRESUME: use VMLAUNCH',
    fields: [],
    inputs: ['launch'],
    error: VmInstructionError.VmresumeNonLaunchedVmcs,
    holds: (reader) => reader.isLaunch || reader.isLaunched,
  }),
];
