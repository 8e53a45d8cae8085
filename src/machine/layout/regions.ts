// SPDX-License-Identifier: LGPL-2.1-only

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
  /** Bytes of a processor's table of plain MSRs. */
  MSR_TABLE: 0x1000,
  /** Pages that WRITTEN_LIST has room for. */
  WRITTEN_LIST_PAGES: 0x1000,
  /** Counts of taken branches: a power of two. */
  BRANCH_COUNTS: 0x10000,
  /** Entries of JUMP_CACHE, HEAT and WANTED_LIST; the first two are powers of two. */
  JUMP_CACHE_ENTRIES: 0x1000,
  HEAT_ENTRIES: 0x10000,
  MOST_WANTED: 0x100,
  /** Bytes of BREAK_OFFSETS, and the most entries of BREAKPOINTS and WATCHPOINTS. */
  BREAK_OFFSETS: 0x200,
  MOST_BREAKPOINTS: 256,
  MOST_WATCHPOINTS: 32,
  /** Physical address of the carve-out is CARVE_OUT_GIB GiB. */
  CARVE_OUT_GIB: 4,
  /** The end of the carve-out, which belongs to the driver's contexts and not to the VMM. */
  DRIVER_PART: 0x100000,
} as const;

/** Regions at fixed addresses outside the processor block. */
export const regions = {
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
  /** u32: the bits that CR4 may have. */
  CR4_ALLOWED: 0x1420,
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
  /** u32: a bit for each of `msrsByBits`: CPUID announces the MSR, or need not. */
  MSRS_ANNOUNCED: 0x1460,
  /** u32: bit set of Constants.BRANCHES_*: why the core looks at each taken branch; 0 = it does not. */
  LOOKS_AT_BRANCHES: 0x1464,
  /** u32 each: entries of BREAKPOINTS and WATCHPOINTS. */
  BREAKPOINT_COUNT: 0x1468,
  WATCHPOINT_COUNT: 0x146c,
  /** u32: 1 + the address of the MSR whose writes the host wants to hear of; 0 = of none. */
  WATCHED_MSR: 0x1470,
  /**
   * The events that led to a triple fault: u32 count of entries @0, u32 1 = it came to a triple fault @4, u64 RIP of the first @8, then up to 7 entries
   * of 16 bytes: u32 as the word DELIVERY (bit 30: with the one before it this became #DF), u32 error code, u64 linear address of a page fault.
   */
  EVENT_CHAIN: 0x1480,
  /** Four slots of 16 bytes: places of operands that cross a page, are MMIO or lie in decoded code. */
  BOUNCE: 0x1500,
  /** For each slot 32 bytes: physical addresses of first and last page's part u64 × 2, size u32, bytes in the first page u32, next slot u32 (slot 0 only). */
  BOUNCE_WORDS: 0x1540,
  /** Constants.MSRS_BY_BITS words u64: the bits that WRMSR takes as 1, of each MSR of `msrsByBits`. */
  MSR_SETTABLE: 0x15c0,
  /** Scratch for XSAVE images, FXSAVE, task switches. */
  SCRATCH: 0x1600,
  HANDLERS: 0x4000,
  /** Entries of 32 bytes: u32 leaf, subleaf, flags (1 = subleaf matters), pad, eax, ebx, ecx, edx. */
  CPUID_TABLE: 0xc000,
  /** asc --memoryBase; up to TLBS. */
  STATIC_DATA: 0x10000,
  TLBS: 0x80000,
  /** A TLB without any tag: in use while every access must take the slow path (segmented modes, #AC). */
  EMPTY_TLB: 0x3f8000,
  /** u32 per page of RAM and carve-out: index page of its decoded records, 0 none. */
  PAGE_MAP: 0x400000,
  /** u8 per page of RAM and carve-out: 1 = written since it was last cleared. */
  DIRTY: 0x710000,
  /** u8 per page of RAM: 1 = its contents are still to come (AbsentPages). */
  ABSENT: 0x800000,
  /** Blocks of processors that are not loaded. */
  PROCESSORS: 0xa00000,
  /** What the VMX engine in TypeScript keeps for each processor outside the block: the current VMCS, the marks of the VM-entry rules (VmxArea). */
  VMX_AREAS: 0xa10000,
  /**
   * A table for each processor, Sizes.MSR_TABLE bytes apart. Entries of 32 bytes: u32 index, u32 flags, u64 value, u64 mask of writable bits, u64 mask
   * of bits whose write is ignored.
   */
  MSR_TABLE: 0xa90000,
  /** u32 each: the numbers of written pages that `takeWritten` has found. */
  WRITTEN_LIST: 0xaa0000,
  /** u8 each: how often the taken branches with this place were taken, at most 255. */
  BRANCH_COUNTS: 0xab0000,
  // The host's debugger: where it wants to stop, and what was met.
  /** A bit for each offset in a page at which a breakpoint is: a block of decoded code that comes to it ends. */
  BREAK_OFFSETS: 0xac0000,
  /** u64 each: linear addresses. */
  BREAKPOINTS: 0xac0200,
  /** Entries of Constants.WATCHPOINT_BYTES; the other Constants.WATCHPOINT_* are what is where in one. */
  WATCHPOINTS: 0xac0a00,
  /** u32 Constants.HIT_*, 0 none; the others belong to it. */
  HIT: 0xac0e00,
  /** u32: which entry of WATCHPOINTS. */
  HIT_WATCHPOINT: 0xac0e04,
  /** u32: Constants.WATCH_* of the access; u32: its bytes; u64: where it was, in the space of the watchpoint. */
  HIT_ACCESS: 0xac0e08,
  HIT_BYTES: 0xac0e0c,
  HIT_ADDRESS: 0xac0e10,
  /** u64: RIP of the instruction. */
  HIT_RIP: 0xac0e18,
  /** The breakpoint at which the machine stopped, and goes on: u32 processor, u64 its count of instructions, u64 linear address. */
  PASSED_PROCESSOR: 0xac0e20,
  PASSED_COUNT: 0xac0e28,
  PASSED_ADDRESS: 0xac0e30,
  // The compiled tier (src/machine/compiled).
  /** u32: how warm a block's head must be to be wanted as a region; 0: nothing is compiled. */
  HEAT_WANTED: 0xac0e40,
  /** u32: entries of WANTED_LIST. */
  WANTED_COUNT: 0xac0e44,
  /** u32: how often code was forgotten that had regions. */
  REGIONS_FORGOTTEN: 0xac0e48,
  /** u64: instructions that regions executed, since the machine was made. */
  REGION_INSTRUCTIONS: 0xac0e50,
  /** u64: how often the interpreter entered a region. */
  REGION_ENTRIES: 0xac0e58,
  /** u32: why the last region was left, Constants.LEFT_*. */
  REGION_LEFT: 0xac0e60,
  /** i32: BUDGET when the interpreter entered the region that it is in; 0: it is in none. */
  REGION_BUDGET: 0xac0e64,
  /** u64 each: how often regions were left, by Constants.LEFT_*. */
  REGION_LEAVES: 0xac0e68,
  /** u32: where in the table `executeRecord` is, which regions call. */
  EXECUTE_RECORD: 0xac0e90,
  /** u32: 1 = JUMP_CACHE has entries. */
  REGIONS_NOTED: 0xac0e4c,
  /** u32 each: a head that is wanted, as its offset from RAM. */
  WANTED_LIST: 0xac1000,
  /** Entries of 16 bytes, direct-mapped: u64 RIP, u32 addend of its page's fetch-TLB entry, u32 slot of the region in the table, 0 none. */
  JUMP_CACHE: 0xad0000,
  /** u16 each, by a hash of the record: how warm the head of a block is. */
  HEAT: 0xae0000,
  RECORDS: 0x1000000,
  RECORDS_END: 0x7000000,
  RAM: 0x7000000,
} as const;
