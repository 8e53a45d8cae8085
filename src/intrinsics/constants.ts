// SPDX-License-Identifier: LGPL-2.1-only
// Numbers that users of Bareflank 1.1 meet, under their Bareflank names. 64-bit numbers are bigint.
import { MemoryType } from './registers.js';

/** vCPU ids: the reserved bit, special ids, and the bit that distinguishes guest vCPUs (ids from 0x10000) from host vCPUs. */
export const VcpuId = {
  reserved: 0x8000000000000000n,
  invalid: 0xffffffffffffffffn,
  current: 0xfffffffffffffff0n,
  guestMask: 0xffffffffffff0000n,
} as const;

/** The first bit of a vCPU id that makes it a guest's. */
export const VCPUID_GUEST_FROM = 16;

/** What R01 (RDX) must hold in a VMCALL. */
export const VMCALL_MAGIC = 0xb045eacdacd52e22n;

/** The version of the VMCALL interface. */
export const VMCALL_VERSION = 1;

/** VMCALL opcodes (R00). */
export const VmcallOpcode = {
  VMCALL_VERSIONS: 1,
  VMCALL_REGISTERS: 2,
  VMCALL_DATA: 3,
  VMCALL_EVENT: 4,
  VMCALL_START: 5,
  VMCALL_STOP: 6,
  VMCALL_UNITTEST: 10,
} as const;

/** What a VMCALL_VERSIONS call asks for (R02). */
export const VmcallVersions = {
  VMCALL_VERSION_PROTOCOL: 0,
  VMCALL_VERSION_BAREFLANK: 1,
  VMCALL_VERSION_USER: 10,
} as const;

/** Types of VMCALL data (R04, R07). */
export const VmcallDataType = {
  VMCALL_DATA_NONE: 0,
  VMCALL_DATA_STRING_UNFORMATTED: 1,
  VMCALL_DATA_STRING_JSON: 2,
  VMCALL_DATA_BINARY_UNFORMATTED: 10,
} as const;

/** Which general-purpose register carries each VMCALL register; R13 to R15 exist in the structure only. */
export const vmcallRegisters = {
  r00: 'rax',
  r01: 'rdx',
  r02: 'rcx',
  r03: 'rbx',
  r04: 'rsi',
  r05: 'r8',
  r06: 'r9',
  r07: 'r10',
  r08: 'r11',
  r09: 'r12',
  r10: 'r13',
  r11: 'r14',
  r12: 'r15',
  r13: null,
  r14: null,
  r15: null,
} as const;

/** States of the VMM as the driver and `bfm status` know them. */
export const VmmStatus = {
  VMM_UNLOADED: 10,
  VMM_LOADED: 11,
  VMM_RUNNING: 12,
  VMM_CORRUPT: 100,
} as const;

/** Error codes, by family of hex digit; bit 63 is set in failures. */
export const ErrorCode = {
  ENTRY_SUCCESS: 0x0n,
  ENTRY_ERROR_STACK_OVERFLOW: 0x8000000000000010n,
  ENTRY_ERROR_VMM_INIT_FAILED: 0x8000000000000020n,
  ENTRY_ERROR_VMM_START_FAILED: 0x8000000000000030n,
  ENTRY_ERROR_VMM_STOP_FAILED: 0x8000000000000040n,
  ENTRY_ERROR_UNKNOWN: 0x8000000000000050n,
  CRT_SUCCESS: 0x0n,
  CRT_FAILURE: 0x8000000000000100n,
  REGISTER_EH_FRAME_SUCCESS: 0x0n,
  REGISTER_EH_FRAME_FAILURE: 0x8000000000001000n,
  GET_DRR_SUCCESS: 0x0n,
  GET_DRR_FAILURE: 0x8000000000010000n,
  BFELF_SUCCESS: 0x0n,
  BFELF_ERROR_INVALID_ARG: 0x8000000000100000n,
  BFELF_ERROR_INVALID_FILE: 0x8000000000200000n,
  BFELF_ERROR_INVALID_INDEX: 0x8000000000300000n,
  BFELF_ERROR_INVALID_SIGNATURE: 0x8000000000500000n,
  BFELF_ERROR_UNSUPPORTED_FILE: 0x8000000000600000n,
  BFELF_ERROR_INVALID_SEGMENT: 0x8000000000700000n,
  BFELF_ERROR_INVALID_SECTION: 0x8000000000800000n,
  BFELF_ERROR_LOADER_FULL: 0x8000000000900000n,
  BFELF_ERROR_NO_SUCH_SYMBOL: 0x8000000000a00000n,
  BFELF_ERROR_MISMATCH: 0x8000000000b00000n,
  BFELF_ERROR_UNSUPPORTED_RELA: 0x8000000000c00000n,
  BFELF_ERROR_OUT_OF_ORDER: 0x8000000000d00000n,
  MEMORY_MANAGER_SUCCESS: 0x0n,
  MEMORY_MANAGER_FAILURE: 0x8000000001000000n,
  BF_SUCCESS: 0x0n,
  BF_ERROR_INVALID_ARG: 0x8000000010000000n,
  BF_ERROR_INVALID_INDEX: 0x8000000020000000n,
  BF_ERROR_NO_MODULES_ADDED: 0x8000000030000000n,
  BF_ERROR_MAX_MODULES_REACHED: 0x8000000040000000n,
  BF_ERROR_VMM_INVALID_STATE: 0x8000000050000000n,
  BF_ERROR_FAILED_TO_ADD_FILE: 0x8000000060000000n,
  BF_ERROR_FAILED_TO_DUMP_DR: 0x8000000070000000n,
  BF_ERROR_OUT_OF_MEMORY: 0x8000000080000000n,
  BF_ERROR_VMM_CORRUPTED: 0x8000000090000000n,
  BF_ERROR_UNKNOWN: 0x80000000a0000000n,
  BF_IOCTL_SUCCESS: 0x0n,
  BF_IOCTL_FAILURE: -1n,
  BF_BAD_ALLOC: 0x8000000100000000n,
  BF_VMCALL_SUCCESS: 0x0n,
  BF_VMCALL_FAILURE: 0x8000001000000000n,
} as const;

