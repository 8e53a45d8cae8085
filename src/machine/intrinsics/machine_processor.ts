// SPDX-License-Identifier: LGPL-2.1-only
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { Rflags } from '../../intrinsics/registers/registers.js';
import type { Processor } from '../../intrinsics/instructions/processor.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import { fromHalves, highHalf, lowHalf } from '../processor/halves.js';
import { Word } from '../vmx/words.js';
import type { Execution } from './execution.js';

const twoTo32 = 0x1_0000_0000;

/** Caches, TLB, time and halt of the simulated processor. Its memory is coherent, so cache instructions have no effect except their VM exits. */
export class MachineProcessor implements Processor {
  private readonly halves = new Uint32Array(2);

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
    const { halves } = this;
    this.rdtscHalves(halves);
    return fromHalves(halves[0]!, halves[1]!);
  }

  rdtscHalves(result: Uint32Array): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      this.readAsGuest('rdtsc', result);
      return;
    }
    const { u32 } = execution;
    const count = execution.processor.core.instructionCount;
    const low = u32[Word.tscOffset]! + (count >>> 0);
    result[0] = low;
    result[1] = u32[Word.tscOffset + 1]! + Math.floor(count / twoTo32) + (low >= twoTo32 ? 1 : 0);
  }

  rdtscp(): bigint {
    const { halves } = this;
    this.rdtscpHalves(halves);
    return fromHalves(halves[0]!, halves[1]!);
  }

  rdtscpHalves(result: Uint32Array): void {
    if (this.execution.isGuestAfterExits()) this.readAsGuest('rdtscp', result);
    else this.rdtscHalves(result);
  }

  /** The model has no performance counters. */
  rdpmcHalves(counter: number, result: Uint32Array): void {
    const { execution } = this;
    if (!execution.isGuestAfterExits()) {
      execution.check(Vector.GeneralProtection, `RDPMC of counter ${counter >>> 0}`);
      return;
    }
    execution.registers.set('RCX', counter >>> 0);
    this.readAsGuest('rdpmc', result);
  }

  rdrandHalves(result: Uint32Array): boolean {
    return this.random('rdrand', result);
  }

  rdseedHalves(result: Uint32Array): boolean {
    return this.random('rdseed', result);
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

  private random(name: DriverInstruction, result: Uint32Array): boolean {
    const { execution } = this;
    if (!execution.isGuestAfterExits()) {
      execution.processor.core.random(result);
      return true;
    }
    execution.execute(name);
    const value = execution.registers.get('RAX');
    result[0] = lowHalf(value);
    result[1] = highHalf(value);
    return (execution.registers.get('RFLAGS') & BigInt(Rflags.CarryFlag)) !== 0n;
  }

  /** An instruction whose result is in EDX:EAX. */
  private readAsGuest(name: DriverInstruction, result: Uint32Array): void {
    const { registers } = this.execution;
    this.execution.execute(name);
    result[0] = lowHalf(registers.get('RAX'));
    result[1] = lowHalf(registers.get('RDX'));
  }
}
