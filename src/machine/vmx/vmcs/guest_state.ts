// SPDX-License-Identifier: LGPL-2.1-only
// Tables of the processor's words for the fields of the guest-state area. VM entry and VM exit walk over them. SDM 3C
// "Loading Guest State" and "Saving Guest State".
import { ExitControl } from '../../../intrinsics/vmx/control_bits.js';
import { VmcsField, type VmcsFieldName } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../../layout/core_constants.js';
import { Layout } from '../../layout/layout.js';
import { slotCount, slotOf } from './field_slots.js';

/** What else a VM entry must do after it copied a changed field: a set of bits per slot. */
export const Effect = {
  None: 0,
  /** The core must recompute its mode of execution. */
  Mode: 1 << 0,
  /** Translations of the guest may have changed. */
  Paging: 1 << 1,
  /** CR0, whose fixed and cache bits an entry leaves alone. */
  Cr0: 1 << 2,
  /** RFLAGS, which the core keeps in a lazy form. */
  Rflags: 1 << 3,
  /** IA32_EFER, on which entry controls depend. */
  Efer: 1 << 4,
  /** DR7 and IA32_DEBUGCTL, which are loaded only if a control says so. */
  Debug: 1 << 5,
  /** IA32_PAT, likewise. */
  Pat: 1 << 6,
  /** VM-execution controls: the words that the core tests. */
  Controls: 1 << 7,
  /** Exit controls: the plan of what a VM exit saves. */
  ExitPlan: 1 << 8,
  /** The PDPTEs of PAE paging. */
  Pdptes: 1 << 9,
  /** Pending debug exceptions, which the core keeps in a form of its own: `coreDebugTraps`. */
  PendingDebug: 1 << 10,
  /** Interruptibility and activity: what is due before the first instruction. */
  Attention: 1 << 11,
  /** The two bits of COLD_TABLES and COLD_CONTROLS: the next exit must save the group, since the processor need not hold the field's value. */
  ColdTables: Constants.COLD_TABLES << 12,
  ColdControls: Constants.COLD_CONTROLS << 12,
} as const;

/** Bits of EXIT_COLD_CHANGED among effects. */
export const coldGroups = (effects: number): number => effects >>> 12;

/** A field that the core holds unchanged: a word of 4 or 8 bytes at an address of the layout. */
type CopyRow = readonly [field: VmcsFieldName, address: number, bytes: 4 | 8, effects: number];

const segmentNames = ['Es', 'Cs', 'Ss', 'Ds', 'Fs', 'Gs', 'Ldtr', 'Tr'] as const;

const table = Effect.ColdTables;
const control = Effect.ColdControls;

/** Segments change the mode (CS, SS) and whether segments are flat (all). */
function segmentRows(): CopyRow[] {
  return segmentNames.flatMap((name, i): CopyRow[] => [
    [`Guest${name}Selector`, Layout.ES_SELECTOR + 4 * i, 4, table | Effect.Mode],
    [`Guest${name}Base`, Layout.ES_BASE + 8 * i, 8, table | Effect.Mode],
    [`Guest${name}Limit`, Layout.ES_LIMIT + 4 * i, 4, table | Effect.Mode],
    [`Guest${name}AccessRights`, Layout.ES_RIGHTS + 4 * i, 4, table | Effect.Mode],
  ]);
}

/** Segments, tables and MSRs that each VM exit saves and each VM entry loads, as they are. */
const copiedTables: readonly CopyRow[] = [
  ...segmentRows(),
  ['GuestGdtrBase', Layout.GDTR_BASE, 8, table],
  ['GuestGdtrLimit', Layout.GDTR_LIMIT, 4, table],
  ['GuestIdtrBase', Layout.IDTR_BASE, 8, table],
  ['GuestIdtrLimit', Layout.IDTR_LIMIT, 4, table],
  ['GuestIa32SysenterCs', Layout.SYSENTER_CS, 4, table],
  ['GuestIa32SysenterEsp', Layout.SYSENTER_ESP, 8, table],
  ['GuestIa32SysenterEip', Layout.SYSENTER_EIP, 8, table],
];

