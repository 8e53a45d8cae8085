// SPDX-License-Identifier: LGPL-2.1-only
/**
 * The one layout of the machine's WebAssembly.Memory. TypeScript imports `Layout`; the build generates the AssemblyScript file
 * src/machine/cpu/generated/layout.ts from it (`@inline export const NAME: usize = address` for each entry of `Layout`, `: u32` for each of `Constants`).
 *
 *     0x000400  processor block: all state of the processor that is loaded (copied on a switch of processors)
 *     0x001400  words of the machine, bounce buffers, handler table, CPUID and MSR tables
 *     0x010000  static data of the AssemblyScript program (--memoryBase)
 *     0x080000  TLBs, one area a processor
 *     0x400000  page map, dirty map, blocks of processors that are not loaded, current VMCS of each processor
 *     0x1000000 decoded records
 *     0x7000000 guest RAM, then the VMM's carve-out of 64 MiB (physical 0x1_0000_0000)
 */

/** Names and sizes in bytes of the words of a processor block, in order; each is aligned to min(its size, 16). */
const processorFields = {
  // General registers: a register operand is the address of its slot; these come first because records hold slots as u16.
  RAX: 8,
  RCX: 8,
  RDX: 8,
  RBX: 8,
  RSP: 8,
  RBP: 8,
  RSI: 8,
  RDI: 8,
  R8: 8,
  R9: 8,
  R10: 8,
  R11: 8,
  R12: 8,
  R13: 8,
  R14: 8,
  R15: 8,
  /** Always 0: no base, no index, flat segment. */
  ZERO: 8,
  /** Instruction pointer (offset in CS), exact whenever the core is not inside a block. */
  RIP: 8,
  /** Lazy flags: sign-extended result, carry-in vector, CF | SF inverted << 1 | PF inverted << 2. */
  FR: 8,
  FX: 8,
  FC: 8,
  /** RFLAGS without CF PF AF ZF SF OF (those are lazy): bit 1 and TF IF DF IOPL NT RF VM AC VIF VIP ID. */
  RFLAGS_SYSTEM: 8,
  // Segment registers in the SDM's order of encoding, then LDTR and TR. Bases are slots for effective addresses.
  ES_BASE: 8,
  CS_BASE: 8,
  SS_BASE: 8,
  DS_BASE: 8,
  FS_BASE: 8,
  GS_BASE: 8,
  LDTR_BASE: 8,
  TR_BASE: 8,
  ES_SELECTOR: 4,
  CS_SELECTOR: 4,
  SS_SELECTOR: 4,
  DS_SELECTOR: 4,
  FS_SELECTOR: 4,
  GS_SELECTOR: 4,
  LDTR_SELECTOR: 4,
  TR_SELECTOR: 4,
  /** Limits in bytes, granularity applied. */
  ES_LIMIT: 4,
  CS_LIMIT: 4,
  SS_LIMIT: 4,
  DS_LIMIT: 4,
  FS_LIMIT: 4,
  GS_LIMIT: 4,
  LDTR_LIMIT: 4,
  TR_LIMIT: 4,
  /** Access rights in the VMCS's format: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16. */
  ES_RIGHTS: 4,
  CS_RIGHTS: 4,
  SS_RIGHTS: 4,
  DS_RIGHTS: 4,
  FS_RIGHTS: 4,
  GS_RIGHTS: 4,
  LDTR_RIGHTS: 4,
  TR_RIGHTS: 4,
  GDTR_BASE: 8,
  IDTR_BASE: 8,
  GDTR_LIMIT: 4,
  IDTR_LIMIT: 4,
  CR0: 8,
  CR2: 8,
  CR3: 8,
  CR4: 8,
  /** PDPTEs of PAE paging, loaded by MOV to CR3 and similar instructions, or by VM entry with EPT. */
  PDPTE0: 8,
  PDPTE1: 8,
  PDPTE2: 8,
  PDPTE3: 8,
  DR0: 8,
  DR1: 8,
  DR2: 8,
  DR3: 8,
  DR6: 8,
  DR7: 8,
  XCR0: 8,
  EFER: 8,
  STAR: 8,
  LSTAR: 8,
  CSTAR: 8,
  FMASK: 8,
  KERNEL_GS_BASE: 8,
  SYSENTER_CS: 8,
  SYSENTER_ESP: 8,
  SYSENTER_EIP: 8,
  PAT: 8,
  /** IA32_TIME_STAMP_COUNTER − INSTRUCTIONS, as a wrapping u64. */
  TSC_OFFSET: 8,
  TSC_ADJUST: 8,
  TSC_AUX: 8,
  APIC_BASE: 8,
  MISC_ENABLE: 8,
  DEBUGCTL: 8,
  FEATURE_CONTROL: 8,
  MTRR_DEF_TYPE: 8,
  /** Ten pairs IA32_MTRR_PHYSBASEn, IA32_MTRR_PHYSMASKn. */
  MTRR_PHYS: 160,
  /** IA32_MTRR_FIX64K_00000, FIX16K_80000, FIX16K_A0000, FIX4K_C0000 … FIX4K_F8000. */
  MTRR_FIX: 88,
  /** Vector of the start-up IPI that waits. */
  SIPI_VECTOR: 4,
  /** Ordinal of this processor: initial local APIC id. */
  PROCESSOR_ID: 4,
  CPL: 4,
  /** Bit set of Constants.MODE_*: what CR0, EFER, RFLAGS.VM and CS.L say. */
  MODE: 4,
  /** Constants.DECODE_*: the mode on which decoded records depend. Written by updateMode(). */
  DECODE_MODE: 4,
  /** Mask of the stack pointer: 0xffff, 0xffffffff or all ones. */
  STACK_MASK: 8,
  /** Mask of RIP: 0xffff, 0xffffffff or all ones. */
  CODE_MASK: 8,
  /** Current data TLB and fetch TLB (the AssemblyScript globals tlbBase and fetchBase are copies). */
  TLB_DATA: 4,
  TLB_FETCH: 4,
  /** Instructions retired before this call of execute(), and its budget: retired now = INSTRUCTIONS + BUDGET_START − BUDGET. */
  INSTRUCTIONS: 8,
  BUDGET_START: 4,
  BUDGET: 4,
  /** Why the core stopped: StopReason; 0 = running. Values ≥ 16: the current instruction did not complete. */
  STOP: 4,
  /** Bit set of Constants.ATTENTION_*: what must be checked between two instructions. Tested when a block ends in a system instruction. */
  ATTENTION: 4,
  /** Interruptibility state in the VMCS's format: blocking by STI 0, by MOV SS 1, by SMI 2, by NMI 3. */
  INTERRUPTIBILITY: 4,
  /** Activity state in the VMCS's numbers: 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI. */
  ACTIVITY: 4,
  /** Record that is being executed; RIP of it = PAGE_RIP + its page offset (CODE_MASK applied). 0 = RIP is exact. */
  CURRENT_RECORD: 4,
  /** Segment of the memory operand of the next access (0–5), written in segmented decode modes only. */
  ACCESS_SEGMENT: 4,
  /** RIP of the first byte of the current record's page: linear page address − CS base. */
  PAGE_RIP: 8,
  // Event that waits for delivery: written by raise(), consumed by execute().
  /** 0 none, 1 an event waits. */
  FAULT_PENDING: 4,
  FAULT_VECTOR: 4,
  /** Type of the waiting event, in the numbers of VM-entry interruption information (0 external, 2 NMI, 3 hardware, 4 software interrupt, 5 privileged software, 6 software exception). */
  FAULT_TYPE: 4,
  FAULT_HAS_CODE: 4,
  FAULT_CODE: 4,
  /** Length of the instruction that caused a software event. */
  FAULT_LENGTH: 4,
  /** Linear address of the waiting page fault: becomes CR2 when it is delivered. */
  FAULT_ADDRESS: 8,
  /** DR6 bits that the waiting #DB reports. */
  FAULT_DEBUG: 8,
  // The event that is being delivered through the IDT (valid bit 31), in the format of IDT-vectoring information.
  DELIVERY: 4,
  DELIVERY_CODE: 4,
  DELIVERY_LENGTH: 4,
  /** DR6 bits of data and single-step breakpoints that wait for the next boundary; the VMCS's pending debug exceptions at VM entry and exit. */
  DEBUG_TRAPS: 8,
  /** 1: the waiting event was injected by VM entry and cannot itself cause an exit. */
  FAULT_INJECTED: 4,
  /** Physical x87 registers R0–R7, 16 bytes each: u64 significand @0, u16 sign and exponent @8. MMX register i is the low 8 bytes of Ri. */
  X87_REGISTERS: 128,
  X87_CONTROL: 4,
  /** Status word; TOP in bits 13:11. */
  X87_STATUS: 4,
  /** Abridged tags: bit i = physical register i is not empty. */
  X87_TAGS: 4,
  X87_OPCODE: 4,
  X87_CS: 4,
  X87_DS: 4,
  /** FERR# pin: CR0.NE = 0 and a waiting instruction met an unmasked error that is still pending. */
  X87_FERR: 4,
  MXCSR: 4,
  X87_IP: 8,
  X87_DP: 8,
  /** XMM0–XMM15, 16 bytes each. */
  XMM: 256,

  // VMX. Filled by the TypeScript engine at VM entry; the core only tests them.
  /** 0 outside VMX operation, 1 root, 2 non-root. */
  VMX_MODE: 4,
  VMX_PIN: 4,
  VMX_PRIMARY: 4,
  VMX_SECONDARY: 4,
  VMX_EXCEPTION_BITMAP: 4,
  VMX_PF_MASK: 4,
  VMX_PF_MATCH: 4,
  VMX_CR3_TARGET_COUNT: 4,
  VMX_CR0_MASK: 8,
  VMX_CR0_SHADOW: 8,
  VMX_CR4_MASK: 8,
  VMX_CR4_SHADOW: 8,
  /** CR3-target values 0 to 3. */
  VMX_CR3_TARGETS: 32,
  /** Physical addresses of the bitmaps. */
  VMX_IO_BITMAP_A: 8,
  VMX_IO_BITMAP_B: 8,
  VMX_MSR_BITMAP: 8,
  /** 16-bit VPID; 0 if "enable VPID" is 0. */
  VMX_VPID: 4,
  /** TSC offset and multiplier as applied to RDTSC in non-root operation (multiplier 1 << 48 = none). */
  VMX_TSC_OFFSET: 8,
  VMX_TSC_MULTIPLIER: 8,
  /** EPT pointer; 0 if "enable EPT" is 0. */
  VMX_EPTP: 8,
  /** TSC (host) at which the preemption timer reaches 0; all ones = timer off. The core stops with exit reason 52 at the first boundary at or after it. */
  VMX_PREEMPTION_DEADLINE: 8,
  /** Physical address of the current VMCS, all ones if none: VMPTRST. */
  VMX_CURRENT_VMCS: 8,
  /** Bits that CR0 and CR4 must have in VMX operation (IA32_VMX_CR0_FIXED0/1 …), unrestricted guest already applied. */
  VMX_CR0_FIXED0: 8,
  VMX_CR0_FIXED1: 8,
  VMX_CR4_FIXED0: 8,
  VMX_CR4_FIXED1: 8,
  /** 1: a MOV-SS/STI shadow, MTF or window is checked at the next boundary. MTF that waits (set at VM entry by event injection type 7). */
  VMX_MTF_PENDING: 4,
  /** Bit set of Constants.CARVE_OUT_*: the parts of the carve-out that software's own accesses reach without EPT. To software, the other parts are not memory. */
  CARVE_OUT_ACCESS: 4,
  /** The parts that the structures of VMX operation may be in, and that EPT may lead to: what belongs to the software that executed VMXON. */
  CARVE_OUT_STRUCTURES: 4,
  // What a VM exit reports; written by the core, read by the engine.
  EXIT_REASON: 4,
  EXIT_INSTRUCTION_LENGTH: 4,
  EXIT_INSTRUCTION_INFORMATION: 4,
  EXIT_INTERRUPTION_INFORMATION: 4,
  EXIT_INTERRUPTION_ERROR_CODE: 4,
  IDT_VECTORING_INFORMATION: 4,
  IDT_VECTORING_ERROR_CODE: 4,
  EXIT_QUALIFICATION: 8,
  GUEST_LINEAR_ADDRESS: 8,
  GUEST_PHYSICAL_ADDRESS: 8,
  /** Bit set of Constants.COLD_*: which words that guests seldom change differ from what they were at the exit before; and what they were then. */
  EXIT_COLD_CHANGED: 4,
  EXIT_COLD_COPY: 288,
  // Operands of a VMX instruction that the engine performs (StopReason.VmxInstruction).
  /** Constants.VMX_INSTRUCTION_*. */
  VMX_OPERAND_INSTRUCTION: 4,
  /** Length of the instruction: the engine completes with RIP + this. */
  VMX_OPERAND_LENGTH: 4,
  /** m64 operand (VMXON, VMPTRLD, VMCLEAR), value to write (VMWRITE), type (INVEPT, INVVPID). */
  VMX_OPERAND_VALUE: 8,
  /** Field encoding (VMREAD, VMWRITE), full 64-bit register. */
  VMX_OPERAND_FIELD: 8,
  /** Descriptor of INVEPT and INVVPID. */
  VMX_OPERAND_DESCRIPTOR0: 8,
  VMX_OPERAND_DESCRIPTOR1: 8,
  /** Destination of VMREAD: slot of a register, or 0 and the linear address (already probed for writing). */
  VMX_OPERAND_REGISTER: 4,
  /** Size of the destination of VMREAD: 4 or 8. */
  VMX_OPERAND_SIZE: 4,
  VMX_OPERAND_LINEAR: 8,
  // TLB bookkeeping of this processor.
  /** What the guest set of TLBs holds: EPTP and VPID << 48 | 1 << 63, 0 = nothing. */
  TLB_GUEST_TAG: 8,
  /** CR3, and the paging bits of CR0, CR4 and EFER, under which each set was filled. */
  TLB_CR3_0: 8,
  TLB_CR3_1: 8,
  TLB_PAGING_0: 8,
  TLB_PAGING_1: 8,
  /** Number of logged fills (host set, guest set); more than the log holds = everything must be swept. */
  TLB_LOG_COUNT0: 4,
  TLB_LOG_COUNT1: 4,
  /** 1: the set holds pieces of large pages, INVLPG must sweep. */
  TLB_LARGE0: 4,
  TLB_LARGE1: 4,
  /** 1: the set holds global pages. */
  TLB_GLOBAL0: 4,
  TLB_GLOBAL1: 4,
  /** TSC value that UMWAIT-like waits end at; MONITOR's armed address (all ones: not armed). */
  MONITOR_ADDRESS: 8,
  // The VMX engine's own state in TypeScript; the core does not touch it.
  /** Physical address of the VMXON region, all ones outside VMX operation. */
  VMXON_REGION: 8,
  /** The number of VMXONs so far: a VMCS launched in an earlier session cannot be resumed. */
  VMX_SESSION: 4,
  /** The session in which the current VMCS was launched; 0 is the launch state "clear". */
  VMX_LAUNCHED_IN: 4,
  /** Who made the last VM entry: 0 x86 code, 1 TypeScript. */
  VMX_OWNER: 4,
  /** 1: in root operation, but the guest's state is still in the processor. */
  VMX_RESIDENT: 4,
  /** Bit set of Constants.COLD_*: groups that the next VM exit must save, whether the guest changed them or not. */
  VMX_COLD_UNKNOWN: 4,
  /** 1: the VMM stored into memory since the last exit to TypeScript. */
  VMX_MEMORY_WRITTEN: 4,
  /** 1: the host was in IA-32e mode at the last VM entry. */
  VMX_HOST_IA32E: 4,
  /** 1: a VM exit waits for the exit entry in TypeScript. */
  VMX_EXIT_PENDING: 4,
} as const;

