// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Cr0 } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField as F } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import {
  type FakeVmcs,
  valid32BitVmcs,
  validUnrestrictedVmcs,
  validVirtual8086Vmcs,
  validVmcs,
} from '../../support/valid_vmcs.js';
import { RuleCases } from './rule_cases.js';

const cases = new RuleCases();
const { breaks, keeps } = { breaks: cases.breaks.bind(cases), keeps: cases.keeps.bind(cases) };
const NOT_CANONICAL = 0x0000800000000000n;
const UNUSABLE = 0x10000;

const names = ['Es', 'Cs', 'Ss', 'Ds', 'Fs', 'Gs', 'Ldtr', 'Tr'] as const;
const selectorOf = (name: (typeof names)[number]): number => F.GuestEsSelector + 2 * names.indexOf(name);
const baseOf = (name: (typeof names)[number]): number => F.GuestEsBase + 2 * names.indexOf(name);
const limitOf = (name: (typeof names)[number]): number => F.GuestEsLimit + 2 * names.indexOf(name);
const rightsOf = (name: (typeof names)[number]): number => F.GuestEsAccessRights + 2 * names.indexOf(name);

const conforming = (): FakeVmcs => validVmcs().set(F.GuestCsAccessRights, 0xa09f);
const cpl3 = (): FakeVmcs =>
  validVmcs()
    .set(F.GuestCsSelector, 0x33)
    .set(F.GuestCsAccessRights, 0xa0fb)
    .set(F.GuestSsSelector, 0x2b)
    .set(F.GuestSsAccessRights, 0xc0f3);

// Selectors.
breaks('guestTrTiBitEquals0', 'TI 1', validVmcs, (v) => v.on(F.GuestTrSelector, 4));
breaks('guestLdtrTiBitEquals0', 'TI 1', validVmcs, (v) => v.on(F.GuestLdtrSelector, 4));
keeps('guestLdtrTiBitEquals0', 'TI 1, unusable', validVmcs, (v) =>
  v.on(F.GuestLdtrSelector, 4).set(F.GuestLdtrAccessRights, UNUSABLE),
);
breaks('guestSsAndCsRplAreTheSame', 'CS RPL 1', validVmcs, (v) => v.on(F.GuestCsSelector, 1));
keeps('guestSsAndCsRplAreTheSame', 'CS RPL 1 in virtual-8086 mode', validVirtual8086Vmcs, (v) =>
  v.on(F.GuestCsSelector, 2),
);
keeps('guestSsAndCsRplAreTheSame', 'CS RPL 1 with unrestricted guest', validUnrestrictedVmcs, (v) =>
  v.on(F.GuestCsSelector, 1),
);

// Bases.
for (const name of ['Cs', 'Ss', 'Ds', 'Es', 'Fs', 'Gs'] as const) {
  breaks(`guest${name}BaseIsShifted`, '16 too high', validVirtual8086Vmcs, (v) =>
    v.set(baseOf(name), v.get(baseOf(name)) + 16n),
  );
  keeps(`guest${name}BaseIsShifted`, 'outside virtual-8086 mode', validVmcs, (v) => v.set(baseOf(name), 0x12345));
  breaks(`guest${name}Limit`, 'FFFEH', validVirtual8086Vmcs, (v) => v.set(limitOf(name), 0xfffe));
  breaks(`guestV8086${name}AccessRights`, 'F2H', validVirtual8086Vmcs, (v) => v.set(rightsOf(name), 0xf2));
}
for (const name of ['Tr', 'Fs', 'Gs', 'Ldtr'] as const) {
  breaks(`guest${name}BaseIsCanonical`, 'not canonical', validVmcs, (v) => v.set(baseOf(name), NOT_CANONICAL));
}
keeps('guestFsBaseIsCanonical', 'the upper half', validVmcs, (v) => v.set(F.GuestFsBase, 0xffff888000000000n));
keeps('guestLdtrBaseIsCanonical', 'not canonical, unusable', validVmcs, (v) =>
  v.set(F.GuestLdtrBase, NOT_CANONICAL).set(F.GuestLdtrAccessRights, UNUSABLE),
);
breaks('guestCsBaseUpperDword0', 'bit 32', validVmcs, (v) => v.set(F.GuestCsBase, 1n << 32n));
for (const name of ['Ss', 'Ds', 'Es'] as const) {
  breaks(`guest${name}BaseUpperDword0`, 'bit 32', validVmcs, (v) => v.set(baseOf(name), 1n << 32n));
  keeps(`guest${name}BaseUpperDword0`, 'bit 32, unusable', validVmcs, (v) =>
    v.set(baseOf(name), 1n << 32n).set(rightsOf(name), UNUSABLE),
  );
}