/** All fields that each VM exit saves and each VM entry loads, as they are. */
const copied: readonly CopyRow[] = [
  ['GuestRip', Layout.RIP, 8, Effect.None],
  ['GuestRsp', Layout.RSP, 8, Effect.None],
  ['GuestCr3', Layout.CR3, 8, control | Effect.Paging | Effect.Pdptes],
  ['GuestCr4', Layout.CR4, 8, control | Effect.Mode | Effect.Paging | Effect.Pdptes],
  ['GuestInterruptibilityState', Layout.INTERRUPTIBILITY, 4, control | Effect.Attention | Effect.PendingDebug],
  ['GuestActivityState', Layout.ACTIVITY, 4, control | Effect.Attention],
  ...copiedTables,
];

/** Fields that are saved if an exit control says so; `loaded` by effects of the entry. */
const savedBy: readonly { control: number; row: CopyRow }[] = [
  { control: ExitControl.SaveDebugControls, row: ['GuestDr7', Layout.DR7, 8, table | Effect.Debug] },
  { control: ExitControl.SaveDebugControls, row: ['GuestIa32Debugctl', Layout.DEBUGCTL, 8, table | Effect.Debug] },
  { control: ExitControl.SaveIa32Pat, row: ['GuestIa32Pat', Layout.PAT, 8, table | Effect.Pat] },
  {
    control: ExitControl.SaveIa32Efer,
    row: ['GuestIa32Efer', Layout.EFER, 8, table | Effect.Efer | Effect.Mode | Effect.Paging],
  },
];

/** The PDPTE fields: saved and loaded with EPT under PAE paging only. */
export const pdpteRows: readonly CopyRow[] = [
  ['GuestPdpte0', Layout.PDPTE0, 8, Effect.Pdptes],
  ['GuestPdpte1', Layout.PDPTE1, 8, Effect.Pdptes],
  ['GuestPdpte2', Layout.PDPTE2, 8, Effect.Pdptes],
  ['GuestPdpte3', Layout.PDPTE3, 8, Effect.Pdptes],
];

/** Fields that a copy cannot serve, with their effects. */
const otherEffects: readonly (readonly [VmcsFieldName, number])[] = [
  ['GuestCr0', control | Effect.Cr0 | Effect.Efer | Effect.Mode | Effect.Paging | Effect.Pdptes],
  ['GuestRflags', Effect.Rflags | Effect.Mode],
  ['GuestPendingDebugExceptions', Effect.PendingDebug],
  [
    'VmEntryControls',
    table | Effect.Efer | Effect.Debug | Effect.Pat | Effect.Mode | Effect.Paging | Effect.ExitPlan | Effect.Pdptes,
  ],
  ['VmExitControls', Effect.ExitPlan],
  ['VmExitMsrStoreCount', Effect.ExitPlan],
  ['VmExitMsrLoadCount', Effect.ExitPlan],
  ['VmEntryMsrLoadCount', Effect.ExitPlan],
  ['PinBasedVmExecutionControls', Effect.Controls | Effect.ExitPlan],
  ['PrimaryProcessorBasedVmExecutionControls', Effect.Controls | Effect.Paging | Effect.ExitPlan | Effect.Pdptes],
  ['SecondaryProcessorBasedVmExecutionControls', Effect.Controls | Effect.Paging | Effect.ExitPlan | Effect.Pdptes],
  ['ExceptionBitmap', Effect.Controls],
  ['PageFaultErrorCodeMask', Effect.Controls],
  ['PageFaultErrorCodeMatch', Effect.Controls],
  ['Cr3TargetCount', Effect.Controls],
  ['Cr3TargetValue0', Effect.Controls],
  ['Cr3TargetValue1', Effect.Controls],
  ['Cr3TargetValue2', Effect.Controls],
  ['Cr3TargetValue3', Effect.Controls],
  ['Cr0GuestHostMask', Effect.Controls],
  ['Cr4GuestHostMask', Effect.Controls],
  ['Cr0ReadShadow', Effect.Controls],
  ['Cr4ReadShadow', Effect.Controls],
  ['AddressOfIoBitmapA', Effect.Controls],
  ['AddressOfIoBitmapB', Effect.Controls],
  ['AddressOfMsrBitmap', Effect.Controls],
  ['TscOffset', Effect.Controls],
  ['VirtualProcessorIdentifier', Effect.Controls | Effect.Paging],
  ['EptPointer', Effect.Controls | Effect.Paging],
  ['PmlAddress', Effect.Controls],
  ['PmlIndex', Effect.Controls],
  ['VirtualApicAddress', Effect.Controls],
  ['ApicAccessAddress', Effect.Controls],
  ['TprThreshold', Effect.Controls],
  ['GuestInterruptStatus', Effect.Controls],
  ['PostedInterruptNotificationVector', Effect.Controls],
  ['PostedInterruptDescriptorAddress', Effect.Controls],
  ['EoiExitBitmap0', Effect.Controls],
  ['EoiExitBitmap1', Effect.Controls],
  ['EoiExitBitmap2', Effect.Controls],
  ['EoiExitBitmap3', Effect.Controls],
];

