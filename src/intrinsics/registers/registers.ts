// SPDX-License-Identifier: LGPL-2.1-only
// Control, debug and segment registers by bit. SDM 3A "Control Registers", "Debug Registers", "Segment Descriptors"; SDM 1 "EFLAGS Register".
import { bitFieldsOf, bits, prefixed, scattered, valuesOf, withValues, type BitField } from '../bit_fields.js';
import { segmentNames } from '../instructions/segments.js';

/** SDM 3A "Control Registers": CR0. */
export const Cr0 = {
  ProtectionEnable: 1 << 0,
  MonitorCoprocessor: 1 << 1,
  Emulation: 1 << 2,
  TaskSwitched: 1 << 3,
  ExtensionType: 1 << 4,
  NumericError: 1 << 5,
  WriteProtect: 1 << 16,
  AlignmentMask: 1 << 18,
  NotWriteThrough: 1 << 29,
  CacheDisable: 1 << 30,
  Paging: 0x80000000,
} as const;

/** SDM 3A "Control Registers": CR3. While CR4.PCIDE is 1, bits 11:0 are the PCID, else two of them have names of their own. */
export const Cr3 = {
  PageWriteThrough: 1 << 3,
  PageCacheDisable: 1 << 4,
} as const;

/** SDM 3A "Control Registers": CR4. */
export const Cr4 = {
  V8086ModeExtensions: 1 << 0,
  ProtectedModeVirtualInterrupts: 1 << 1,
  TimeStampDisable: 1 << 2,
  DebuggingExtensions: 1 << 3,
  PageSizeExtensions: 1 << 4,
  PhysicalAddressExtensions: 1 << 5,
  MachineCheckEnable: 1 << 6,
  PageGlobalEnable: 1 << 7,
  PerformanceMonitorCounterEnable: 1 << 8,
  Osfxsr: 1 << 9,
  Osxmmexcpt: 1 << 10,
  UserModeInstructionPrevention: 1 << 11,
  La57: 1 << 12,
  VmxEnableBit: 1 << 13,
  SmxEnableBit: 1 << 14,
  FsgsbaseEnableBit: 1 << 16,
  PcidEnableBit: 1 << 17,
  Osxsave: 1 << 18,
  KeyLockerEnableBit: 1 << 19,
  SmepEnableBit: 1 << 20,
  SmapEnableBit: 1 << 21,
  ProtectionKeyEnableBit: 1 << 22,
  ControlFlowEnforcement: 1 << 23,
  ProtectionKeySupervisor: 1 << 24,
} as const;

/** SDM 1 "EFLAGS Register". */
export const Rflags = {
  CarryFlag: 1 << 0,
  ParityFlag: 1 << 2,
  AuxiliaryCarryFlag: 1 << 4,
  ZeroFlag: 1 << 6,
  SignFlag: 1 << 7,
  TrapFlag: 1 << 8,
  InterruptEnableFlag: 1 << 9,
  DirectionFlag: 1 << 10,
  OverflowFlag: 1 << 11,
  PrivilegeLevel: 3 << 12,
  NestedTask: 1 << 14,
  ResumeFlag: 1 << 16,
  Virtual8086Mode: 1 << 17,
  AlignmentCheckAccessControl: 1 << 18,
  VirtualInterruptFlag: 1 << 19,
  VirtualInterruptPending: 1 << 20,
  IdFlag: 1 << 21,
} as const;
const { CarryFlag, ParityFlag, AuxiliaryCarryFlag, ZeroFlag, SignFlag, OverflowFlag } = Rflags;
/** The flags that arithmetic instructions set. SDM 1 "Status Flags". */
export const STATUS_FLAGS = CarryFlag | ParityFlag | AuxiliaryCarryFlag | ZeroFlag | SignFlag | OverflowFlag;
/** The RFLAGS bit that is always 1. */
export const RFLAGS_ALWAYS_ENABLED = 1 << 1;

/** RFLAGS bits that are always 0. */
export const RFLAGS_ALWAYS_DISABLED = 0xffffffffffc08028n;

/** SDM 3A "Debug Control Register (DR7)". */
export const Dr7 = {
  L0: 1 << 0,
  G0: 1 << 1,
  L1: 1 << 2,
  G1: 1 << 3,
  L2: 1 << 4,
  G2: 1 << 5,
  L3: 1 << 6,
  G3: 1 << 7,
  LocalExact: 1 << 8,
  GlobalExact: 1 << 9,
  Reserved1: 1 << 10,
  Rtm: 1 << 11,
  GeneralDetect: 1 << 13,
  ReadWrite0: 3 << 16,
  Length0: 3 << 18,
  ReadWrite1: 3 << 20,
  Length1: 3 << 22,
  ReadWrite2: 3 << 24,
  Length2: 3 << 26,
  ReadWrite3: 3 << 28,
  Length3: 0xc0000000,
} as const;