/** Regions at fixed addresses outside the processor block. */
const regions = {
  PROCESSOR: 0x400,
  // machine words
  /** u32: bytes of guest RAM below the PCI hole; the carve-out follows in memory. */
  RAM_BYTES: 0x1400,
  /** u32: width of physical addresses (MAXPHYADDR); u64: mask of reserved physical bits. */
  PHYSICAL_BITS: 0x1404,
  PHYSICAL_RESERVED: 0x1408,
  /** u32: bump pointer of the record space, u32: its generation. */
  RECORD_NEXT: 0x1410,
  RECORD_GENERATION: 0x1414,
  /** u32 entries in the CPUID and MSR tables. */
  CPUID_COUNT: 0x1418,
  MSR_COUNT: 0x141c,
  /** u32: bits of optional EPT features: Constants.EPT_*. */
  EPT_FEATURES: 0x1424,
  /** u64 result of a bus read. */
  BUS_VALUE: 0x1428,
  /** u32: number of processors. */
  PROCESSOR_COUNT: 0x1430,
  /** u32: why the core stopped with StopReason.Unimplemented, Constants.UNIMPLEMENTED_*. */
  UNIMPLEMENTED: 0x1434,
  /** u32: head of the list of record indexes that can be used again, chained by @4; u32: 1 = the cache of crossing instructions holds one. */
  FREE_INDEXES: 0x1438,
  HAS_CROSSINGS: 0x143c,
  /** The last opcode that is in no table (#UD): u32 count @0, u32 DECODE_MODE @4, u64 RIP @8, u64 linear address @16. */
  UNDEFINED: 0x1440,
  /**
   * The events that led to a triple fault: u32 count of entries @0, u32 1 = it came to a triple fault @4, u64 RIP of the first @8, then up to 7 entries
   * of 16 bytes: u32 as the word DELIVERY (bit 30: with the one before it this became #DF), u32 error code, u64 linear address of a page fault.
   */
  EVENT_CHAIN: 0x1480,
  /** Four slots of 16 bytes: places of operands that cross a page, are MMIO or lie in decoded code. */
  BOUNCE: 0x1500,
  /** For each slot 32 bytes: physical addresses of first and last page's part u64 × 2, size u32, bytes in the first page u32, next slot u32 (slot 0 only). */
  BOUNCE_WORDS: 0x1540,
  /** Scratch for XSAVE images, FXSAVE, task switches. */
  SCRATCH: 0x1600,
  HANDLERS: 0x4000,
  /** Entries of 32 bytes: u32 leaf, subleaf, flags (1 = subleaf matters), pad, eax, ebx, ecx, edx. */
  CPUID_TABLE: 0xc000,
  /** Entries of 32 bytes: u32 index, u32 flags, u64 value, u64 mask of writable bits, u64 mask of bits whose write is ignored. */
  MSR_TABLE: 0xd000,
  /** asc --memoryBase; up to TLBS. */
  STATIC_DATA: 0x10000,
  TLBS: 0x80000,
  /** A TLB without any tag: in use while every access must take the slow path (segmented modes, #AC). */
  EMPTY_TLB: 0x3f8000,
  /** u32 per page of RAM and carve-out: index page of its decoded records, 0 none. */
  PAGE_MAP: 0x400000,
  /** u8 per page of RAM and carve-out: 1 = written since it was last cleared. */
  DIRTY: 0x710000,
  /** Blocks of processors that are not loaded. */
  PROCESSORS: 0xa00000,
  /** What the VMX engine in TypeScript keeps for each processor outside the block: the current VMCS, the marks of the VM-entry rules (VmxArea). */
  VMX_AREAS: 0xa10000,
  RECORDS: 0x1000000,
  RECORDS_END: 0x7000000,
  RAM: 0x7000000,
} as const;