/** The names that `errorCodeName` gives. */
export const stringifiedErrorCodes = [
  'SUCCESS',
  'ENTRY_ERROR_STACK_OVERFLOW',
  'ENTRY_ERROR_VMM_INIT_FAILED',
  'ENTRY_ERROR_VMM_START_FAILED',
  'ENTRY_ERROR_VMM_STOP_FAILED',
  'ENTRY_ERROR_UNKNOWN',
  'CRT_FAILURE',
  'REGISTER_EH_FRAME_FAILURE',
  'GET_DRR_FAILURE',
  'MEMORY_MANAGER_FAILURE',
  'BFELF_ERROR_INVALID_ARG',
  'BFELF_ERROR_INVALID_FILE',
  'BFELF_ERROR_INVALID_INDEX',
  'BFELF_ERROR_INVALID_SIGNATURE',
  'BFELF_ERROR_UNSUPPORTED_FILE',
  'BFELF_ERROR_INVALID_SEGMENT',
  'BFELF_ERROR_INVALID_SECTION',
  'BFELF_ERROR_LOADER_FULL',
  'BFELF_ERROR_NO_SUCH_SYMBOL',
  'BFELF_ERROR_MISMATCH',
  'BFELF_ERROR_UNSUPPORTED_RELA',
  'BFELF_ERROR_OUT_OF_ORDER',
  'BF_ERROR_INVALID_ARG',
  'BF_ERROR_INVALID_INDEX',
  'BF_ERROR_NO_MODULES_ADDED',
  'BF_ERROR_MAX_MODULES_REACHED',
  'BF_ERROR_VMM_INVALID_STATE',
  'BF_ERROR_FAILED_TO_ADD_FILE',
  'BF_ERROR_FAILED_TO_DUMP_DR',
  'BF_ERROR_OUT_OF_MEMORY',
  'BF_ERROR_VMM_CORRUPTED',
  'BF_ERROR_UNKNOWN',
  'BF_BAD_ALLOC',
  'BF_IOCTL_FAILURE',
] as const;

/** The name of an error code, "SUCCESS" for 0, "UNDEFINED_ERROR_CODE" for a number without a name. */
export function errorCodeName(code: bigint): string {
  if (code === 0n) return 'SUCCESS';
  const signed = BigInt.asUintN(64, code);
  for (const name of stringifiedErrorCodes) {
    if (name !== 'SUCCESS' && BigInt.asUintN(64, ErrorCode[name]) === signed) return name;
  }
  return 'UNDEFINED_ERROR_CODE';
}

