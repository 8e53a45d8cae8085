// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { VmcsError } from '../errors.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { MonitorTrap } from './owners.js';

/** The monitor trap flag is 1 while somebody waits. */
@injectable()
export class MonitorTrapIntelX64 implements MonitorTrap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  private waiting: (() => void)[] = [];

  step(callback: () => void): void {
    this.vmcs.enable('primary', PrimaryControl.MonitorTrapFlag);
    this.waiting.push(callback);
  }

  clear(): void {
    this.waiting = [];
    this.vmcs.disable('primary', PrimaryControl.MonitorTrapFlag);
  }

  handleExit(): void {
    const callbacks = this.waiting;
    if (callbacks.length === 0) throw new VmcsError('a monitor trap that nobody registered');
    this.clear();
    // A callback may ask for the next step.
    for (const callback of callbacks) callback();
  }
}
