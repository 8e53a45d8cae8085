// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitEntry, HostEntry } from '../../intrinsics/host_entry.js';
import type { Execution } from './execution.js';
import { lowHalf } from '../processor/halves.js';

/** Where VM exits arrive: the exit entry is a function, the address that stands for it a page of UD2. */
export class MachineHostEntry implements HostEntry {
  constructor(private readonly execution: Execution) {}

  attach(entry: ExitEntry): bigint {
    this.execution.processor.exitEntry = entry;
    return this.execution.driver.undefinedPage();
  }

  detach(): void {
    this.execution.processor.exitEntry = undefined;
  }

  launchPoint(): { readonly rip: bigint; readonly rsp: bigint } {
    return this.execution.driver.launchPoint();
  }

  returnTo(rip: bigint, rsp: bigint, rflags: bigint): boolean {
    const { execution } = this;
    // A host that wrote no register through an intrinsic still has the guest's in the processor: they are what it returns to.
    execution.processor.engine.state.resident = false;
    execution.registers.load({ RSP: rsp, RIP: rip, RFLAGS: lowHalf(rflags) });
    execution.processor.returned();
    return true;
  }
}