/** Sizes and limits. */
export const Limit = {
  cacheLineShift: 6,
  pageShift: 12,
  heapPoolBytes: 8388608,
  pagePoolBytes: 33554432,
  memMapPoolBytes: 8388608,
  memMapPoolStart: 0x200000,
  /** Bits 63:32 of the VMM-virtual address at which `PhysicalWindow` begins, and its size: 2^46 bytes. */
  physicalWindowHigh: 0x4000,
  physicalWindowBits: 46,
  maxModules: 75,
  debugRingShift: 15,
  debugRingBytes: 32768,
  stackBytes: 32768,
  stackReservedBytes: 32,
  vmcallInBufferBytes: 131072,
  vmcallOutBufferBytes: 131072,
  exitHandlerStackBytes: 65536,
} as const;

/** The version of the framework that is modelled: major, minor, patch. */
export const BAREFLANK_VERSION = [1, 1, 0] as const;

/** The user's own version until `userVersion` is overridden. */
export const USER_VERSION_DEFAULT = [0, 0, 0] as const;

/** The debug ring in memory: epos, spos (8 bytes each), tag 1, 32768 bytes of buffer, tag 2. */
export const DebugRingTag = {
  tag1: 0xdb60db60db60db60n,
  tag2: 0x06bd06bd06bd06bdn,
} as const;

/** Types of memory descriptors, to be ORed. */
export const MemoryDescriptorType = {
  MEMORY_TYPE_R: 1,
  MEMORY_TYPE_W: 2,
  MEMORY_TYPE_E: 4,
} as const;

/** Page and cache-line geometry. */
export const X64 = {
  pageSize: 4096,
  pageShift: 12,
  cacheLineSize: 64,
  cacheLineShift: 6,
} as const;

/** Attributes of a mapping: access in bits 11:8 (rw 1, re 2, pass-through 3), memory type in bits 3:0. */
export const MemoryAttribute = {
  invalid: 0x0,
  rw: 0x100,
  re: 0x200,
  pt: 0x300,
  rwUc: 0x100,
  rwWc: 0x101,
  rwWt: 0x104,
  rwWp: 0x105,
  rwWb: 0x106,
  rwUcM: 0x107,
  reUc: 0x200,
  reWc: 0x201,
  reWt: 0x204,
  reWp: 0x205,
  reWb: 0x206,
  reUcM: 0x207,
  ptUc: 0x300,
  ptWc: 0x301,
  ptWt: 0x304,
  ptWp: 0x305,
  ptWb: 0x306,
  ptUcM: 0x307,
} as const;

/** The VMM's value of IA32_PAT. */
export const PAT_VALUE = 0x0706050406040100n;

/** Which PAT entry holds which memory type. */
export const PatIndex = {
  uncacheableIndex: 0,
  writeCombiningIndex: 1,
  writeThroughIndex: 2,
  writeProtectedIndex: 5,
  writeBackIndex: 3,
  uncacheableMinusIndex: 7,
} as const;

/** The PAT entry of a memory type. */
export const patIndexOf: Readonly<Record<number, number>> = {
  [MemoryType.Uncacheable]: PatIndex.uncacheableIndex,
  [MemoryType.WriteCombining]: PatIndex.writeCombiningIndex,
  [MemoryType.WriteThrough]: PatIndex.writeThroughIndex,
  [MemoryType.WriteProtected]: PatIndex.writeProtectedIndex,
  [MemoryType.WriteBack]: PatIndex.writeBackIndex,
  [MemoryType.UncacheableMinus]: PatIndex.uncacheableMinusIndex,
};

/** Levels of a page table: the lowest address bit and how much one entry maps. */
export const PageTableLevel = {
  pml4: { from: 39, size: 9, bytes: 0x8000000000 },
  pdpt: { from: 30, size: 9, bytes: 0x40000000 },
  pd: { from: 21, size: 9, bytes: 0x200000 },
  pt: { from: 12, size: 9, bytes: 0x1000 },
} as const;

/** Entries of a page table. */
export const PAGE_TABLE_ENTRIES = 512;

/** Ports of serial devices. */
export const SerialPortAddress = {
  com1: 0x3f8,
  com2: 0x2f8,
  com3: 0x3e8,
  com4: 0x2e8,
} as const;

/** The port of the default serial device. */
export const SERIAL_DEFAULT_PORT = 0x3f8;

/** The VMM's default speed: Bareflank's manual page says 115200 8N1. */
export const SERIAL_DEFAULT_BAUD = 115200;

