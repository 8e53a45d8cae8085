// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl } from '../vmx/control_bits.js';
import { Msr } from '../registers/msr_definitions.js';
import { Cr0, Cr4 } from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import { isMsrValue } from '../contents/msr_contents.js';
import { entryControls, isCanonical, isInPhysicalRange, isUnrestricted, SECONDARY } from './predicates.js';
import {
  isCetWithWriteProtect,
  isEfer,
  isSCet,
  isSettable,
  obeysCr0Fixed,
  obeysCr4Fixed,
} from './register_predicates.js';

const rule = section('guest', 'Checks on Guest Control Registers, Debug Registers, and MSRs');

/** A rule that applies only while an entry control is 1. */
function loaded(
  name: string,
  control: number,
  wants: string,
  fields: readonly number[],
  holds: (reader: EntryReader) => boolean,
  extra: { msrs?: readonly number[]; inputs?: readonly ['linearAddressWidth'] } = {},
): EntryRule {
  return rule(name, {
    wants,
    fields: [F.VmEntryControls, ...fields],
    ...extra,
    holds: (reader) => (entryControls(reader) & control) === 0 || holds(reader),
  });
}

function isIa32eGuest(reader: EntryReader): boolean {
  return (entryControls(reader) & EntryControl.Ia32eModeGuest) !== 0;
}

const controlRegisters: readonly EntryRule[] = [
  rule('guestCr0ForUnsupportedBits', {
    wants:
      'guest CR0 with the bits of IA32_VMX_CR0_FIXED0 1 and none that is 0 in IA32_VMX_CR0_FIXED1 (PE and PG are free with "unrestricted guest")',
    fields: [...SECONDARY, F.GuestCr0],
    msrs: [Msr.Ia32VmxCr0Fixed0, Msr.Ia32VmxCr0Fixed1],
    holds: (reader) =>
      obeysCr0Fixed(reader, F.GuestCr0, isUnrestricted(reader) ? Cr0.ProtectionEnable | Cr0.Paging : 0),
  }),
  rule('guestCr0VerifyPagingEnabled', {
    wants: 'guest CR0.PE 1 while guest CR0.PG is 1',
    fields: [F.GuestCr0],
    holds: (reader) => {
      const cr0 = reader.low(F.GuestCr0);
      return (cr0 & Cr0.Paging) === 0 || (cr0 & Cr0.ProtectionEnable) !== 0;
    },
  }),
  rule('guestCr4ForUnsupportedBits', {
    wants: 'guest CR4 with the bits of IA32_VMX_CR4_FIXED0 1 and none that is 0 in IA32_VMX_CR4_FIXED1',
    fields: [F.GuestCr4],
    msrs: [Msr.Ia32VmxCr4Fixed0, Msr.Ia32VmxCr4Fixed1],
    holds: (reader) => obeysCr4Fixed(reader, F.GuestCr4),
  }),
  rule('guestCr4CetNeedsWriteProtect', {
    wants: 'guest CR0.WP 1 while guest CR4.CET is 1',
    fields: [F.GuestCr0, F.GuestCr4],
    holds: (reader) => isCetWithWriteProtect(reader, F.GuestCr0, F.GuestCr4),
  }),
  loaded(
    'guestLoadDebugControlsVerifyReserved',
    EntryControl.LoadDebugControls,
    'no reserved bit in guest IA32_DEBUGCTL while "load debug controls" is 1',
    [F.GuestIa32Debugctl],
    (reader) => isSettable(reader, F.GuestIa32Debugctl, Msr.Ia32Debugctl),
    { msrs: [Msr.Ia32Debugctl] },
  ),
  rule('guestVerifyIa32eModeEnabled', {
    wants: 'guest CR0.PG and CR4.PAE 1 while "IA-32e mode guest" is 1',
    fields: [F.VmEntryControls, F.GuestCr0, F.GuestCr4],
    holds: (reader) =>
      !isIa32eGuest(reader) ||
      ((reader.low(F.GuestCr0) & Cr0.Paging) !== 0 && (reader.low(F.GuestCr4) & Cr4.PhysicalAddressExtensions) !== 0),
  }),
  rule('guestVerifyIa32eModeDisabled', {
    wants: 'guest CR4.PCIDE 0 while "IA-32e mode guest" is 0',
    fields: [F.VmEntryControls, F.GuestCr4],
    holds: (reader) => isIa32eGuest(reader) || (reader.low(F.GuestCr4) & Cr4.PcidEnableBit) === 0,
  }),
  rule('guestCr3ForUnsupportedBits', {
    wants: 'guest CR3 within the physical-address width',
    fields: [F.GuestCr3],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => isInPhysicalRange(reader, F.GuestCr3),
  }),
  loaded(
    'guestLoadDebugControlsVerifyDr7',
    EntryControl.LoadDebugControls,
    'bits 63:32 of guest DR7 0 while "load debug controls" is 1',
    [F.GuestDr7],
    (reader) => reader.high(F.GuestDr7) === 0,
  ),
];

