// SPDX-License-Identifier: LGPL-2.1-only
import { InveptType, InvvpidType, type Vmx } from '../../intrinsics/instructions/vmx.js';
import { hex } from '../support/text.js';
import { vmFailure } from '../support/vm_failure.js';

/** INVEPT. @throws VmxError if it fails: translations that should be gone are still there. */
export function invept(vmx: Vmx, type: number, eptPointer: bigint): void {
  if (!vmx.invept(type, eptPointer))
    throw vmFailure(vmx, `INVEPT ${nameOf(InveptType, type)}, EPTP ${hex(eptPointer)}`);
}

/** INVVPID; the address in two halves, for the exit path. @throws VmxError if it fails: translations that should be gone are still there. */
export function invvpid(vmx: Vmx, type: number, vpid: number, addressLow = 0, addressHigh = 0): void {
  if (vmx.invvpidHalves(type, vpid, addressLow, addressHigh)) return;
  const address = (BigInt(addressHigh >>> 0) << 32n) | BigInt(addressLow >>> 0);
  throw vmFailure(vmx, `INVVPID ${nameOf(InvvpidType, type)}, VPID ${hex(vpid)}, address ${hex(address)}`);
}

function nameOf(types: Readonly<Record<string, number>>, type: number): string {
  const name = Object.keys(types).find((each) => types[each] === type);
  return `of type ${type} (${name ?? 'unknown'})`;
}
