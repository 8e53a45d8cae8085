// SPDX-License-Identifier: LGPL-2.1-only
// Three kinds of guest code have their own rules: virtual-8086 mode, "unrestricted guest", and all others. SDM 3C names segment registers
// one by one; here one function a rule makes it for each register it concerns.
import { EntryControl } from '../vmx/control_bits.js';
import { AccessRights, Cr0, Rflags } from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule, type RuleInput } from './entry_rule.js';
import { entryControls, isCanonical, isUnrestricted, SECONDARY } from './predicates.js';

const rule = section('guest', 'Checks on Guest Segment Registers');

/** The fields of one segment register, and its word in rule names. */
interface Segment {
  readonly word: 'Es' | 'Cs' | 'Ss' | 'Ds' | 'Fs' | 'Gs' | 'Ldtr' | 'Tr';
  readonly selector: number;
  readonly base: number;
  readonly limit: number;
  readonly rights: number;
}

function segment(word: Segment['word'], index: number): Segment {
  return {
    word,
    selector: F.GuestEsSelector + 2 * index,
    base: F.GuestEsBase + 2 * index,
    limit: F.GuestEsLimit + 2 * index,
    rights: F.GuestEsAccessRights + 2 * index,
  };
}

const es = segment('Es', 0);
const cs = segment('Cs', 1);
const ss = segment('Ss', 2);
const ds = segment('Ds', 3);
const fs = segment('Fs', 4);
const gs = segment('Gs', 5);
const ldtr = segment('Ldtr', 6);
const tr = segment('Tr', 7);
const ordinary: readonly Segment[] = [cs, ss, ds, es, fs, gs];
const data: readonly Segment[] = [ds, es, fs, gs];

const V8086 = F.GuestRflags;

function isVirtual8086(reader: EntryReader): boolean {
  return (reader.low(F.GuestRflags) & Rflags.Virtual8086Mode) !== 0;
}

function isUsable(reader: EntryReader, { rights }: Segment): boolean {
  return (reader.low(rights) & AccessRights.Unusable) === 0;
}

function typeOf(reader: EntryReader, { rights }: Segment): number {
  return reader.low(rights) & AccessRights.Type;
}

function dplOf(reader: EntryReader, { rights }: Segment): number {
  return (reader.low(rights) & AccessRights.Dpl) >>> 5;
}

function rplOf(reader: EntryReader, { selector }: Segment): number {
  return reader.low(selector) & 3;
}

function isIa32eGuest(reader: EntryReader): boolean {
  return (entryControls(reader) & EntryControl.Ia32eModeGuest) !== 0;
}

/** Rules that have one form for several registers. */
function each(segments: readonly Segment[], make: (segment: Segment, label: string) => EntryRule): EntryRule[] {
  return segments.map((one) => make(one, `guest ${one.word.toUpperCase()}`));
}

/** Whether the register's rights are checked: CS always, others while usable; none in virtual-8086 mode. */
function counts(reader: EntryReader, one: Segment): boolean {
  return !isVirtual8086(reader) && (one === cs || isUsable(reader, one));
}

/** A rule of the access rights of a register whose rights are checked. */
function rights(name: string, one: Segment, wants: string, holds: (value: number) => boolean): EntryRule {
  const usable = one === cs ? '' : ' while usable';
  return rule(name, {
    wants: `${wants}${usable} (outside virtual-8086 mode)`,
    fields: [V8086, one.rights],
    holds: (reader) => !counts(reader, one) || holds(reader.low(one.rights)),
  });
}

const selectors: readonly EntryRule[] = [
  rule('guestTrTiBitEquals0', {
    wants: 'guest TR selector with TI 0',
    fields: [tr.selector],
    holds: (reader) => (reader.low(tr.selector) & 4) === 0,
  }),
  rule('guestLdtrTiBitEquals0', {
    wants: 'guest LDTR selector with TI 0 while usable',
    fields: [ldtr.selector, ldtr.rights],
    holds: (reader) => !isUsable(reader, ldtr) || (reader.low(ldtr.selector) & 4) === 0,
  }),
  rule('guestSsAndCsRplAreTheSame', {
    wants: 'the RPL of guest SS equal to that of guest CS (outside virtual-8086 mode and "unrestricted guest")',
    fields: [V8086, ...SECONDARY, cs.selector, ss.selector],
    holds: (reader) => isVirtual8086(reader) || isUnrestricted(reader) || rplOf(reader, ss) === rplOf(reader, cs),
  }),
];

