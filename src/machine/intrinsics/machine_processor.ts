// SPDX-License-Identifier: LGPL-2.1-only
import type { Processor } from '../../intrinsics/processor.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import { fromHalves, lowHalf } from '../processor/halves.js';
import type { Execution } from './execution.js';

/** Caches, TLB, time and halt of the simulated processor. Its memory is coherent, so cache instructions have no effect except their VM exits. */
export class MachineProcessor implements Processor {
  constructor(private readonly execution: Execution) {}

  id(): number {
    return this.execution.processor.id;
  }

  invd(): void {
    this.asGuest('invd');
  }

  wbinvd(): void {
    this.asGuest('wbinvd');
  }

  clflush(address: bigint): void {
    void address;
  }

  invlpg(address: bigint): void {
    if (this.execution.isGuestAfterExits()) this.execution.registers.set('RDI', address);
    // In root operation VmmMemory walks the page table at each access and has nothing to forget.
    this.asGuest('invlpg');
  }

  rdtsc(): bigint {
    if (this.execution.isGuestAfterExits()) return this.timeAsGuest('rdtsc');
    const { core } = this.execution.processor;
    return BigInt.asUintN(64, BigInt(core.instructionCount) + core.block.get('TSC_OFFSET'));
  }

  rdtscp(): bigint {
    return this.execution.isGuestAfterExits() ? this.timeAsGuest('rdtscp') : this.rdtsc();
  }

  pause(): void {
    this.asGuest('pause');
  }

  /** In root operation only the return of its caller can wake the VMM, so the wait ends at once. */
  halt(): void {
    this.asGuest('hlt');
  }

  isDriverContext(): boolean {
    return this.execution.driver.isActive;
  }

  stop(reason: string): void {
    this.execution.processor.die(reason);
  }

  private asGuest(name: DriverInstruction): void {
    if (this.execution.isGuestAfterExits()) this.execution.execute(name);
  }

  private timeAsGuest(name: DriverInstruction): bigint {
    const { registers } = this.execution;
    this.execution.execute(name);
    return fromHalves(lowHalf(registers.get('RAX')), lowHalf(registers.get('RDX')));
  }
}