type Name = keyof typeof processorFields | keyof typeof regions;

/** Places the words of the processor block one after the other. */
function place(): Record<Name, number> {
  const result: Record<string, number> = {};
  let at: number = regions.PROCESSOR;
  for (const [name, size] of Object.entries(processorFields)) {
    const alignment = size >= 16 ? 16 : size;
    at = Math.ceil(at / alignment) * alignment;
    result[name] = at;
    at += size;
  }
  if (at > regions.PROCESSOR + Sizes.PROCESSOR)
    throw new RangeError(`processor block ends at 0x${at.toString(16)}, beyond its region`);
  return { ...result, ...regions } as Record<Name, number>;
}

/** Sizes in bytes, and numbers of entries, of what the layout places. */
export const Sizes = {
  PROCESSOR: 0x1000,
  MAX_PROCESSORS: 8,
  /** Bytes of a processor's VMX area. */
  VMX_AREA: 0x10000,
  /** Bytes of a processor's TLB area: data TLBs of the host set and the guest set, fetch TLBs of both, logs. */
  TLB_STRIDE: 0x60000,
  /** Guest RAM: the largest that fits below the PCI hole. */
  MAX_RAM: 0xc0000000,
  /** The VMM's pages above guest RAM. */
  CARVE_OUT: 0x4000000,
  /** Physical address of the carve-out is CARVE_OUT_GIB GiB. */
  CARVE_OUT_GIB: 4,
  /** The end of the carve-out, which belongs to the driver's contexts and not to the VMM. */
  DRIVER_PART: 0x100000,
} as const;

