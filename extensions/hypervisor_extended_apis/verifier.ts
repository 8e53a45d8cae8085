// SPDX-License-Identifier: LGPL-2.1-only
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

/** Categories of the extended APIs' VMCALL registers (R02). */
export const ExtendedApisCategory = {
  eapis_cat__io_instruction: 4096,
  eapis_cat__vpid: 8192,
  eapis_cat__msr: 12288,
  eapis_cat__rdmsr: 16384,
  eapis_cat__wrmsr: 20480,
} as const;