function isShifted(reader: EntryReader, { selector, base }: Segment): boolean {
  return reader.high(base) === 0 && reader.low(base) === (reader.low(selector) & 0xffff) << 4;
}

function canonicalBase(one: Segment, ifUsable: boolean): EntryRule {
  const inputs: readonly RuleInput[] = ['linearAddressWidth'];
  return rule(`guest${one.word}BaseIsCanonical`, {
    wants: `guest ${one.word.toUpperCase()} base canonical${ifUsable ? ' while usable' : ''}`,
    fields: ifUsable ? [one.base, one.rights] : [one.base],
    inputs,
    holds: (reader) => (ifUsable && !isUsable(reader, one)) || isCanonical(reader, one.base),
  });
}

const bases: readonly EntryRule[] = [
  ...each(ordinary, (one, label) =>
    rule(`guest${one.word}BaseIsShifted`, {
      wants: `${label} base equal to its selector times 16 in virtual-8086 mode`,
      fields: [V8086, one.selector, one.base],
      holds: (reader) => !isVirtual8086(reader) || isShifted(reader, one),
    }),
  ),
  canonicalBase(tr, false),
  canonicalBase(fs, false),
  canonicalBase(gs, false),
  canonicalBase(ldtr, true),
  rule('guestCsBaseUpperDword0', {
    wants: 'bits 63:32 of guest CS base 0',
    fields: [cs.base],
    holds: (reader) => reader.high(cs.base) === 0,
  }),
  ...each([ss, ds, es], (one, label) =>
    rule(`guest${one.word}BaseUpperDword0`, {
      wants: `bits 63:32 of ${label} base 0 while usable`,
      fields: [one.base, one.rights],
      holds: (reader) => !isUsable(reader, one) || reader.high(one.base) === 0,
    }),
  ),
];

const virtual8086: readonly EntryRule[] = [
  ...each(ordinary, (one, label) =>
    rule(`guest${one.word}Limit`, {
      wants: `${label} limit FFFFH in virtual-8086 mode`,
      fields: [V8086, one.limit],
      holds: (reader) => !isVirtual8086(reader) || reader.low(one.limit) === 0xffff,
    }),
  ),
  ...each(ordinary, (one, label) =>
    rule(`guestV8086${one.word}AccessRights`, {
      wants: `${label} access rights F3H in virtual-8086 mode`,
      fields: [V8086, one.rights],
      holds: (reader) => !isVirtual8086(reader) || reader.low(one.rights) === 0xf3,
    }),
  ),
];

const types: readonly EntryRule[] = [
  rule('guestCsAccessRightsType', {
    wants: 'guest CS type 9, 11, 13 or 15, or 3 with "unrestricted guest" (outside virtual-8086 mode)',
    fields: [V8086, ...SECONDARY, cs.rights],
    holds: (reader) => {
      const type = typeOf(reader, cs);
      return isVirtual8086(reader) || (type & 9) === 9 || (type === 3 && isUnrestricted(reader));
    },
  }),
  rights('guestSsAccessRightsType', ss, 'guest SS type 3 or 7', (value) => (value & 0xb) === 3),
  ...each(data, (one, label) =>
    rights(
      `guest${one.word}AccessRightsType`,
      one,
      `${label} type accessed, and readable if it is code (1, 3, 5, 7, 11, 15)`,
      (value) => (value & 1) === 1 && ((value & 8) === 0 || (value & 2) !== 0),
    ),
  ),
  ...each(ordinary, (one, label) =>
    rights(`guest${one.word}IsNotASystemDescriptor`, one, `${label} S 1`, (value) => (value & AccessRights.S) !== 0),
  ),
];

