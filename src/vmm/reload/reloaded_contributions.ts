// SPDX-License-Identifier: LGPL-2.1-only

/** What a reload changed among the contributions of a vCPU, by their names. */
export interface ReloadedContributions {
  /** The old code did not have them. */
  readonly added: readonly string[];
  /** The new code does not have them. */
  readonly removed: readonly string[];
  /** They take part in the set-up of a VMCS, and did not before. */
  readonly setUps: readonly string[];
  /** They take part in the life of a vCPU, and did not before. */
  readonly lives: readonly string[];
}
