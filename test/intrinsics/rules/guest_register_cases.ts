// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Cr0, Cr4, Efer, Rflags } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField as F } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import {
  type FakeVmcs,
  valid32BitVmcs,
  validPaeVmcs,
  validUnrestrictedVmcs,
  validVirtual8086Vmcs,
  validVmcs,
  validVmcsWithEpt,
} from '../../support/valid_vmcs.js';
import { RuleCases } from './rule_cases.js';

const cases = new RuleCases();
const { breaks, keeps } = { breaks: cases.breaks.bind(cases), keeps: cases.keeps.bind(cases) };
const NOT_CANONICAL = 0x0000800000000000n;
const entry = (bits: number) => (): FakeVmcs => validVmcs().on(F.VmEntryControls, bits);

breaks('guestCr0ForUnsupportedBits', 'NE is 0', validVmcs, (v) => v.off(F.GuestCr0, Cr0.NumericError));
breaks('guestCr0ForUnsupportedBits', 'bit 32 is 1', validVmcs, (v) => v.on(F.GuestCr0, 1n << 32n));
breaks('guestCr0ForUnsupportedBits', 'PG is 0 without unrestricted guest', valid32BitVmcs, (v) =>
  v.off(F.GuestCr0, Cr0.Paging),
);
keeps('guestCr0ForUnsupportedBits', 'PE and PG are 0 with unrestricted guest', validUnrestrictedVmcs, () => undefined);
breaks('guestCr0VerifyPagingEnabled', 'PG without PE', validUnrestrictedVmcs, (v) => v.on(F.GuestCr0, Cr0.Paging));
breaks('guestCr4ForUnsupportedBits', 'VMXE is 0', validVmcs, (v) => v.off(F.GuestCr4, Cr4.VmxEnableBit));
breaks('guestCr4ForUnsupportedBits', 'bit 29 is 1', validVmcs, (v) => v.on(F.GuestCr4, 1 << 29));
breaks(
  'guestCr4CetNeedsWriteProtect',
  'WP is 0',
  () => validVmcs().on(F.GuestCr4, Cr4.ControlFlowEnforcement),
  (v) => v.off(F.GuestCr0, Cr0.WriteProtect),
);
breaks('guestLoadDebugControlsVerifyReserved', 'bit 2', entry(EntryControl.LoadDebugControls), (v) =>
  v.set(F.GuestIa32Debugctl, 4),
);
breaks('guestLoadDebugControlsVerifyReserved', 'bit 32', entry(EntryControl.LoadDebugControls), (v) =>
  v.set(F.GuestIa32Debugctl, 1n << 32n),
);
keeps('guestLoadDebugControlsVerifyReserved', 'bit 2, not loaded', validVmcs, (v) => v.set(F.GuestIa32Debugctl, 4));
breaks('guestVerifyIa32eModeEnabled', 'PAE is 0', validVmcs, (v) => v.off(F.GuestCr4, Cr4.PhysicalAddressExtensions));
keeps('guestVerifyIa32eModeEnabled', 'PAE is 0 in a 32-bit guest', valid32BitVmcs, () => undefined);
breaks('guestVerifyIa32eModeDisabled', 'PCIDE in a 32-bit guest', valid32BitVmcs, (v) =>
  v.on(F.GuestCr4, Cr4.PcidEnableBit),
);
keeps('guestVerifyIa32eModeDisabled', 'PCIDE in a 64-bit guest', validVmcs, (v) => v.on(F.GuestCr4, Cr4.PcidEnableBit));
breaks('guestCr3ForUnsupportedBits', 'beyond the width', validVmcs, (v) => v.on(F.GuestCr3, 1n << 39n));
breaks('guestLoadDebugControlsVerifyDr7', 'bit 32', entry(EntryControl.LoadDebugControls), (v) =>
  v.on(F.GuestDr7, 1n << 32n),
);
keeps('guestLoadDebugControlsVerifyDr7', 'bit 32, not loaded', validVmcs, (v) => v.on(F.GuestDr7, 1n << 32n));
breaks('guestIa32SysenterEspCanonicalAddress', 'not canonical', validVmcs, (v) =>
  v.set(F.GuestIa32SysenterEsp, NOT_CANONICAL),
);
breaks('guestIa32SysenterEipCanonicalAddress', 'not canonical', validVmcs, (v) =>
  v.set(F.GuestIa32SysenterEip, NOT_CANONICAL),
);
breaks('guestVerifyLoadIa32PerfGlobalCtrl', 'bit 8', entry(EntryControl.LoadIa32PerfGlobalCtrl), (v) =>
  v.set(F.GuestIa32PerfGlobalCtrl, 0x100),
);
keeps('guestVerifyLoadIa32PerfGlobalCtrl', 'bit 8, not loaded', validVmcs, (v) =>
  v.set(F.GuestIa32PerfGlobalCtrl, 0x100),
);
breaks('guestVerifyLoadIa32Pat', 'entry 0 is 2', entry(EntryControl.LoadIa32Pat), (v) => v.set(F.GuestIa32Pat, 2));
breaks('guestVerifyLoadIa32Pat', 'entry 4 is 3', entry(EntryControl.LoadIa32Pat), (v) =>
  v.set(F.GuestIa32Pat, 3n << 32n),
);
keeps('guestVerifyLoadIa32Pat', 'entry 0 is 2, not loaded', validVmcs, (v) => v.set(F.GuestIa32Pat, 2));
const efer = entry(EntryControl.LoadIa32Efer);
breaks('guestVerifyLoadIa32Efer', 'a reserved bit', efer, (v) => v.on(F.GuestIa32Efer, 2));
breaks('guestVerifyLoadIa32Efer', 'LMA is 0 in a 64-bit guest', efer, (v) => v.off(F.GuestIa32Efer, Efer.Lma));
breaks('guestVerifyLoadIa32Efer', 'LME is 0 with paging', efer, (v) => v.off(F.GuestIa32Efer, Efer.Lme));
keeps(
  'guestVerifyLoadIa32Efer',
  'LME is 1 without paging',
  () => validUnrestrictedVmcs().on(F.VmEntryControls, EntryControl.LoadIa32Efer),
  (v) => v.on(F.GuestIa32Efer, Efer.Lme),
);
keeps('guestVerifyLoadIa32Efer', 'a reserved bit, not loaded', validVmcs, (v) => v.on(F.GuestIa32Efer, 2));
const bndcfgs = entry(EntryControl.LoadIa32Bndcfgs);
breaks('guestVerifyLoadIa32Bndcfgs', 'bit 2', bndcfgs, (v) => v.set(F.GuestIa32Bndcfgs, 4));
breaks('guestVerifyLoadIa32Bndcfgs', 'not canonical', bndcfgs, (v) => v.set(F.GuestIa32Bndcfgs, NOT_CANONICAL));
keeps('guestVerifyLoadIa32Bndcfgs', 'bit 2, not loaded', validVmcs, (v) => v.set(F.GuestIa32Bndcfgs, 4));
breaks('guestVerifyLoadIa32RtitCtl', 'bit 14', entry(EntryControl.LoadIa32RtitCtl), (v) =>
  v.set(F.GuestIa32RtitCtl, 0x4000),
);
keeps('guestVerifyLoadIa32RtitCtl', 'bit 14, not loaded', validVmcs, (v) => v.set(F.GuestIa32RtitCtl, 0x4000));
const cet = entry(EntryControl.LoadCetState);
breaks('guestVerifyLoadCetState', 'S_CET bit 9', cet, (v) => v.set(F.GuestIa32SCet, 0x200));
breaks('guestVerifyLoadCetState', 'S_CET not canonical', cet, (v) => v.set(F.GuestIa32SCet, NOT_CANONICAL));
breaks('guestVerifyLoadCetState', 'table address not canonical', cet, (v) =>
  v.set(F.GuestIa32InterruptSspTableAddr, NOT_CANONICAL),
);
breaks('guestVerifyLoadIa32LbrCtl', 'bit 4', entry(EntryControl.LoadIa32LbrCtl), (v) => v.set(F.GuestIa32LbrCtl, 0x10));
breaks('guestVerifyLoadPkrs', 'bit 32', entry(EntryControl.LoadPkrs), (v) => v.set(F.GuestIa32Pkrs, 1n << 32n));
breaks('guestVerifyLoadUinv', 'bit 8', entry(EntryControl.LoadUinv), (v) => v.set(F.GuestUinv, 0x100));