/** Serial speeds, as divisors of 115200. */
export const BaudRate = {
  baud_rate_50: 2304,
  baud_rate_75: 1536,
  baud_rate_110: 1047,
  baud_rate_150: 768,
  baud_rate_300: 384,
  baud_rate_600: 192,
  baud_rate_1200: 96,
  baud_rate_1800: 64,
  baud_rate_2000: 58,
  baud_rate_2400: 48,
  baud_rate_3600: 32,
  baud_rate_4800: 24,
  baud_rate_7200: 16,
  baud_rate_9600: 12,
  baud_rate_19200: 6,
  baud_rate_38400: 3,
  baud_rate_57600: 2,
  baud_rate_115200: 1,
} as const;

/** Serial data bits, as in the line-control register. */
export const DataBits = {
  char_length_5: 0,
  char_length_6: 1,
  char_length_7: 2,
  char_length_8: 3,
} as const;

/** Serial stop bits, as in the line-control register. */
export const StopBits = {
  stop_bits_1: 0,
  stop_bits_2: 4,
} as const;

/** Serial parity, as in the line-control register. */
export const ParityBits = {
  parity_none: 0,
  parity_odd: 8,
  parity_even: 24,
  parity_mark: 40,
  parity_space: 56,
} as const;

/** The 16550's registers, as offsets from its port. */
export const SerialRegister = {
  baudRateLo: 0,
  baudRateHi: 1,
  interruptEn: 1,
  fifoControl: 2,
  lineControl: 3,
  lineStatus: 5,
} as const;

/** Divisor-latch access bit of the line-control register. */
export const SERIAL_DLAB = 0x80;

/** FIFO-control bits. */
export const FifoControl = {
  enableFifos: 1,
  clearReceiveFifo: 2,
  clearTransmitFifo: 4,
  dmaModeSelect: 8,
} as const;

/** Line-status bits. */
export const LineStatus = {
  dataReady: 1,
  overrunError: 2,
  parityError: 4,
  framingError: 8,
  breakInterrupt: 16,
  emptyTransmitter: 32,
  emptyData: 64,
  receivedFifoError: 128,
} as const;

/** Line-control masks. */
export const LineControl = {
  dataMask: 3,
  stopMask: 4,
  parityMask: 56,
} as const;

/** Offsets in a vCPU's state-save page. */
export const StateSaveOffset = {
  rax: 0x0,
  rbx: 0x8,
  rcx: 0x10,
  rdx: 0x18,
  rbp: 0x20,
  rsi: 0x28,
  rdi: 0x30,
  r08: 0x38,
  r09: 0x40,
  r10: 0x48,
  r11: 0x50,
  r12: 0x58,
  r13: 0x60,
  r14: 0x68,
  r15: 0x70,
  rip: 0x78,
  rsp: 0x80,
  vcpuid: 0x88,
  vmxonPtr: 0x90,
  vmcsPtr: 0x98,
  exitHandlerPtr: 0xa0,
  user1: 0xa8,
  user2: 0xb0,
  user3: 0xb8,
  ymm00: 0xc0,
  ymm01: 0xe0,
  ymm02: 0x100,
  ymm03: 0x120,
  ymm04: 0x140,
  ymm05: 0x160,
  ymm06: 0x180,
  ymm07: 0x1a0,
  ymm08: 0x1c0,
  ymm09: 0x1e0,
  ymm10: 0x200,
  ymm11: 0x220,
  ymm12: 0x240,
  ymm13: 0x260,
  ymm14: 0x280,
  ymm15: 0x2a0,
  totalBytes: 4096,
} as const;

/** The VMM's own GDT: selectors, rights, bases and limits by index. A TSS takes two entries. */
export const vmmGdt = [
  { index: 1, use: 'cs', selector: 0x08, access: 0xa09b, base: 0, limit: 0xffffffff },
  { index: 2, use: 'ss', selector: 0x10, access: 0xc093, base: 0, limit: 0xffffffff },
  { index: 3, use: 'fs', selector: 0x18, access: 0x8093, base: 0, limit: 0xffffffff },
  { index: 4, use: 'gs', selector: 0x20, access: 0x8093, base: 0, limit: 0xffffffff },
  { index: 5, use: 'tr', selector: 0x28, access: 0x8b, base: undefined, limit: 103 },
] as const;

/** MSRs that RDMSR and WRMSR exits answer from the VMCS: MSR address to field encoding. */
export const msrsInVmcs: Readonly<Record<number, number>> = {
  0x1d9: 0x2802,
  0x277: 0x2804,
  0xc0000080: 0x2806,
  0x38f: 0x2808,
  0x174: 0x482a,
  0x175: 0x6824,
  0x176: 0x6826,
  0xc0000100: 0x680e,
  0xc0000101: 0x6810,
};

