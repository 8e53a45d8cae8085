// SPDX-License-Identifier: LGPL-2.1-only
import { DR6_ONES, DR7_ONES } from './control_register_contents.js';
import { RFLAGS_ALWAYS_ENABLED } from '../registers/registers.js';

/** The registers after power-up, reset and INIT. SDM 3A "Processor State After Reset". */
export const ResetState = {
  Rflags: RFLAGS_ALWAYS_ENABLED,
  Rip: 0xfff0,
  /** After INIT, CD and NW stay as they were. */
  Cr0: 0x60000010,
  CsSelector: 0xf000,
  CsBase: 0xffff0000,
  CsRights: 0x9b,
  /** Of DS, ES, FS, GS and SS. */
  DataRights: 0x93,
  LdtrRights: 0x82,
  TrRights: 0x8b,
  /** Of all segments and of both descriptor tables. */
  Limit: 0xffff,
  Dr6: DR6_ONES,
  Dr7: DR7_ONES,
} as const;