/** SDM 3A "Debug Status Register (DR6)". */
export const Dr6 = {
  B0: 1 << 0,
  B1: 1 << 1,
  B2: 1 << 2,
  B3: 1 << 3,
  BusLock: 1 << 11,
  BD: 1 << 13,
  BS: 1 << 14,
  BT: 1 << 15,
  Rtm: 1 << 16,
} as const;

/** SDM 1 "Extended Control Registers (Including XCR0)". */
export const Xcr0 = {
  X87: 1 << 0,
  Sse: 1 << 1,
  Avx: 1 << 2,
  Bndregs: 1 << 3,
  Bndcsr: 1 << 4,
  Opmask: 1 << 5,
  ZmmHi256: 1 << 6,
  Hi16Zmm: 1 << 7,
  Pkru: 1 << 9,
} as const;

/** SDM 3A "Segment Selectors". */
export const SegmentSelector = {
  Rpl: 3 << 0,
  Ti: 1 << 2,
  Index: 0xfff8,
} as const;

/** Segment access rights as a VMCS holds them. SDM 3C "Guest Register State". */
export const AccessRights = {
  Type: 0xf << 0,
  S: 1 << 4,
  Dpl: 3 << 5,
  Present: 1 << 7,
  Avl: 1 << 12,
  L: 1 << 13,
  Db: 1 << 14,
  Granularity: 1 << 15,
  Unusable: 1 << 16,
} as const;

/** Access-rights bits 31:17 and 11:8. */
export const ACCESS_RIGHTS_RESERVED = 0xfffe0f00;

/** Names of the 16 types; the first two are system-segment types that share their numbers with code types. */
export const SegmentType = {
  TssBusy: 11,
  TssAvailable: 9,
  ReadOnly: 0,
  ReadOnlyAccessed: 1,
  ReadWrite: 2,
  ReadWriteAccessed: 3,
  ReadOnlyExpandDown: 4,
  ReadOnlyExpandDownAccessed: 5,
  ReadWriteExpandDown: 6,
  ReadWriteExpandDownAccessed: 7,
  ExecuteOnly: 8,
  ExecuteOnlyAccessed: 9,
  ReadExecute: 10,
  ReadExecuteAccessed: 11,
  ExecuteOnlyConforming: 12,
  ExecuteOnlyConformingAccessed: 13,
  ReadExecuteConforming: 14,
  ReadExecuteConformingAccessed: 15,
} as const;

/** Types of system segments and gates outside IA-32e mode; in it only the LDT, the 32-bit TSS and gates exist. SDM 3A "System Descriptor Types". */
export const SystemSegment = {
  Tss16Available: 1,
  Ldt: 2,
  Tss16Busy: 3,
  CallGate16: 4,
  TaskGate: 5,
  InterruptGate16: 6,
  TrapGate16: 7,
  Tss32Available: 9,
  Tss32Busy: 11,
  CallGate32: 12,
  InterruptGate32: 14,
  TrapGate32: 15,
} as const;

/** Bits of the type of a code or data segment. SDM 3A "Code- and Data-Segment Types". */
export const SegmentTypeBit = {
  Accessed: 1 << 0,
  /** Of a data segment; a code segment's bit says that it can be read. */
  Writable: 1 << 1,
  /** Of a code segment. */
  Readable: 1 << 1,
  /** Of a data segment; a code segment's bit says that it is conforming. */
  ExpandDown: 1 << 2,
  /** Of a code segment. */
  Conforming: 1 << 2,
  Code: 1 << 3,
} as const;

/** Bits of the type of a system segment or gate. SDM 3A "System Descriptor Types". */
export const SystemSegmentBit = {
  /** Of a TSS. */
  Busy: 1 << 1,
  /** It is of 32 bits, not of 16. */
  Is32Bit: 1 << 3,
} as const;

/** Whole access-rights words of the VMM's own segments. */
export const SegmentAccess = {
  Ring0CsDescriptor: 0xa09b,
  Ring0SsDescriptor: 0xc093,
  Ring0FsDescriptor: 0x8093,
  Ring0GsDescriptor: 0x8093,
  Ring0TrDescriptor: 0x8b,
  Unusable: 0x10000,
} as const;

