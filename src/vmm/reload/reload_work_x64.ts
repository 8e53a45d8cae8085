// SPDX-License-Identifier: LGPL-2.1-only
import { injectable } from 'inversify';
import { derived } from '../state/state.js';
import type { ReloadWork } from './reload_work.js';

/** Holds it between two steps of one call of the driver, so that it is in no saved state. */
@injectable()
export class ReloadWorkX64 implements ReloadWork {
  @derived() private work: (() => void) | undefined;

  leave(work: () => void): void {
    this.work = work;
  }

  run(): void {
    const { work } = this;
    this.work = undefined;
    work?.();
  }
}