const privileges: readonly EntryRule[] = [
  rule('guestCsTypeNotEqual3', {
    wants: 'guest CS DPL 0 while its type is 3 (outside virtual-8086 mode)',
    fields: [V8086, cs.rights],
    holds: (reader) => isVirtual8086(reader) || typeOf(reader, cs) !== 3 || dplOf(reader, cs) === 0,
  }),
  rule('guestCsDplAdheresToSsDpl', {
    wants:
      'guest CS DPL equal to that of SS for types 9 and 11, not above it for types 13 and 15 (outside virtual-8086 mode)',
    fields: [V8086, cs.rights, ss.rights],
    holds: (reader) => {
      const type = typeOf(reader, cs);
      if (isVirtual8086(reader) || (type & 9) !== 9) return true;
      return (type & 4) === 0 ? dplOf(reader, cs) === dplOf(reader, ss) : dplOf(reader, cs) <= dplOf(reader, ss);
    },
  }),
  rule('guestSsDplMustEqualRpl', {
    wants: 'guest SS DPL equal to its RPL (outside virtual-8086 mode and "unrestricted guest")',
    fields: [V8086, ...SECONDARY, ss.selector, ss.rights],
    holds: (reader) => isVirtual8086(reader) || isUnrestricted(reader) || dplOf(reader, ss) === rplOf(reader, ss),
  }),
  rule('guestSsDplMustEqualZero', {
    wants: 'guest SS DPL 0 while CS type is 3 or CR0.PE is 0 (outside virtual-8086 mode)',
    fields: [V8086, cs.rights, ss.rights, F.GuestCr0],
    holds: (reader) => {
      if (isVirtual8086(reader) || dplOf(reader, ss) === 0) return true;
      return typeOf(reader, cs) !== 3 && (reader.low(F.GuestCr0) & Cr0.ProtectionEnable) !== 0;
    },
  }),
  ...each(data, (one, label) =>
    rule(`guest${one.word}Dpl`, {
      wants: `${label} DPL not below its RPL while usable and of type 0 to 11 (outside virtual-8086 mode and "unrestricted guest")`,
      fields: [V8086, ...SECONDARY, one.selector, one.rights],
      holds: (reader) =>
        !counts(reader, one) ||
        isUnrestricted(reader) ||
        typeOf(reader, one) > 11 ||
        dplOf(reader, one) >= rplOf(reader, one),
    }),
  ),
];

// G must be 0 if a limit bit of 11:0 is 0, and 1 if a limit bit of 31:20 is 1.
function fitsGranularity(limit: number, isGranular: boolean): boolean {
  return isGranular ? (limit & 0xfff) === 0xfff : (limit & 0xfff00000) === 0;
}

function granularity(reader: EntryReader, one: Segment): boolean {
  return fitsGranularity(reader.low(one.limit), (reader.low(one.rights) & AccessRights.Granularity) !== 0);
}

const GRANULARITY = 'G 0 while a bit of limit 11:0 is 0, 1 while a bit of limit 31:20 is 1';

const presence: readonly EntryRule[] = [
  ...each(ordinary, (one, label) =>
    rights(
      one === cs ? 'guestCsMustBePresent' : `guest${one.word}MustBePresentIfUsable`,
      one,
      `${label} present`,
      (value) => (value & AccessRights.Present) !== 0,
    ),
  ),
  ...each(ordinary, (one, label) =>
    rights(
      `guest${one.word}AccessRightsReservedMustBe0`,
      one,
      `bits 11:8 of ${label} access rights 0`,
      (value) => (value & 0xf00) === 0,
    ),
  ),
  rule('guestCsDbMustBe0IfLEquals1', {
    wants: 'guest CS D/B 0 while L is 1 and "IA-32e mode guest" is 1 (outside virtual-8086 mode)',
    fields: [V8086, F.VmEntryControls, cs.rights],
    holds: (reader) => {
      if (isVirtual8086(reader) || !isIa32eGuest(reader)) return true;
      return (reader.low(cs.rights) & (AccessRights.L | AccessRights.Db)) !== (AccessRights.L | AccessRights.Db);
    },
  }),
  ...each(ordinary, (one, label) =>
    rule(`guest${one.word}Granularity`, {
      wants: `${label} ${GRANULARITY}${one === cs ? '' : ', while usable'} (outside virtual-8086 mode)`,
      fields: [V8086, one.limit, one.rights],
      holds: (reader) => !counts(reader, one) || granularity(reader, one),
    }),
  ),
  ...each(ordinary, (one, label) =>
    rights(
      `guest${one.word}AccessRightsRemainingReservedBit0`,
      one,
      `bits 31:17 of ${label} access rights 0`,
      (value) => (value & 0xfffe0000) === 0,
    ),
  ),
];