function canonical(name: string, what: string, field: number): EntryRule {
  return rule(name, {
    wants: `${what} canonical`,
    fields: [field],
    inputs: ['linearAddressWidth'],
    holds: (reader) => isCanonical(reader, field),
  });
}

const msrs: readonly EntryRule[] = [
  canonical('guestIa32SysenterEspCanonicalAddress', 'guest IA32_SYSENTER_ESP', F.GuestIa32SysenterEsp),
  canonical('guestIa32SysenterEipCanonicalAddress', 'guest IA32_SYSENTER_EIP', F.GuestIa32SysenterEip),
  loaded(
    'guestVerifyLoadIa32PerfGlobalCtrl',
    EntryControl.LoadIa32PerfGlobalCtrl,
    'no reserved bit in guest IA32_PERF_GLOBAL_CTRL while "load IA32_PERF_GLOBAL_CTRL" of the VM-entry controls is 1',
    [F.GuestIa32PerfGlobalCtrl],
    (reader) => isSettable(reader, F.GuestIa32PerfGlobalCtrl, Msr.Ia32PerfGlobalCtrl),
    { msrs: [Msr.Ia32PerfGlobalCtrl] },
  ),
  loaded(
    'guestVerifyLoadIa32Pat',
    EntryControl.LoadIa32Pat,
    'each byte of guest IA32_PAT 0, 1, 4, 5, 6 or 7 while "load IA32_PAT" of the VM-entry controls is 1',
    [F.GuestIa32Pat],
    (reader) => isMsrValue(reader, Msr.Ia32Pat, reader.low(F.GuestIa32Pat), reader.high(F.GuestIa32Pat)),
  ),
  loaded(
    'guestVerifyLoadIa32Efer',
    EntryControl.LoadIa32Efer,
    'with "load IA32_EFER" of the VM-entry controls: no reserved bit in guest IA32_EFER, LMA equal to "IA-32e mode guest", LME equal to LMA while CR0.PG is 1',
    [F.GuestIa32Efer, F.GuestCr0],
    (reader) => isEfer(reader, F.GuestIa32Efer, isIa32eGuest(reader), (reader.low(F.GuestCr0) & Cr0.Paging) !== 0),
    { msrs: [Msr.Ia32Efer] },
  ),
  loaded(
    'guestVerifyLoadIa32Bndcfgs',
    EntryControl.LoadIa32Bndcfgs,
    'with "load IA32_BNDCFGS": bits 11:2 of guest IA32_BNDCFGS 0 and its linear address canonical',
    [F.GuestIa32Bndcfgs],
    (reader) => (reader.low(F.GuestIa32Bndcfgs) & 0xffc) === 0 && isCanonical(reader, F.GuestIa32Bndcfgs),
    { inputs: ['linearAddressWidth'] },
  ),
  loaded(
    'guestVerifyLoadIa32RtitCtl',
    EntryControl.LoadIa32RtitCtl,
    'no reserved bit in guest IA32_RTIT_CTL while "load IA32_RTIT_CTL" is 1',
    [F.GuestIa32RtitCtl],
    (reader) => isSettable(reader, F.GuestIa32RtitCtl, Msr.Ia32RtitCtl),
    { msrs: [Msr.Ia32RtitCtl] },
  ),
  loaded(
    'guestVerifyLoadCetState',
    EntryControl.LoadCetState,
    'with "load CET state": guest IA32_S_CET canonical, bits 9:6 0 and bits 11:10 not both 1; guest interrupt-SSP table address canonical',
    [F.GuestIa32SCet, F.GuestIa32InterruptSspTableAddr],
    (reader) =>
      isSCet(reader.low(F.GuestIa32SCet)) &&
      isCanonical(reader, F.GuestIa32SCet) &&
      isCanonical(reader, F.GuestIa32InterruptSspTableAddr),
    { inputs: ['linearAddressWidth'] },
  ),
  loaded(
    'guestVerifyLoadIa32LbrCtl',
    EntryControl.LoadIa32LbrCtl,
    'no reserved bit in guest IA32_LBR_CTL while "load guest IA32_LBR_CTL" is 1',
    [F.GuestIa32LbrCtl],
    (reader) => isSettable(reader, F.GuestIa32LbrCtl, Msr.Ia32LbrCtl),
    { msrs: [Msr.Ia32LbrCtl] },
  ),
  loaded(
    'guestVerifyLoadPkrs',
    EntryControl.LoadPkrs,
    'bits 63:32 of guest IA32_PKRS 0 while "load PKRS" is 1',
    [F.GuestIa32Pkrs],
    (reader) => reader.high(F.GuestIa32Pkrs) === 0,
  ),
  loaded(
    'guestVerifyLoadUinv',
    EntryControl.LoadUinv,
    'bits 15:8 of guest UINV 0 while "load UINV" is 1',
    [F.GuestUinv],
    (reader) => (reader.low(F.GuestUinv) & 0xff00) === 0,
  ),
];

/** SDM 3C "Checks on Guest Control Registers, Debug Registers, and MSRs". */
export const guestRegisterRules: readonly EntryRule[] = [...controlRegisters, ...msrs];