/** `Effect` bits of each slot. */
export const slotEffects = new Uint16Array(slotCount);
/** For fields that an entry copies: index of the core's 32-bit word, 0 for all other fields. */
export const slotWords = new Uint16Array(slotCount);
/** How many 32-bit words an entry copies for a slot. */
export const slotWordCounts = new Uint8Array(slotCount);

/** The slots of the whole guest-state area: a load of the host's state overwrites them in the processor. */
export const guestStateSlots: readonly number[] = [
  ...copied.map(([name]) => name),
  ...savedBy.map(({ row }) => row[0]),
  ...pdpteRows.map(([name]) => name),
  'GuestCr0' as const,
  'GuestRflags' as const,
  'GuestPendingDebugExceptions' as const,
].map((name) => slotOf(VmcsField[name]));

for (const [name, address, bytes, effects] of copied) {
  const slot = slotOf(VmcsField[name]);
  slotWords[slot] = address >>> 2;
  slotWordCounts[slot] = bytes >>> 2;
  slotEffects[slot] = effects;
}
for (const { row } of savedBy) slotEffects[slotOf(VmcsField[row[0]])] = row[3];
for (const [name, , , effects] of pdpteRows) slotEffects[slotOf(VmcsField[name])] = effects;
for (const [name, effects] of otherEffects) slotEffects[slotOf(VmcsField[name])] = effects;

/** What a VM exit copies into the VMCS if the core says COLD_TABLES: pairs of a word index of the core and a half index of the VMCS. */
export interface SavePlan {
  readonly coldWords: Uint16Array;
  readonly coldHalves: Uint16Array;
}

function pairs(rows: readonly CopyRow[]): { words: Uint16Array; halves: Uint16Array } {
  const words: number[] = [];
  const halves: number[] = [];
  for (const [name, address, bytes] of rows) {
    for (let i = 0; i < bytes; i += 4) {
      words.push((address + i) >>> 2);
      halves.push((slotOf(VmcsField[name]) << 1) + (i >>> 2));
    }
  }
  return { words: Uint16Array.from(words), halves: Uint16Array.from(halves) };
}

/** The plan of an exit: the fields that are always saved, and those that the exit controls name. */
export function makeSavePlan(exitControls: number): SavePlan {
  const optional = savedBy.filter(({ control }) => (exitControls & control) !== 0).map(({ row }) => row);
  const cold = pairs([...copiedTables, ...optional]);
  return { coldWords: cold.words, coldHalves: cold.halves };
}
