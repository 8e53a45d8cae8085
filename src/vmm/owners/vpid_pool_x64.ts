// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import { VmcsError } from '../errors.js';
import { state } from '../state/state.js';
import type { VpidPool } from './owners.js';

/** The smallest free number, from 1: 0 tags the VMM's own translations. */
@injectable()
export class VpidPoolX64 implements VpidPool {
  @state() private readonly used = new Set<number>();
  /** All below it are in use. */
  @state() private lowest = 1;

  allocate(): number {
    for (let vpid = this.lowest; vpid <= 0xffff; vpid++) {
      if (this.used.has(vpid)) continue;
      this.lowest = vpid + 1;
      this.used.add(vpid);
      return vpid;
    }
    throw new VmcsError('all 65535 VPIDs are in use');
  }

  free(vpid: number): void {
    if (this.used.delete(vpid)) this.lowest = Math.min(this.lowest, vpid);
  }
}
