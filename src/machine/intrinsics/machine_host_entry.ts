// SPDX-License-Identifier: LGPL-2.1-only
import type { ExitEntry, HostEntry } from '../../intrinsics/host_entry.js';
import { writeFlags } from '../vmx/lazy_flags.js';
import { Word } from '../vmx/words.js';
import type { Execution } from './execution.js';
import { lowHalf, setWord64 } from './halves.js';

const rspWord = Word.rsp;

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
    setWord64(execution.u32, rspWord, rsp);
    setWord64(execution.u32, Word.rip, rip);
    execution.u32[Word.currentRecord] = 0;
    writeFlags(execution.u32, lowHalf(rflags));
    execution.processor.core.stateLoaded();
    execution.processor.returned();
    return true;
  }
}
