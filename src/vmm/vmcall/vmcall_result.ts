// SPDX-License-Identifier: LGPL-2.1-only
import { ErrorCode } from '../error_codes.js';
import { OutOfMemoryError, VmcallError } from '../errors.js';
import type { Exit } from '../exit/exit.js';
import { VMCALL_MAGIC } from '../exit/vmcall_interface.js';
import type { VmcallRegisters } from '../exit/vmcall_registers.js';
import { bferror } from '../output/output.js';
import { hex } from '../support/text.js';
import type { VmcallFailures } from './vmcall_failures.js';

/** Checks the magic number and handles a VMCALL. @returns R01: success, or the code of what was thrown, which is logged and noted */
export function resultOf(
  exit: Exit,
  { r00, r01 }: VmcallRegisters,
  failures: VmcallFailures | undefined,
  handle: () => void,
): bigint {
  try {
    if (r01 !== VMCALL_MAGIC)
      throw new VmcallError(`invalid magic ${hex(r01)} in R01 (RDX), wanted ${hex(VMCALL_MAGIC)}`);
    handle();
    return ErrorCode.BF_VMCALL_SUCCESS;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    failures?.note(exit.vcpuid, { message, error });
    bferror`vmcall ${hex(r00)}: ${message}`;
    return error instanceof OutOfMemoryError ? ErrorCode.BF_BAD_ALLOC : ErrorCode.BF_VMCALL_FAILURE;
  }
}
