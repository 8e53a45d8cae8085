// SPDX-License-Identifier: LGPL-2.1-only
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import { isCanonicalHigh } from '../../intrinsics/contents/msr_values.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { isIn64BitMode } from './guest_registers.js';

type Width = Pick<RegisterFacts, 'linearAddressWidth'>;

/** Whether an address is canonical: the bits from the linear-address width up are those of its sign. */
export const isCanonical = (address: bigint, { linearAddressWidth }: Width): boolean =>
  address >> 64n === 0n && isCanonicalHigh(Number(address >> 32n), linearAddressWidth);

/**
 * Whether VM entry takes an address as the guest's RIP in the mode that the guest is in: canonical in 64-bit mode, below 4 GiB elsewhere. A VMM that
 * takes it from a guest or a user must ask, since a failed VM entry is its own end. SDM 3C "Checks on Guest RIP, RFLAGS, and SSP".
 */
export const isGuestRip = (vmcs: Vmcs, address: bigint, width: Width): boolean =>
  isIn64BitMode(vmcs) ? isCanonical(address, width) : address >> 32n === 0n;
