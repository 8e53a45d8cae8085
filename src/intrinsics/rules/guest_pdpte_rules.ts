// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl, SecondaryControl } from '../vmx/control_bits.js';
import { isPdpte, pdpteTable, usesPdptes } from '../contents/control_register_contents.js';
import { Efer } from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import { entryControls, SECONDARY, secondaryControls } from './predicates.js';

const rule = section('guest', 'Checks on Guest Page-Directory-Pointer-Table Entries');

/** Exit qualification of a bad PDPTE. SDM 3C "VM-Entry Failures During or After Loading Guest State". */
const QUALIFICATION_PDPTE = 2;
const PAE = [F.VmEntryControls, F.GuestCr0, F.GuestCr4];
const PDPTES = [F.GuestPdpte0, F.GuestPdpte1, F.GuestPdpte2, F.GuestPdpte3];

/** The guest will use PAE paging: its IA32_EFER.LMA will be what "IA-32e mode guest" says. */
function usesPaePaging(reader: EntryReader): boolean {
  const efer = (entryControls(reader) & EntryControl.Ia32eModeGuest) === 0 ? 0 : Efer.Lma;
  return usesPdptes(reader.low(F.GuestCr0), reader.low(F.GuestCr4), efer);
}

function arePdptesInMemoryValid(reader: EntryReader): boolean {
  const table = pdpteTable(reader.low(F.GuestCr3));
  const width = reader.physicalAddressWidth;
  for (let entry = 0; entry < 4; entry++) {
    const address = table + entry * 8;
    if (!isPdpte(reader.readPhysical32(address), reader.readPhysical32(address + 4), width)) return false;
  }
  return true;
}

function arePdpteFieldsValid(reader: EntryReader): boolean {
  for (let entry = 0; entry < 4; entry++) {
    const field = F.GuestPdpte0 + 2 * entry;
    if (!isPdpte(reader.low(field), reader.high(field), reader.physicalAddressWidth)) return false;
  }
  return true;
}

/** SDM 3C "Checks on Guest Page-Directory-Pointer-Table Entries". */
export const guestPdpteRules: readonly EntryRule[] = [
  rule('guestValidPdpteWithEptDisabled', {
    wants:
      'no reserved bit in the present ones of the four PDPTEs in memory at CR3 while the guest uses PAE paging without EPT',
    fields: [...PAE, ...SECONDARY, F.GuestCr3],
    inputs: ['memory', 'physicalAddressWidth'],
    qualification: QUALIFICATION_PDPTE,
    holds: (reader) =>
      !usesPaePaging(reader) ||
      (secondaryControls(reader) & SecondaryControl.EnableEpt) !== 0 ||
      arePdptesInMemoryValid(reader),
  }),
  rule('guestValidPdpteWithEptEnabled', {
    wants:
      'no reserved bit in the present ones of the four guest PDPTE fields while the guest uses PAE paging with EPT',
    fields: [...PAE, ...SECONDARY, ...PDPTES],
    inputs: ['physicalAddressWidth'],
    qualification: QUALIFICATION_PDPTE,
    holds: (reader) =>
      !usesPaePaging(reader) ||
      (secondaryControls(reader) & SecondaryControl.EnableEpt) === 0 ||
      arePdpteFieldsValid(reader),
  }),
];