// Types.
breaks('guestCsAccessRightsType', 'type 1', validVmcs, (v) => v.set(F.GuestCsAccessRights, 0xa091));
breaks('guestCsAccessRightsType', 'type 3 without unrestricted guest', validVmcs, (v) =>
  v.set(F.GuestCsAccessRights, 0xa093),
);
keeps('guestCsAccessRightsType', 'type 3 with unrestricted guest', validUnrestrictedVmcs, (v) =>
  v.set(F.GuestCsAccessRights, 0x93),
);
keeps('guestCsAccessRightsType', 'virtual-8086 mode', validVirtual8086Vmcs, () => undefined);
breaks('guestSsAccessRightsType', 'type 1', validVmcs, (v) => v.set(F.GuestSsAccessRights, 0xc091));
keeps('guestSsAccessRightsType', 'type 7', validVmcs, (v) => v.set(F.GuestSsAccessRights, 0xc097));
keeps('guestSsAccessRightsType', 'type 1, unusable', validVmcs, (v) => v.set(F.GuestSsAccessRights, UNUSABLE | 0xc091));
for (const name of ['Ds', 'Es', 'Fs', 'Gs'] as const) {
  breaks(`guest${name}AccessRightsType`, 'not accessed', validVmcs, (v) => v.set(rightsOf(name), 0xc092));
  breaks(`guest${name}AccessRightsType`, 'code that cannot be read', validVmcs, (v) => v.set(rightsOf(name), 0xc099));
  keeps(`guest${name}AccessRightsType`, 'code that can be read', validVmcs, (v) => v.set(rightsOf(name), 0xc09b));
  keeps(`guest${name}AccessRightsType`, 'not accessed, unusable', validVmcs, (v) =>
    v.set(rightsOf(name), UNUSABLE | 0xc092),
  );
}
for (const name of ['Cs', 'Ss', 'Ds', 'Es', 'Fs', 'Gs'] as const) {
  breaks(`guest${name}IsNotASystemDescriptor`, 'S 0', validVmcs, (v) => v.off(rightsOf(name), 0x10));
}

// Privileges.
breaks(
  'guestCsTypeNotEqual3',
  'DPL 1',
  () => validUnrestrictedVmcs().set(F.GuestCsAccessRights, 0x93),
  (v) => v.set(F.GuestCsAccessRights, 0xb3),
);
keeps('guestCsTypeNotEqual3', 'virtual-8086 mode', validVirtual8086Vmcs, () => undefined);
breaks('guestCsDplAdheresToSsDpl', 'CS 3, SS 0', validVmcs, (v) => v.set(F.GuestCsAccessRights, 0xa0fb));
breaks('guestCsDplAdheresToSsDpl', 'conforming CS 3, SS 0', conforming, (v) => v.set(F.GuestCsAccessRights, 0xa0ff));
keeps('guestCsDplAdheresToSsDpl', 'conforming CS 0, SS 3', conforming, (v) => v.set(F.GuestSsAccessRights, 0xc0f3));
keeps('guestCsDplAdheresToSsDpl', 'both 3', cpl3, () => undefined);
breaks('guestSsDplMustEqualRpl', 'DPL 3, RPL 0', conforming, (v) => v.set(F.GuestSsAccessRights, 0xc0f3));
breaks(
  'guestSsDplMustEqualZero',
  'DPL 3 with PE 0',
  () => validUnrestrictedVmcs().set(F.GuestCsAccessRights, 0x9f),
  (v) => v.set(F.GuestSsAccessRights, 0xc0f3),
);
breaks(
  'guestSsDplMustEqualZero',
  'DPL 3 with CS type 3',
  () => validUnrestrictedVmcs().on(F.GuestCr0, Cr0.ProtectionEnable).set(F.GuestCsAccessRights, 0x93),
  (v) => v.set(F.GuestSsAccessRights, 0xc0f3),
);
keeps('guestSsDplMustEqualZero', 'CPL 3', cpl3, () => undefined);
for (const name of ['Ds', 'Es', 'Fs', 'Gs'] as const) {
  breaks(`guest${name}Dpl`, 'RPL 3, DPL 0', validVmcs, (v) => v.on(selectorOf(name), 3));
  keeps(`guest${name}Dpl`, 'RPL 3, DPL 0, conforming code', validVmcs, (v) =>
    v.on(selectorOf(name), 3).set(rightsOf(name), 0xc09f),
  );
  keeps(`guest${name}Dpl`, 'RPL 3, DPL 0, unusable', validVmcs, (v) =>
    v.on(selectorOf(name), 3).on(rightsOf(name), UNUSABLE),
  );
  keeps(`guest${name}Dpl`, 'RPL 3, DPL 0 with unrestricted guest', validUnrestrictedVmcs, (v) =>
    v.on(selectorOf(name), 3),
  );
}