// Descriptor tables.
breaks('guestGdtrBaseMustBeCanonical', 'not canonical', validVmcs, (v) => v.set(F.GuestGdtrBase, NOT_CANONICAL));
breaks('guestIdtrBaseMustBeCanonical', 'not canonical', validVmcs, (v) => v.set(F.GuestIdtrBase, NOT_CANONICAL));
breaks('guestGdtrLimitReservedBits', 'bit 16', validVmcs, (v) => v.set(F.GuestGdtrLimit, 0x10000));
breaks('guestIdtrLimitReservedBits', 'bit 31', validVmcs, (v) => v.set(F.GuestIdtrLimit, 0x80000000));

// RIP, RFLAGS, SSP.
breaks('guestRipUpperBits', 'beyond 4 GiB in a 32-bit guest', valid32BitVmcs, (v) => v.set(F.GuestRip, 1n << 32n));
breaks(
  'guestRipUpperBits',
  'beyond 4 GiB in compatibility mode',
  () => validVmcs().set(F.GuestCsAccessRights, 0xc09b).set(F.GuestRip, 0x1000),
  (v) => v.set(F.GuestRip, 1n << 32n),
);
breaks('guestRipValidAddr', 'bit 48 alone', validVmcs, (v) => v.set(F.GuestRip, 1n << 48n));
keeps('guestRipValidAddr', 'bit 47 alone: RIP need not be canonical', validVmcs, (v) => v.set(F.GuestRip, 1n << 47n));
keeps('guestRipValidAddr', 'the upper half', validVmcs, (v) => v.set(F.GuestRip, 0xffff000000000000n));
breaks('guestRflagsReservedBits', 'bit 3', validVmcs, (v) => v.on(F.GuestRflags, 8));
breaks('guestRflagsReservedBits', 'bit 1 is 0', validVmcs, (v) => v.off(F.GuestRflags, 2));
breaks('guestRflagsReservedBits', 'bit 32', validVmcs, (v) => v.on(F.GuestRflags, 1n << 32n));
const unrestricted8086 = (): FakeVmcs => {
  const vmcs = validVirtual8086Vmcs();
  for (const [field, value] of validUnrestrictedVmcs().fields) {
    if (
      field === F.PrimaryProcessorBasedVmExecutionControls ||
      field === F.SecondaryProcessorBasedVmExecutionControls ||
      field === F.EptPointer
    )
      vmcs.set(field, value);
  }
  return vmcs.off(F.GuestCr0, Cr0.Paging);
};
breaks('guestRflagsVmBit', 'virtual-8086 mode with PE 0', unrestricted8086, (v) =>
  v.off(F.GuestCr0, Cr0.ProtectionEnable),
);
keeps('guestRflagsVmBit', 'virtual-8086 mode', validVirtual8086Vmcs, () => undefined);
breaks('guestRflagInterruptEnable', 'an external interrupt with IF 0', validVmcs, (v) =>
  v.set(F.VmEntryInterruptionInformationField, 0x80000020),
);
keeps('guestRflagInterruptEnable', 'an external interrupt with IF 1', validVmcs, (v) =>
  v.set(F.VmEntryInterruptionInformationField, 0x80000020).on(F.GuestRflags, Rflags.InterruptEnableFlag),
);
breaks('guestSspForLoadCetState', 'unaligned', cet, (v) => v.set(F.GuestSsp, 1));
breaks('guestSspForLoadCetState', 'bit 48 alone', cet, (v) => v.set(F.GuestSsp, 1n << 48n));
breaks(
  'guestSspForLoadCetState',
  'beyond 4 GiB in a 32-bit guest',
  () => valid32BitVmcs().on(F.VmEntryControls, EntryControl.LoadCetState),
  (v) => v.set(F.GuestSsp, 1n << 32n),
);
keeps('guestSspForLoadCetState', 'unaligned, not loaded', validVmcs, (v) => v.set(F.GuestSsp, 1));

