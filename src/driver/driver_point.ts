// SPDX-License-Identifier: LGPL-2.1-only

/**
 * A point to which a VMM goes back as often as wanted, in its own containers. The machine goes back to its own point first. Load, start and stop may not come in
 * between.
 */
export interface DriverPoint {
  /** @throws DriverStateError, VmmImageError if the VMM was loaded, started or stopped since the mark */
  check(): void;
  /** Goes back. @throws as `check`; then nothing has changed */
  reset(): void;
}