/** SDM 3C "Guest Non-Register State": the interruptibility state. */
export const InterruptibilityState = {
  BlockingBySti: 1 << 0,
  BlockingByMovSs: 1 << 1,
  BlockingBySmi: 1 << 2,
  BlockingByNmi: 1 << 3,
  EnclaveInterruption: 1 << 4,
} as const;

/** SDM 3C "Guest Non-Register State": the activity state. */
export const ActivityState = {
  Active: 0,
  Hlt: 1,
  Shutdown: 2,
  WaitForSipi: 3,
} as const;

/** SDM 3C "Guest Non-Register State": the pending debug exceptions, bits 31:0. */
export const PendingDebugExceptions = {
  B0: 1 << 0,
  B1: 1 << 1,
  B2: 1 << 2,
  B3: 1 << 3,
  BusLock: 1 << 11,
  EnabledBreakpoint: 1 << 12,
  BS: 1 << 14,
  Rtm: 1 << 16,
} as const;

/** IA32_DEBUGCTL. SDM 3B "IA32_DEBUGCTL MSR". */
export const Debugctl = {
  Lbr: 1 << 0,
  Btf: 1 << 1,
  BusLockDetect: 1 << 2,
  Tr: 1 << 6,
  Bts: 1 << 7,
  Btint: 1 << 8,
  BtOffOs: 1 << 9,
  BtOffUser: 1 << 10,
  FreezeLbrsOnPmi: 1 << 11,
  FreezePerfmonOnPmi: 1 << 12,
  EnableUncorePmi: 1 << 13,
  FreezeWhileSmm: 1 << 14,
  RtmDebug: 1 << 15,
} as const;

/** IA32_EFER. SDM 3A "Extended Feature Enable Register". */
export const Efer = {
  Sce: 1 << 0,
  Lme: 1 << 8,
  Lma: 1 << 10,
  Nxe: 1 << 11,
} as const;

/** IA32_BNDCFGS, bits 31:0. */
export const Bndcfgs = {
  En: 1 << 0,
  Bndpreserve: 1 << 1,
} as const;

// TSS types belong to system segments, and share their numbers with code types.
const { TssBusy: _tssBusy, TssAvailable: _tssAvailable, ...codeAndDataTypes } = SegmentType;

/** Bit fields of the segment access rights. */
export const accessRightsFields = [
  ...withValues(bitFieldsOf(AccessRights, ['Type', 'Dpl']), {
    type: valuesOf(codeAndDataTypes),
    dpl: { ring0: 0, ring1: 1, ring2: 2, ring3: 3 },
  }),
  scattered('reserved', 0xfffffffffffe0f00n),
] as const;

/** Bit fields of RFLAGS with the bits that never change. */
export const rflagsFields = [
  ...bitFieldsOf(Rflags, ['PrivilegeLevel']),
  scattered('reserved', RFLAGS_ALWAYS_DISABLED),
  scattered('always_disabled', RFLAGS_ALWAYS_DISABLED),
  bits('always_enabled', 1),
] as const;

/** Bit fields of IA32_DEBUGCTL. */
export const debugctlFields = [...bitFieldsOf(Debugctl), scattered('reserved', 0xffffffffffff003cn)] as const;

/** Bit fields of IA32_EFER. */
export const eferFields = [...bitFieldsOf(Efer), scattered('reserved', 0xfffffffffffff2fen)] as const;

/** Bit fields of IA32_PERF_GLOBAL_CTRL. */
export const perfGlobalCtrlFields = [
  bits('pmc0', 0),
  bits('pmc1', 1),
  bits('pmc2', 2),
  bits('pmc3', 3),
  bits('pmc4', 4),
  bits('pmc5', 5),
  bits('pmc6', 6),
  bits('pmc7', 7),
  bits('fixed_ctr0', 32),
  bits('fixed_ctr1', 33),
  bits('fixed_ctr2', 34),
] as const;

/** Memory types of page attributes. SDM 3A "Page Attribute Table (PAT)". */
export const MemoryType = {
  Uncacheable: 0,
  WriteCombining: 1,
  WriteThrough: 4,
  WriteProtected: 5,
  WriteBack: 6,
  UncacheableMinus: 7,
} as const;

const patTypes = valuesOf(MemoryType);

const patEntry = <const E extends number>(entry: E) => bits(`pa${entry}`, entry * 8, entry * 8 + 2, patTypes);

