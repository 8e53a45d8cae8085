// SPDX-License-Identifier: LGPL-2.1-only
// Structures in memory that the processor reads and writes, by bit and by byte.

/** Any paging-structure entry, bits 31:0. SDM 3A "4-Level Paging and 5-Level Paging". */
export const PageTableEntry = {
  Present: 1 << 0,
  Rw: 1 << 1,
  Us: 1 << 2,
  Pwt: 1 << 3,
  Pcd: 1 << 4,
  Accessed: 1 << 5,
  Dirty: 1 << 6,
  /** Of an entry that can map a large page. */
  Ps: 1 << 7,
  Global: 1 << 8,
  /** Of an entry that maps a large page: bit 2 of the PAT index. In a page table that is bit 7. */
  PatLarge: 1 << 12,
} as const;

/** Any paging-structure entry, bits 63:32, as masks of the high half. */
export const PageTableEntryHigh = {
  Nx: 0x80000000,
} as const;

/** The error code of page faults. SDM 3A "Interrupt 14—Page-Fault Exception (#PF)". */
export const PageFaultError = {
  Present: 1 << 0,
  Write: 1 << 1,
  User: 1 << 2,
  ReservedBit: 1 << 3,
  InstructionFetch: 1 << 4,
} as const;

/** The error code of faults that name a selector. SDM 3A "Error Code". */
export const SelectorError = {
  External: 1 << 0,
  Idt: 1 << 1,
  Ti: 1 << 2,
} as const;

/** An EPT paging-structure entry, bits 31:0. SDM 3C "EPT Translation Mechanism". */
export const EptEntry = {
  Read: 1 << 0,
  Write: 1 << 1,
  Execute: 1 << 2,
  MemoryType: 7 << 3,
  IgnorePat: 1 << 6,
  Large: 1 << 7,
  Accessed: 1 << 8,
  Dirty: 1 << 9,
  /** With "mode-based execute control for EPT"; Execute is then for supervisor-mode addresses only. */
  ExecuteUserMode: 1 << 10,
} as const;

/** The 64-bit TSS, offsets. SDM 3A "Task Management in 64-bit Mode". */
export const Tss64 = {
  /** RSP of privilege level 0; those of 1 and 2 follow. */
  Rsp0: 4,
  /** IST1; the others follow. */
  Ist1: 0x24,
  IoMapBase: 0x66,
  Bytes: 0x68,
} as const;

/** The 32-bit TSS, offsets. SDM 3A "Task-State Segment (TSS)". */
export const Tss32 = {
  Link: 0,
  /** ESP of privilege level 0, then SS; those of 1 and 2 follow. */
  Esp0: 4,
  Ss0: 8,
  Cr3: 0x1c,
  Eip: 0x20,
  Eflags: 0x24,
  /** EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI. */
  Registers: 0x28,
  /** ES, CS, SS, DS, FS, GS. */
  Segments: 0x48,
  Ldt: 0x60,
  /** Bit 0: debug trap. */
  Trap: 0x64,
  IoMapBase: 0x66,
  Bytes: 0x68,
} as const;

/** The 16-bit TSS, offsets. SDM 3A "16-Bit Task-State Segment (TSS)". */
export const Tss16 = {
  Link: 0,
  Sp0: 2,
  Ss0: 4,
  Ip: 0x0e,
  Flags: 0x10,
  Registers: 0x12,
  /** ES, CS, SS, DS. */
  Segments: 0x22,
  Ldt: 0x2a,
  Bytes: 0x2c,
} as const;

/** The XSAVE area of x87 and SSE state, offsets. SDM 1 "Managing State Using the XSAVE Feature Set". */
export const XsaveArea = {
  Fcw: 0,
  Fsw: 2,
  Ftw: 4,
  Fop: 6,
  Fip: 8,
  Fdp: 16,
  Mxcsr: 24,
  MxcsrMask: 28,
  St0: 32,
  Xmm0: 160,
  /** The end of the FXSAVE area. */
  LegacyBytes: 512,
  XstateBv: 512,
  XcompBv: 520,
  HeaderReserved: 528,
  Bytes: 576,
} as const;

/** XCOMP_BV, bits 63:32, as masks of the high half. */
export const XcompBvHigh = {
  Compacted: 0x80000000,
} as const;

/** What XRSTOR loads into a component that is in its initial configuration. SDM 1 "XRSTOR". */
export const InitialConfiguration = {
  Fcw: 0x37f,
  Mxcsr: 0x1f80,
} as const;
