// SPDX-License-Identifier: LGPL-2.1-only
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
  /** Not one of Bareflank's: the driver has replaced the VMM's code. */
  VMCALL_RELOAD: 7,
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
