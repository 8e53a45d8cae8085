// SPDX-License-Identifier: LGPL-2.1-only
import { Sizes } from './regions.js';
import { StopReason } from './stop_reason.js';

/** Numbers that both languages share; AssemblyScript sees each as a u32 constant. */
export const Constants = {
  /** Bytes of the longest instruction. SDM 2A "Instruction Format". */
  LONGEST_INSTRUCTION: 15,
  TLB_ENTRIES: 1024,
  /** Bytes of one TLB. */
  TLB_BYTES: 0x8000,
  /** Offsets in a processor's area: data TLB = set × TLB_SET + context × TLB_BYTES; contexts: 0 supervisor, 1 user, 2 supervisor with EFLAGS.AC under SMAP. */
  TLB_SET: 0x18000,
  /** Fetch TLB = TLB_FETCHES + set × 2 × TLB_BYTES + (user ? TLB_BYTES : 0). Entries: tag u64 @0, free for the decoder @8 and @16 (0 after a fill), addend u32 @24. */
  TLB_FETCHES: 0x30000,
  /** Log of filled entries: TLB_LOGS + set × TLB_LOG_BYTES, u32 each. */
  TLB_LOGS: 0x50000,
  TLB_LOG_BYTES: 0x8000,
  TLB_LOG_ENTRIES: 8192,
  /** Bytes of a processor's TLB area (Sizes.TLB_STRIDE). */
  TLB_AREA: 0x60000,

  /** RDMSR of last-branch records while IA32_DEBUGCTL.LBR is 1. */
  UNIMPLEMENTED_LAST_BRANCH_RECORDS: 1,

  STOP_IDLE: StopReason.Idle,
  STOP_REQUESTED: StopReason.Requested,
  STOP_PAUSE: StopReason.Pause,
  STOP_VM_EXIT: StopReason.VmExit,
  STOP_VMX_INSTRUCTION: StopReason.VmxInstruction,
  STOP_UNIMPLEMENTED: StopReason.Unimplemented,
  STOP_SHUTDOWN: StopReason.Shutdown,
  /** Reasons from here on: the instruction at RIP did not complete. */
  STOP_INCOMPLETE: 16,

  /** MODE bits. MODE_PROTECTED: CR0.PE and not VM86. */
  MODE_PROTECTED: 1,
  MODE_VM86: 2,
  MODE_LONG: 4,
  MODE_64: 8,
  MODE_PAGING: 16,

  /** Bytes of a processor's block, and of its table of plain MSRs. */
  PROCESSOR_BYTES: Sizes.PROCESSOR,
  MSR_TABLE_BYTES: Sizes.MSR_TABLE,

  WRITTEN_LIST_PAGES: Sizes.WRITTEN_LIST_PAGES,
  JUMP_CACHE_ENTRIES: Sizes.JUMP_CACHE_ENTRIES,
  HEAT_ENTRIES: Sizes.HEAT_ENTRIES,
  MOST_WANTED: Sizes.MOST_WANTED,
  BRANCH_COUNTS_BYTES: Sizes.BRANCH_COUNTS,
  /** Halves of two odd numbers of 64 bits: the place of a branch in BRANCH_COUNTS is a hash of its two RIPs. */
  BRANCH_FROM_LOW: 0x7f4a7c15,
  BRANCH_FROM_HIGH: 0x9e3779b9,
  BRANCH_TO_LOW: 0x27d4eb4f,
  BRANCH_TO_HIGH: 0xc2b2ae3d,

  /** LOOKS_AT_BRANCHES: they are counted in BRANCH_COUNTS; some lead to breakpoints. */
  BRANCHES_COUNTED: 1,
  BRANCHES_TO_BREAKPOINTS: 2,
  /** Of an entry of WATCHPOINTS: u64 first and u64 last address, u32 WATCH_* of the accesses, u32 SPACE_*. */
  WATCHPOINT_FIRST: 0,
  WATCHPOINT_LAST: 8,
  WATCHPOINT_ACCESS: 16,
  WATCHPOINT_SPACE: 20,
  WATCHPOINT_BYTES: 32,
  WATCH_READ: 1,
  WATCH_WRITE: 2,
  /** What the addresses of a watchpoint are: linear ones; offsets in RAM and the carve-out behind it. */
  SPACE_LINEAR: 0,
  SPACE_MEMORY: 1,
  /** A breakpoint; an access of an instruction, or of the delivery of an event; one that the processor made besides, as in a page walk; one of the machine in TypeScript; a VM exit. */
  HIT_BREAKPOINT: 1,
  HIT_ACCESSED: 2,
  HIT_STRUCTURE: 3,
  HIT_MACHINE: 4,
  HIT_EXIT: 5,
  /**
   * Why a compiled region was left: an access that the data TLB has no place for, or a fault; the end of the budget; something that is due behind an
   * instruction that a handler executed. From LEFT_TARGET on another region may go on: control goes out of the region; an instruction is the interpreter's.
   */
  LEFT_ACCESS: 0,
  LEFT_BUDGET: 1,
  LEFT_DUE: 2,
  LEFT_TARGET: 3,
  LEFT_INSTRUCTION: 4,

  CARVE_OUT_GIB: Sizes.CARVE_OUT_GIB,
  CARVE_OUT_BYTES: Sizes.CARVE_OUT,
  CARVE_OUT_VMM_BYTES: Sizes.CARVE_OUT - Sizes.DRIVER_PART,
  /** Parts of the carve-out: the VMM's memory, the driver's pages. */
  CARVE_OUT_VMM: 1,
  CARVE_OUT_DRIVER: 2,

  /** Values of ACTIVITY that VMX does not have: MWAIT waits; it waits, and interrupts that are masked end the wait. */
  ACTIVITY_MWAIT: 4,
  ACTIVITY_MWAIT_MASKED: 5,
  /** Bytes of the line that MONITOR arms. */
  MONITOR_LINE_BYTES: 64,

  /** DECODE_MODE: bits 1:0 code size (0 = 16, 1 = 32, 2 = 64 bits); bit 2 stack pointer of 32 bits (outside 64-bit mode); bit 3 segments are not flat: accesses go through ACCESS_SEGMENT. */
  DECODE_CODE: 3,
  DECODE_CODE16: 0,
  DECODE_CODE32: 1,
  DECODE_CODE64: 2,
  DECODE_STACK32: 4,
  DECODE_SEGMENTED: 8,
  /** Real-address and virtual-8086 mode: there is no VEX prefix. */
  DECODE_REAL: 16,

  /** Width of linear addresses: the core has paging of up to four levels. */
  LINEAR_ADDRESS_WIDTH: 48,
  /** The words of MSR_SETTABLE. */
  MSRS_BY_BITS: 8,

  /** Segment numbers. */
  ES: 0,
  CS: 1,
  SS: 2,
  DS: 3,
  FS: 4,
  GS: 5,
  LDTR: 6,
  TR: 7,

  /** EXIT_COLD_CHANGED: segments, tables and MSRs; control registers, interruptibility, activity and pending debug traps. */
  COLD_TABLES: 1,
  COLD_CONTROLS: 2,
  /** ATTENTION bits: an external interrupt waits at the pin; NMI; INIT; SIPI; the next boundary must be looked at (shadow, RF, TF, breakpoints, MTF, windows, preemption timer); stop wanted. */
  ATTENTION_INTERRUPT: 1,
  ATTENTION_NMI: 2,
  ATTENTION_INIT: 4,
  ATTENTION_SIPI: 8,
  ATTENTION_STEP: 16,
  ATTENTION_STOP: 32,
  ATTENTION_SMI: 64,
  /** Interrupt-window or NMI-window exiting is on: look at each boundary after an instruction that may open the window. */
  ATTENTION_WINDOW: 128,
  /** The guest's virtual APIC has work at the next boundary: VMX_APIC_PENDING, VMX_VIRTUAL_INTERRUPT. */
  ATTENTION_VIRTUAL_APIC: 256,
  // What waits in VMX_APIC_PENDING.
  /** VM entry has just come: the TPR threshold, or the evaluation of virtual interrupts. */
  APIC_PENDING_ENTRY: 0x10000,
  /** A write whose emulation is due; its offset in the page is in the lower bits. */
  APIC_PENDING_WRITE: 0x20000,
  APIC_PENDING_OFFSET: 0xfff,

  /** EPT_FEATURES bits. */
  EPT_ACCESSED_DIRTY: 1,
  EPT_EXECUTE_ONLY: 2,

  VMX_INSTRUCTION_VMCALL: 1,
  VMX_INSTRUCTION_VMCLEAR: 2,
  VMX_INSTRUCTION_VMLAUNCH: 3,
  VMX_INSTRUCTION_VMPTRLD: 4,
  VMX_INSTRUCTION_VMPTRST: 5,
  VMX_INSTRUCTION_VMREAD: 6,
  VMX_INSTRUCTION_VMRESUME: 7,
  VMX_INSTRUCTION_VMWRITE: 8,
  VMX_INSTRUCTION_VMXOFF: 9,
  VMX_INSTRUCTION_VMXON: 10,
  VMX_INSTRUCTION_INVEPT: 11,
  VMX_INSTRUCTION_INVVPID: 12,
} as const;
