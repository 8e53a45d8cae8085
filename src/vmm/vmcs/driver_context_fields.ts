// SPDX-License-Identifier: LGPL-2.1-only
import { segmentNames } from '../../intrinsics/segments.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import type { ReservedFields } from '../vmcs_fields/write_ledger.js';

const segmentFields = [
  VmcsField.GuestEsSelector,
  VmcsField.GuestEsBase,
  VmcsField.GuestEsLimit,
  VmcsField.GuestEsAccessRights,
].flatMap((first) => segmentNames.map((_name, index) => first + 2 * index));

/**
 * What a launch takes from the context that executes VMLAUNCH: the driver goes on there as the guest, and then the registers of the system
 * that it interrupted come back. A value that a contribution gives one of these fields would reach nobody.
 */
export const driverContext: ReservedFields = {
  fields: new Set([
    VmcsField.GuestRip,
    VmcsField.GuestRsp,
    VmcsField.GuestRflags,
    VmcsField.GuestCr3,
    VmcsField.GuestGdtrBase,
    VmcsField.GuestGdtrLimit,
    VmcsField.GuestIdtrBase,
    VmcsField.GuestIdtrLimit,
    VmcsField.GuestDr7,
    VmcsField.GuestPendingDebugExceptions,
    VmcsField.GuestInterruptibilityState,
    VmcsField.GuestActivityState,
    ...segmentFields,
  ]),
  reason:
    "it belongs to the context of the driver, which goes on as the guest and then gives the system its own registers back: the value would reach nobody. Change it at the guest's first VM exit, in an ExitContribution",
};
