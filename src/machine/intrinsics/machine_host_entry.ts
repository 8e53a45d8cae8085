// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitEntry, HostEntry } from '../../intrinsics/instructions/host_entry.js';
import type { Execution } from './execution.js';
import { lowHalf } from '../processor/halves.js';

/** Where VM exits arrive. The exit entry is a function; its address is that of a page of UD2. */
export class MachineHostEntry implements HostEntry {
  constructor(private readonly execution: Execution) {}

  attach(entry: ExitEntry, id = this.execution.processor.id): bigint {
    const { processor, driver } = this.execution.processors[id]!;
    processor.exitEntry = entry;
    return driver.undefinedPage();
  }

  detach(): void {
    this.execution.processor.exitEntry = undefined;
  }

  launchPoint(): { readonly rip: bigint; readonly rsp: bigint } {
    return this.execution.driver.launchPoint();
  }

  returnTo(rip: bigint, rsp: bigint, rflags: bigint): boolean {
    const { execution } = this;
    // If the host wrote no register through an intrinsic, the processor still holds the guest's registers: it returns to them.
    execution.processor.engine.state.resident = false;
    execution.registers.load({ RSP: rsp, RIP: rip, RFLAGS: lowHalf(rflags) });
    execution.processor.returned();
    return true;
  }
}
