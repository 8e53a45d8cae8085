// SPDX-License-Identifier: LGPL-2.1-only
import { segmentNames } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { ReservedFields } from '../vmcs_fields/write_ledger.js';

const segmentFields = [
  VmcsField.GuestEsSelector,
  VmcsField.GuestEsBase,
  VmcsField.GuestEsLimit,
  VmcsField.GuestEsAccessRights,
].flatMap((first) => segmentNames.map((_name, index) => first + 2 * index));

/**
 * Fields that a launch takes from the context that executes VMLAUNCH. The driver goes on there as the guest, and then restores the registers of the
 * system that it interrupted. A contribution's value for one of these fields would have no effect.
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