// Presence, reserved bits, size and granularity.
for (const name of ['Cs', 'Ss', 'Ds', 'Es', 'Fs', 'Gs'] as const) {
  breaks(name === 'Cs' ? 'guestCsMustBePresent' : `guest${name}MustBePresentIfUsable`, 'P 0', validVmcs, (v) =>
    v.off(rightsOf(name), 0x80),
  );
  breaks(`guest${name}AccessRightsReservedMustBe0`, 'bit 8', validVmcs, (v) => v.on(rightsOf(name), 0x100));
  breaks(`guest${name}AccessRightsRemainingReservedBit0`, 'bit 17', validVmcs, (v) => v.on(rightsOf(name), 0x20000));
  breaks(`guest${name}AccessRightsRemainingReservedBit0`, 'bit 31', validVmcs, (v) => v.on(rightsOf(name), 0x80000000));
  breaks(`guest${name}Granularity`, 'G 1 with limit FFFFFFFEH', validVmcs, (v) => v.set(limitOf(name), 0xfffffffe));
  breaks(`guest${name}Granularity`, 'G 0 with limit FFFFFFFFH', validVmcs, (v) => v.off(rightsOf(name), 0x8000));
  keeps(`guest${name}Granularity`, 'G 0 with limit FFFFFH', validVmcs, (v) =>
    v.off(rightsOf(name), 0x8000).set(limitOf(name), 0xfffff),
  );
}
keeps('guestSsGranularity', 'G 1 with limit FFFFFFFEH, unusable', validVmcs, (v) =>
  v.set(F.GuestSsLimit, 0xfffffffe).on(F.GuestSsAccessRights, UNUSABLE),
);
breaks('guestCsDbMustBe0IfLEquals1', 'D/B 1', validVmcs, (v) => v.on(F.GuestCsAccessRights, 0x4000));
keeps('guestCsDbMustBe0IfLEquals1', 'L 1 and D/B 1 outside IA-32e mode', valid32BitVmcs, (v) =>
  v.on(F.GuestCsAccessRights, 0x2000),
);
keeps('guestCsDbMustBe0IfLEquals1', 'virtual-8086 mode', validVirtual8086Vmcs, () => undefined);

// TR and LDTR.
breaks('guestTrTypeMustBe11', 'type 3 in IA-32e mode', validVmcs, (v) => v.set(F.GuestTrAccessRights, 0x83));
breaks('guestTrTypeMustBe11', 'type 9', validVmcs, (v) => v.set(F.GuestTrAccessRights, 0x89));
keeps('guestTrTypeMustBe11', 'type 3 outside IA-32e mode', valid32BitVmcs, (v) => v.set(F.GuestTrAccessRights, 0x83));
breaks('guestTrMustBeUsable', 'unusable', validVmcs, (v) => v.on(F.GuestTrAccessRights, UNUSABLE));
breaks('guestLdtrTypeMustBe2', 'type 3', validVmcs, (v) => v.set(F.GuestLdtrAccessRights, 0x83));
keeps('guestLdtrTypeMustBe2', 'type 3, unusable', validVmcs, (v) => v.set(F.GuestLdtrAccessRights, UNUSABLE | 0x83));
for (const name of ['Tr', 'Ldtr'] as const) {
  breaks(`guest${name}MustBeASystemDescriptor`, 'S 1', validVmcs, (v) => v.on(rightsOf(name), 0x10));
  breaks(`guest${name}MustBePresent`, 'P 0', validVmcs, (v) => v.off(rightsOf(name), 0x80));
  breaks(`guest${name}AccessRightsReservedMustBe0`, 'bit 11', validVmcs, (v) => v.on(rightsOf(name), 0x800));
  breaks(`guest${name}Granularity`, 'G 1 with a limit whose low bits are not all 1', validVmcs, (v) =>
    v.set(limitOf(name), 0x67).on(rightsOf(name), 0x8000),
  );
  breaks(`guest${name}Granularity`, 'G 0 with limit 100000H', validVmcs, (v) => v.set(limitOf(name), 0x100000));
  breaks(`guest${name}AccessRightsRemainingReservedBit0`, 'bit 20', validVmcs, (v) => v.on(rightsOf(name), 0x100000));
}
keeps('guestLdtrGranularity', 'G 0 with limit 100000H, unusable', validVmcs, (v) =>
  v.set(F.GuestLdtrLimit, 0x100000).on(F.GuestLdtrAccessRights, UNUSABLE),
);
keeps(
  'guestTrTypeMustBe11',
  'as it is',
  () => validVmcs().on(F.VmEntryControls, EntryControl.LoadDebugControls),
  () => undefined,
);

/** Mutations of guest segment registers. */
export const guestSegmentCases = cases.list;