// PDPTEs.
const pae = (): FakeVmcs => {
  const vmcs = validPaeVmcs();
  for (let entry = 0; entry < 4; entry++) vmcs.memory.set(0x2000 + entry * 8, 0x3001 + entry * 0x1000);
  return vmcs;
};
breaks('guestValidPdpteWithEptDisabled', 'PDPTE 0 with bit 1', pae, (v) => v.memory.set(0x2000, 0x3003));
breaks('guestValidPdpteWithEptDisabled', 'PDPTE 3 beyond the width', pae, (v) => v.memory.set(0x201c, 0x80));
keeps('guestValidPdpteWithEptDisabled', 'PDPTE 0 not present with bit 1', pae, (v) => v.memory.set(0x2000, 0x3002));
keeps('guestValidPdpteWithEptDisabled', 'PWT and PCD', pae, (v) => v.memory.set(0x2000, 0x3019));
keeps('guestValidPdpteWithEptDisabled', 'no PAE paging', valid32BitVmcs, (v) => v.memory.set(0x2000, 0x3003));
const paeEpt = (): FakeVmcs => validPaeVmcs(validVmcsWithEpt()).set(F.GuestPdpte0, 0x3001);
breaks('guestValidPdpteWithEptEnabled', 'PDPTE 0 with bit 5', paeEpt, (v) => v.set(F.GuestPdpte0, 0x3021));
breaks('guestValidPdpteWithEptEnabled', 'PDPTE 3 beyond the width', paeEpt, (v) =>
  v.set(F.GuestPdpte3, (1n << 39n) | 1n),
);
keeps('guestValidPdpteWithEptEnabled', 'PDPTE 3 not present beyond the width', paeEpt, (v) =>
  v.set(F.GuestPdpte3, 1n << 39n),
);
keeps('guestValidPdpteWithEptEnabled', 'no EPT', pae, (v) => v.set(F.GuestPdpte0, 0x3021));

/** Mutations of guest registers. */
export const guestRegisterCases = cases.list;
