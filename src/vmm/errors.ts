// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../intrinsics/errors.js';

/** A VMX instruction reported VMfail. */
export class VmxError extends BareflankError {}

/** The processor cannot enter VMX operation, or leave it. */
export class VmxonError extends BareflankError {}

/** A VMCS field that the processor lacks, a control that it does not allow, contributions that contradict each other. */
export class VmcsError extends BareflankError {}

/** VMLAUNCH or VMRESUME failed; `rules` are those that the VMCS breaks. */
export class VmEntryError extends BareflankError {
  constructor(
    message: string,
    readonly rules: readonly string[],
    options: { causedBy?: unknown } = {},
  ) {
    super(message, options);
  }
}

/** A call of a vCPU that its state does not allow, or an invalid id. */
export class VcpuError extends BareflankError {}

/** `startVmm` or `stopVmm` failed; `code` is Bareflank's number for it. */
export class EntryError extends BareflankError {
  constructor(
    message: string,
    readonly code: bigint,
    options: { causedBy?: unknown } = {},
  ) {
    super(message, options);
  }
}

/** An impossible translation, mapping or release of memory. */
export class MemoryManagerError extends BareflankError {}

/** A pool of the memory manager is exhausted. */
export class OutOfMemoryError extends BareflankError {}

/** A VMCALL with invalid arguments. */
export class VmcallError extends BareflankError {}

/** A contribution or a handler gave an invalid answer. */
export class ContributionError extends BareflankError {}

/** Code of a handler leaves something to do behind, which no run would do at the same moment: a Promise, a timer. */
export class LeftOverTaskError extends BareflankError {}

/** A handler left the guest at an instruction that it said it had handled, again and again. */
export class UnfinishedExitError extends BareflankError {}

/** An exit that the base cannot emulate; the message says what is missing. */
export class UnimplementedExitError extends BareflankError {}
