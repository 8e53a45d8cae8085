// SPDX-License-Identifier: LGPL-2.1-only
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import { VmcsError } from '../errors.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';

const gateBytes = 16;

/** An interrupt descriptor table: the processor's (from SIDT), or one of the VMM's own. SDM 3A "Interrupt Descriptor Table (IDT)". */
export class IdtX64 {
  /** @param register linear address and limit. */
  constructor(readonly register: TableRegister) {}

  /** A table of `gates` gates that are not present, in new memory. @throws VmcsError for less than one gate or more than 256, OutOfMemoryError */
  static ofSize(manager: Pick<MemoryManager, 'alloc'>, gates: number): IdtX64 {
    if (gates < 1 || gates > 256) throw new VmcsError(`an IDT of ${gates} gates: wanted 1 … 256`);
    return new IdtX64({ base: manager.alloc(gates * gateBytes, 'structure'), limit: gates * gateBytes - 1 });
  }
}