/** Ids of the self tests inside the VMM. */
export const unittestIds: Readonly<Record<number, string>> = {
  0x1001: 'array',
  0x1002: 'vector',
  0x1003: 'deque',
  0x1004: 'forward_list',
  0x1005: 'list',
  0x1006: 'stack',
  0x1007: 'queue',
  0x1008: 'priority_queue',
  0x1009: 'set',
  0x100a: 'map',
  0x1100: 'cout',
  0x1101: 'io manipulators',
};

/** ANSI colours of the log. */
export const Colour = {
  debug: '1;32',
  warning: '1;33',
  error: '1;31',
  func: '1;36',
  line: '1;35',
  green: '1;32',
  red: '1;31',
  end: '0',
} as const;

/** INVEPT types. */
export const InveptType = {
  singleContext: 1,
  global: 2,
} as const;

/** INVVPID types. */
export const InvvpidType = {
  individualAddress: 0,
  singleContext: 1,
  allContexts: 2,
  singleContextGlobal: 3,
} as const;

/** Categories of the extended APIs' VMCALL registers (R02). */
export const ExtendedApisCategory = {
  eapis_cat__io_instruction: 4096,
  eapis_cat__vpid: 8192,
  eapis_cat__msr: 12288,
  eapis_cat__rdmsr: 16384,
  eapis_cat__wrmsr: 20480,
} as const;

/** Functions of the extended APIs' VMCALL registers (R03), by category. */
export const ExtendedApisFunction = {
  eapis_fun__enable_io_bitmaps: 1,
  eapis_fun__disable_io_bitmaps: 2,
  eapis_fun__trap_on_io_access: 3,
  eapis_fun__trap_on_all_io_accesses: 4,
  eapis_fun__pass_through_io_access: 5,
  eapis_fun__pass_through_all_io_accesses: 6,
  eapis_fun__enable_vpid: 1,
  eapis_fun__disable_vpid: 2,
  eapis_fun__enable_msr_bitmap: 1,
  eapis_fun__disable_msr_bitmap: 2,
  eapis_fun__trap_on_rdmsr_access: 1,
  eapis_fun__trap_on_all_rdmsr_accesses: 2,
  eapis_fun__pass_through_rdmsr_access: 3,
  eapis_fun__pass_through_all_rdmsr_accesses: 4,
  eapis_fun__trap_on_wrmsr_access: 1,
  eapis_fun__trap_on_all_wrmsr_accesses: 2,
  eapis_fun__pass_through_wrmsr_access: 3,
  eapis_fun__pass_through_all_wrmsr_accesses: 4,
} as const;

/** What a VMCALL verifier decides. */
export const VerifierResult = {
  deny: 0,
  log: 1,
  allow: 2,
} as const;

/** Denials that a policy remembers. */
export const DENIAL_LOG_SIZE = 25;

/** Policy indexes of the extended APIs' calls. (1.1.0 gives WRMSR's the numbers of RDMSR's, so that they overwrite each other.) */
export const VerifierIndex = {
  clearDenials: 0x1,
  dumpPolicy: 0x2,
  dumpDenials: 0x3,
  enableIoBitmaps: 0x1001,
  trapOnIoAccess: 0x1002,
  trapOnAllIoAccesses: 0x1003,
  passThroughIoAccess: 0x1004,
  passThroughAllIoAccesses: 0x1005,
  whitelistIoAccess: 0x1006,
  blacklistIoAccess: 0x1007,
  logIoAccess: 0x1008,
  clearIoAccessLog: 0x1009,
  ioAccessLog: 0x100a,
  enableVpid: 0x2001,
  enableMsrBitmap: 0x3001,
  trapOnRdmsrAccess: 0x4001,
  trapOnAllRdmsrAccesses: 0x4002,
  passThroughRdmsrAccess: 0x4003,
  passThroughAllRdmsrAccesses: 0x4004,
  whitelistRdmsrAccess: 0x4005,
  blacklistRdmsrAccess: 0x4006,
  logRdmsrAccess: 0x4007,
  clearRdmsrAccessLog: 0x4008,
  rdmsrAccessLog: 0x4009,
  trapOnWrmsrAccess: 0x5001,
  trapOnAllWrmsrAccesses: 0x5002,
  passThroughWrmsrAccess: 0x5003,
  passThroughAllWrmsrAccesses: 0x5004,
  whitelistWrmsrAccess: 0x5005,
  blacklistWrmsrAccess: 0x5006,
  logWrmsrAccess: 0x5007,
  clearWrmsrAccessLog: 0x5008,
  wrmsrAccessLog: 0x5009,
} as const;
