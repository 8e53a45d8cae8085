// SPDX-License-Identifier: LGPL-2.1-only

/** Names and sizes in bytes of the words of a processor block, in order; each is aligned to min(its size, 16). */
export const processorWords = {
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
  SPEC_CTRL: 8,
  /** IA32_XSS. */
  XSS: 8,
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
  /** 1 + instructions retired behind the last iteration of a repeated string instruction that left more of them; 0 if there was none. */
  REPEATED_AT: 8,
  /** Why the core stopped: StopReason; 0 = running. Values ≥ 16: the current instruction did not complete. */
  STOP: 4,
  /** Bit set of Constants.ATTENTION_*: what must be checked between two instructions. Tested when a block ends in a system instruction. */
  ATTENTION: 4,
  /** Interruptibility state in the VMCS's format: blocking by STI 0, by MOV SS 1, by SMI 2, by NMI 3. */
  INTERRUPTIBILITY: 4,
  /** Activity state in the VMCS's numbers (0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI), or Constants.ACTIVITY_MWAIT*. */
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
  /** 1: the IRET that is executing, or whose fault waits, ended blocking by NMI. */
  FAULT_NMI_UNBLOCKED: 4,
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
  /** XSS-exiting bitmap. */
  VMX_XSS_EXITING: 8,
  /** 16-bit VPID; 0 if "enable VPID" is 0. */
  VMX_VPID: 4,
  /** TSC offset and multiplier as applied to RDTSC in non-root operation (multiplier 1 << 48 = none). */
  VMX_TSC_OFFSET: 8,
  VMX_TSC_MULTIPLIER: 8,
  /** EPT pointer; 0 if "enable EPT" is 0. */
  VMX_EPTP: 8,
  /** Page-modification log: physical address, and the index of its next entry, which counts down. Only with "enable PML". */
  VMX_PML_ADDRESS: 8,
  VMX_PML_INDEX: 4,
  /** Physical addresses of the virtual-APIC page and of the APIC-access page. */
  VMX_VIRTUAL_APIC: 8,
  VMX_APIC_ACCESS: 8,
  VMX_TPR_THRESHOLD: 4,
  /** Guest interrupt status: RVI, SVI << 8. */
  VMX_INTERRUPT_STATUS: 4,
  /** 256 bits by vector: its virtual EOI is a VM exit. */
  VMX_EOI_EXIT_BITMAP: 32,
  /** Posted interrupts: the notification vector, and the physical address of the descriptor. */
  VMX_POSTED_VECTOR: 4,
  VMX_POSTED_DESCRIPTOR: 8,
  /** Constants.APIC_PENDING_*, 0: nothing waits. */
  VMX_APIC_PENDING: 4,
  /** 1: a pending virtual interrupt is recognized. */
  VMX_VIRTUAL_INTERRUPT: 4,
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
  /** Offset in RAM of the line that MONITOR armed; all ones: none. */
  MONITOR_ADDRESS: 8,
  /** State of the generator of RDRAND and RDSEED. */
  RANDOM: 8,
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
  /** 1: another processor has work for the VMM on this one, which leaves the guest before its next instruction. */
  VMX_WORK_PENDING: 4,
} as const;
