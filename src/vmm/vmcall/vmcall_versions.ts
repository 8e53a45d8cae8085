// SPDX-License-Identifier: LGPL-2.1-only
import { VmcallError } from '../errors.js';
import { VMCALL_VERSION, VmcallVersions } from '../exit/vmcall_interface.js';
import type { VmcallRegisters } from '../exit/vmcall_registers.js';
import { BAREFLANK_VERSION, type UserVersion } from './user_version.js';

/** Answers VMCALL_VERSIONS. @param ofIndex versions that a user defined, by indexes from 2^63. @throws VmcallError for an unknown index */
export function answerVersions(
  registers: VmcallRegisters,
  userVersion: UserVersion,
  ofIndex: (index: bigint) => readonly number[],
): void {
  const answer = (version: readonly number[]): void => {
    [registers.r03, registers.r04, registers.r05] = version.map(BigInt) as [bigint, bigint, bigint];
  };
  if (registers.r02 === BigInt(VmcallVersions.VMCALL_VERSION_PROTOCOL)) answer([VMCALL_VERSION, 0, 0]);
  else if (registers.r02 === BigInt(VmcallVersions.VMCALL_VERSION_BAREFLANK)) answer(BAREFLANK_VERSION);
  else if (registers.r02 === BigInt(VmcallVersions.VMCALL_VERSION_USER)) answer(userVersion);
  else if (registers.r02 >= 1n << 63n) answer(ofIndex(registers.r02));
  else throw new VmcallError(`unknown version index ${registers.r02}; 0 protocol, 1 Bareflank, 10 user`);
}