/** A rule of TR, or of LDTR while usable. */
function system(name: string, one: Segment, wants: string, holds: (value: number) => boolean): EntryRule {
  return rule(name, {
    wants: one === tr ? wants : `${wants} while usable`,
    fields: [one.rights],
    holds: (reader) => (one === ldtr && !isUsable(reader, ldtr)) || holds(reader.low(one.rights)),
  });
}

function systemGranularity(one: Segment): EntryRule {
  return rule(`guest${one.word}Granularity`, {
    wants: `guest ${one.word.toUpperCase()} ${GRANULARITY}${one === tr ? '' : ', while usable'}`,
    fields: [one.limit, one.rights],
    holds: (reader) => (one === ldtr && !isUsable(reader, ldtr)) || granularity(reader, one),
  });
}

const systemSegments: readonly EntryRule[] = [
  rule('guestTrTypeMustBe11', {
    wants: 'guest TR type 11 (busy 32- or 64-bit TSS), or 3 (busy 16-bit TSS) while "IA-32e mode guest" is 0',
    fields: [F.VmEntryControls, tr.rights],
    holds: (reader) => {
      const type = typeOf(reader, tr);
      return type === 11 || (type === 3 && !isIa32eGuest(reader));
    },
  }),
  system('guestTrMustBeASystemDescriptor', tr, 'guest TR S 0', (value) => (value & AccessRights.S) === 0),
  system('guestTrMustBePresent', tr, 'guest TR present', (value) => (value & AccessRights.Present) !== 0),
  system(
    'guestTrAccessRightsReservedMustBe0',
    tr,
    'bits 11:8 of guest TR access rights 0',
    (value) => (value & 0xf00) === 0,
  ),
  systemGranularity(tr),
  system('guestTrMustBeUsable', tr, 'guest TR usable', (value) => (value & AccessRights.Unusable) === 0),
  system(
    'guestTrAccessRightsRemainingReservedBit0',
    tr,
    'bits 31:17 of guest TR access rights 0',
    (value) => (value & 0xfffe0000) === 0,
  ),
  system('guestLdtrTypeMustBe2', ldtr, 'guest LDTR type 2', (value) => (value & AccessRights.Type) === 2),
  system('guestLdtrMustBeASystemDescriptor', ldtr, 'guest LDTR S 0', (value) => (value & AccessRights.S) === 0),
  system('guestLdtrMustBePresent', ldtr, 'guest LDTR present', (value) => (value & AccessRights.Present) !== 0),
  system(
    'guestLdtrAccessRightsReservedMustBe0',
    ldtr,
    'bits 11:8 of guest LDTR access rights 0',
    (value) => (value & 0xf00) === 0,
  ),
  systemGranularity(ldtr),
  system(
    'guestLdtrAccessRightsRemainingReservedBit0',
    ldtr,
    'bits 31:17 of guest LDTR access rights 0',
    (value) => (value & 0xfffe0000) === 0,
  ),
];

/** SDM 3C "Checks on Guest Segment Registers". */
export const guestSegmentRules: readonly EntryRule[] = [
  ...selectors,
  ...bases,
  ...virtual8086,
  ...types,
  ...privileges,
  ...presence,
  ...systemSegments,
];
