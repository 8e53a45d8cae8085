// SPDX-License-Identifier: LGPL-2.1-only
// The VMCS with which every case starts: a 64-bit guest at CPL 0 in the host's own address space. Its exceptions lead to stubs that execute VMCALL.
import { F } from './fields.mjs';

/** Physical addresses that probe.s sets up or clears before each case. */
export const M = {
  pml4: 0x400000,
  vmxonRegion: 0x410000,
  vmcs: 0x411000,
  otherVmcs: 0x412000,
  ioBitmapA: 0x413000,
  ioBitmapB: 0x414000,
  msrBitmap: 0x415000,
  virtualApic: 0x416000,
  apicAccess: 0x417000,
  msrArea: 0x418000,
  eptPml4: 0x419000,
  eptPdpt: 0x41a000,
  eptPd: 0x41b000,
  eptPt: 0x41f000,
  pageDirectory32: 0x420000,
  paePdpt: 0x421000,
  paePd: 0x422000,
  vmreadBitmap: 0x426000,
  vmwriteBitmap: 0x427000,
  shadowVmcs: 0x428000,
  veInformation: 0x429000,
  pml: 0x42a000,
  postedDescriptor: 0x42b000,
  eptpList: 0x42c000,
  scratch: 0x42d000,
  eptTestArea: 0x600000,
  hostStack: 0x500000,
  guestStack: 0x510000,
  lowCode: 0x8000,
};

const CR0 = 0x80010033;
const CR4 = 0x26a0;

export const baseFields = [
  [F.VmcsLinkPointer, -1n],
  [F.HostCr0, CR0],
  [F.HostCr3, M.pml4],
  [F.HostCr4, CR4],
  [F.HostCsSelector, 0x08],
  [F.HostSsSelector, 0x10],
  [F.HostDsSelector, 0x10],
  [F.HostEsSelector, 0x10],
  [F.HostFsSelector, 0x10],
  [F.HostGsSelector, 0x10],
  [F.HostTrSelector, 0x18],
  [F.HostTrBase, 'tss'],
  [F.HostGdtrBase, 'gdt'],
  [F.HostIdtrBase, 'idt'],
  [F.HostRsp, M.hostStack],
  [F.HostRip, 'vm_exit'],
  [F.HostIa32Pat, 0x0007040600070406n],
  [F.HostIa32Efer, 0xd01],

  [F.GuestCr0, CR0],
  [F.GuestCr3, M.pml4],
  [F.GuestCr4, CR4],
  [F.GuestDr7, 0x400],
  [F.GuestRflags, 2],
  [F.GuestRip, 'guest_stubs'],
  [F.GuestRsp, M.guestStack],
  [F.GuestIa32Pat, 0x0007040600070406n],
  [F.GuestIa32Efer, 0xd01],
  [F.GuestCsSelector, 0x08],
  [F.GuestCsLimit, 0xffffffff],
  [F.GuestCsAccessRights, 0xa09b],
  ...['Es', 'Ss', 'Ds', 'Fs', 'Gs'].flatMap((name) => [
    [F[`Guest${name}Selector`], 0x10],
    [F[`Guest${name}Limit`], 0xffffffff],
    [F[`Guest${name}AccessRights`], 0xc093],
  ]),
  [F.GuestLdtrLimit, 0xffff],
  [F.GuestLdtrAccessRights, 0x82],
  [F.GuestTrSelector, 0x18],
  [F.GuestTrBase, 'tss'],
  [F.GuestTrLimit, 0x67],
  [F.GuestTrAccessRights, 0x8b],
  [F.GuestGdtrBase, 'gdt'],
  [F.GuestGdtrLimit, 0x6f],
  [F.GuestIdtrBase, 'guest_idt'],
  [F.GuestIdtrLimit, 64 * 16 - 1],
];

/** Control word, its capability MSR, and the controls that the base sets besides those that must be 1. */
export const controlFields = [
  [F.PinBasedVmExecutionControls, 0x48d, 0],
  [F.PrimaryProcessorBasedVmExecutionControls, 0x48e, 0],
  [F.VmExitControls, 0x48f, 1 << 9],
  [F.VmEntryControls, 0x490, 1 << 9],
];

/** What an exit prints: field, bytes, name. */
export const exitFields = [
  [F.ExitReason, 4, 'reason'],
  [F.ExitQualification, 8, 'qualification'],
  [F.VmExitInstructionLength, 4, 'length'],
  [F.VmExitInstructionInformation, 4, 'instruction'],
  [F.VmExitInterruptionInformation, 4, 'interruption'],
  [F.VmExitInterruptionErrorCode, 4, 'error'],
  [F.IdtVectoringInformation, 4, 'vectoring'],
  [F.IdtVectoringErrorCode, 4, 'vectoringError'],
  [F.GuestLinearAddress, 8, 'linear'],
  [F.GuestPhysicalAddress, 8, 'physical'],
];

/** Fields that an exit prints if they changed since the entry: the guest-state area, and the control fields that VM exits change. */
export const guestFields = [
  F.VmEntryControls,
  F.VmEntryInterruptionInformationField,
  ...Object.entries(F)
    .filter(([name, encoding]) => (encoding & 0x0c00) === 0x0800 && name !== 'PmlIndex' && name !== 'GuestUinv')
    .map(([, encoding]) => encoding),
  F.PmlIndex,
];

export const capabilityMsrs = [
  0x480, 0x485, 0x486, 0x487, 0x488, 0x489, 0x48a, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490,
];