/** Bit fields of IA32_PAT: the type of each of its 8 entries. */
export const patFields = ([0, 1, 2, 3, 4, 5, 6, 7] as const).map(patEntry);

const patEntryOfField = <const E extends number>(entry: E) => [
  bits(`pa${entry}`, entry * 8, entry * 8 + 7),
  ...prefixed(
    [`pa${entry}`],
    [bits('memory_type', entry * 8, entry * 8 + 2, patTypes), bits('reserved', entry * 8 + 3, entry * 8 + 7)],
  ),
];

/** Bit fields of IA32_PAT as a VMCS field: each entry with its type and its reserved bits. */
export const patEntryFields = ([0, 1, 2, 3, 4, 5, 6, 7] as const).flatMap(patEntryOfField);

/** Bit fields of a PDPTE; its address and reserved bits end at the physical-address width (here: at the widest, 52). */
export const pdpteFields = [
  bits('present', 0),
  scattered('reserved', 0xfff00000000001e6n),
  bits('pwt', 3),
  bits('pcd', 4),
  bits('page_directory_addr', 12, 51),
] as const;

/** Bit fields of any paging-structure entry. SDM 3A "4-Level Paging and 5-Level Paging". */
export const pageTableEntryFields = [
  bits('present', 0),
  bits('rw', 1),
  bits('us', 2),
  bits('pwt', 3),
  bits('pcd', 4),
  bits('accessed', 5),
  bits('dirty', 6),
  bits('ps', 7),
  bits('pat_4k', 7),
  bits('global', 8),
  bits('pat_large', 12),
  bits('phys_addr', 12, 47),
  bits('nx', 63),
] as const;

/** A register with its bit fields. */
export interface RegisterDefinition {
  readonly name: string;
  readonly fields: readonly BitField[];
  /** SDM section title. */
  readonly section: string;
}

/** Bit fields of a segment selector. */
export const selectorFields = bitFieldsOf(SegmentSelector, ['Rpl', 'Index']);

/** Bit fields of DR7. */
export const dr7Fields = bitFieldsOf(Dr7, [
  'ReadWrite0',
  'Length0',
  'ReadWrite1',
  'Length1',
  'ReadWrite2',
  'Length2',
  'ReadWrite3',
  'Length3',
]);

/** The bit fields of the registers that have accessors (`RegisterAccessors`), by name. */
export const registerFields = {
  cr0: bitFieldsOf(Cr0),
  cr2: [],
  cr3: bitFieldsOf(Cr3),
  cr4: bitFieldsOf(Cr4),
  cr8: [bits('task_priority_level', 0, 3)],
  xcr0: bitFieldsOf(Xcr0),
  rflags: rflagsFields,
  dr6: bitFieldsOf(Dr6),
  dr7: dr7Fields,
} as const;

const sections: Readonly<Record<keyof typeof registerFields, string>> = {
  cr0: 'SDM 3A "Control Registers"',
  cr2: 'SDM 3A "Control Registers"',
  cr3: 'SDM 3A "Control Registers"',
  cr4: 'SDM 3A "Control Registers"',
  cr8: 'SDM 3A "Control Registers"',
  xcr0: 'SDM 1 "Extended Control Registers (Including XCR0)"',
  rflags: 'SDM 1 "EFLAGS Register"',
  dr6: 'SDM 3B "Debug Status Register (DR6)"',
  dr7: 'SDM 3B "Debug Control Register (DR7)"',
};

/** All registers and layouts that have no address of their own kind (MSR, CPUID leaf, VMCS field). */
export const registerDefinitions: readonly RegisterDefinition[] = [
  ...Object.entries(registerFields).map(([name, fields]) => ({
    name,
    fields,
    section: sections[name as keyof typeof registerFields],
  })),
  ...segmentNames.map((name) => ({
    name: `segment_register.${name}`,
    fields: selectorFields,
    section: 'SDM 3A "Segment Selectors"',
  })),
  { name: 'ia32_pat', fields: patFields, section: 'SDM 3A "Page Attribute Table (PAT)"' },
  { name: 'ia32_efer', fields: eferFields, section: 'SDM 3A "Extended Feature Enable Register"' },
  { name: 'access_rights', fields: accessRightsFields, section: 'SDM 3C "Guest Register State"' },
  { name: 'pdpte', fields: pdpteFields, section: 'SDM 3A "PAE Paging"' },
  { name: 'page_table_entry', fields: pageTableEntryFields, section: 'SDM 3A "4-Level Paging and 5-Level Paging"' },
];
