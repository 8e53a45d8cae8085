// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { VmcsError } from '../errors.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { MonitorTrap } from './owners.js';
import type { Request } from './request.js';

/** The monitor trap flag is 1 while somebody waits. */
@injectable()
export class MonitorTrapIntelX64 implements MonitorTrap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  /** In the order of the requests; each entry is its own, so that one callback may wait twice. */
  private waiting: { readonly callback: () => void }[] = [];

  step(callback: () => void): Request {
    const entry = { callback };
    this.waiting.push(entry);
    this.write();
    return {
      [Symbol.dispose]: () => {
        if (!this.waiting.includes(entry)) return;
        this.waiting = this.waiting.filter((other) => other !== entry);
        this.write();
      },
    };
  }

  handleExit(): void {
    const due = this.waiting;
    if (due.length === 0) throw new VmcsError('a monitor trap that nobody registered');
    this.waiting = [];
    this.write();
    // A callback may ask for the next step.
    for (const { callback } of due) callback();
  }

  apply(): void {
    if (this.waiting.length > 0) this.write();
  }

  private write(): void {
    const { vmcs } = this;
    vmcs.asOwner('MonitorTrap', () => {
      if (this.waiting.length > 0) vmcs.enable('primary', PrimaryControl.MonitorTrapFlag);
      else vmcs.disable('primary', PrimaryControl.MonitorTrapFlag);
    });
  }
}