/** Address in the machine's memory of every word and region, by name. */
export const Layout: Readonly<Record<Name, number>> = Object.freeze(place());

/** Size in bytes of each word of the processor block. */
export const FieldSizes = processorFields;

/** Why `execute` returned. Values from 16 on: the instruction at RIP did not complete. */
export enum StopReason {
  /** The budget is used up. */
  Quantum = 0,
  /** HLT or another inactive state: nothing to execute until an event arrives. */
  Idle = 1,
  /** `requestStop`. */
  Requested = 2,
  /** VM exit of the guest: EXIT_* words are filled, the guest's state is in the registers. */
  VmExit = 16,
  /** A VMX instruction waits for the engine: VMX_OPERAND_* words are filled. */
  VmxInstruction = 17,
  /** Software uses a feature that the core does not implement: UNIMPLEMENTED says which. RIP is at the instruction. */
  Unimplemented = 18,
  /** Triple fault outside non-root operation: shutdown. */
  Shutdown = 19,
}

/** Numbers that both languages share; AssemblyScript sees each as a u32 constant. */
export const Constants = {
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

  CARVE_OUT_GIB: Sizes.CARVE_OUT_GIB,
  CARVE_OUT_BYTES: Sizes.CARVE_OUT,
  CARVE_OUT_VMM_BYTES: Sizes.CARVE_OUT - Sizes.DRIVER_PART,
  /** Parts of the carve-out: the VMM's memory, the driver's pages. */
  CARVE_OUT_VMM: 1,
  CARVE_OUT_DRIVER: 2,

  /** DECODE_MODE: bits 1:0 code size (0 = 16, 1 = 32, 2 = 64 bits); bit 2 stack pointer of 32 bits (outside 64-bit mode); bit 3 segments are not flat: accesses go through ACCESS_SEGMENT. */
  DECODE_CODE: 3,
  DECODE_CODE16: 0,
  DECODE_CODE32: 1,
  DECODE_CODE64: 2,
  DECODE_STACK32: 4,
  DECODE_SEGMENTED: 8,

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

/** Bytes of memory that a machine with `ramBytes` of RAM needs, a multiple of 64 KiB. */
export function memoryBytes(ramBytes: number): number {
  return Math.ceil((Layout.RAM + ramBytes + Sizes.CARVE_OUT) / 0x10000) * 0x10000;
}
