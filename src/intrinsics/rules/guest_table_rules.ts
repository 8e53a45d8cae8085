// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl } from '../vmx/control_bits.js';
import { InterruptionType } from '../vmx/exit_information.js';
import { AccessRights, Cr0, Rflags } from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import { injects } from './event_injection.js';
import { entryControls, hasUniformTop, isCanonical } from './predicates.js';

const table = section('guest', 'Checks on Guest Descriptor-Table Registers');
const rule = section('guest', 'Checks on Guest RIP, RFLAGS, and SSP');

function tableBase(name: string, what: string, field: number): EntryRule {
  return table(name, {
    wants: `guest ${what} base canonical`,
    fields: [field],
    inputs: ['linearAddressWidth'],
    holds: (reader) => isCanonical(reader, field),
  });
}

function tableLimit(name: string, what: string, field: number): EntryRule {
  return table(name, {
    wants: `bits 31:16 of guest ${what} limit 0`,
    fields: [field],
    holds: (reader) => reader.low(field) >>> 16 === 0,
  });
}

/** SDM 3C "Checks on Guest Descriptor-Table Registers". */
export const guestTableRules: readonly EntryRule[] = [
  tableBase('guestGdtrBaseMustBeCanonical', 'GDTR', F.GuestGdtrBase),
  tableBase('guestIdtrBaseMustBeCanonical', 'IDTR', F.GuestIdtrBase),
  tableLimit('guestGdtrLimitReservedBits', 'GDTR', F.GuestGdtrLimit),
  tableLimit('guestIdtrLimitReservedBits', 'IDTR', F.GuestIdtrLimit),
];

const SIXTY_FOUR_BIT = [F.VmEntryControls, F.GuestCsAccessRights];
const RFLAGS_ZERO_LOW = 0xffc08028;

function isIa32eGuest(reader: EntryReader): boolean {
  return (entryControls(reader) & EntryControl.Ia32eModeGuest) !== 0;
}

function is64BitCode(reader: EntryReader): boolean {
  return isIa32eGuest(reader) && (reader.low(F.GuestCsAccessRights) & AccessRights.L) !== 0;
}

/** SDM 3C "Checks on Guest RIP, RFLAGS, and SSP". */
export const guestRipRules: readonly EntryRule[] = [
  rule('guestRipUpperBits', {
    wants: 'bits 63:32 of guest RIP 0 unless "IA-32e mode guest" and CS.L are 1',
    fields: [...SIXTY_FOUR_BIT, F.GuestRip],
    holds: (reader) => is64BitCode(reader) || reader.high(F.GuestRip) === 0,
  }),
  rule('guestRipValidAddr', {
    wants:
      'bits of guest RIP from the linear-address width up to 63 all the same while "IA-32e mode guest" and CS.L are 1',
    fields: [...SIXTY_FOUR_BIT, F.GuestRip],
    inputs: ['linearAddressWidth'],
    holds: (reader) => !is64BitCode(reader) || hasUniformTop(reader, F.GuestRip),
  }),
  rule('guestRflagsReservedBits', {
    wants: 'bits 63:22, 15, 5 and 3 of guest RFLAGS 0, bit 1 1',
    fields: [F.GuestRflags],
    holds: (reader) => {
      const low = reader.low(F.GuestRflags);
      return (low & RFLAGS_ZERO_LOW) === 0 && (low & 2) !== 0 && reader.high(F.GuestRflags) === 0;
    },
  }),
  rule('guestRflagsVmBit', {
    wants: 'guest RFLAGS.VM 0 while "IA-32e mode guest" is 1 or CR0.PE is 0',
    fields: [F.GuestRflags, F.VmEntryControls, F.GuestCr0],
    holds: (reader) =>
      (reader.low(F.GuestRflags) & Rflags.Virtual8086Mode) === 0 ||
      (!isIa32eGuest(reader) && (reader.low(F.GuestCr0) & Cr0.ProtectionEnable) !== 0),
  }),
  rule('guestRflagInterruptEnable', {
    wants: 'guest RFLAGS.IF 1 while an external interrupt is injected',
    fields: [F.VmEntryInterruptionInformationField, F.GuestRflags],
    holds: (reader) =>
      !injects(reader, InterruptionType.ExternalInterrupt) ||
      (reader.low(F.GuestRflags) & Rflags.InterruptEnableFlag) !== 0,
  }),
  rule('guestSspForLoadCetState', {
    wants:
      'with "load CET state": bits 1:0 of guest SSP 0, bits 63:32 0 outside 64-bit code, bits from the linear-address width up all the same in it',
    fields: [...SIXTY_FOUR_BIT, F.GuestSsp],
    inputs: ['linearAddressWidth'],
    holds: (reader) =>
      (entryControls(reader) & EntryControl.LoadCetState) === 0 ||
      ((reader.low(F.GuestSsp) & 3) === 0 &&
        (is64BitCode(reader) ? hasUniformTop(reader, F.GuestSsp) : reader.high(F.GuestSsp) === 0)),
  }),
];
