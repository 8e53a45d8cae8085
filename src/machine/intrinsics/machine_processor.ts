// SPDX-License-Identifier: LGPL-2.1-only
import type { Processor } from '../../intrinsics/processor.js';
import { Layout } from '../layout.js';
import type { DriverInstruction } from '../vmx/driver_pages.js';
import { Word } from '../vmx/words.js';
import type { Execution } from './execution.js';
import { fromHalves, setWord64, word64 } from './halves.js';

const rax = Layout.RAX >>> 2;
const rdx = Layout.RDX >>> 2;
const rdi = Layout.RDI >>> 2;

/** Caches, TLB, time and halt of the simulated processor. Its memory is coherent, so cache instructions act as no more than VM exits. */
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
    setWord64IfGuest(this.execution, rdi, address);
    // In root operation VmmMemory walks the page table at each access and has nothing to forget.
    this.asGuest('invlpg');
  }

  rdtsc(): bigint {
    if (this.execution.isGuest) return this.timeAsGuest('rdtsc');
    const { core } = this.execution.processor;
    return BigInt.asUintN(64, BigInt(core.instructionCount) + word64(core.u32, Word.tscOffset));
  }

  rdtscp(): bigint {
    return this.execution.isGuest ? this.timeAsGuest('rdtscp') : this.rdtsc();
  }

  pause(): void {
    this.asGuest('pause');
  }

  /** In root operation nothing can wake the VMM but its caller's return, so the wait ends at once. */
  halt(): void {
    this.asGuest('hlt');
  }

  stop(reason: string): void {
    this.execution.processor.die(reason);
  }

  private asGuest(name: DriverInstruction): void {
    if (this.execution.isGuest) this.execution.execute(name);
  }

  private timeAsGuest(name: DriverInstruction): bigint {
    this.execution.execute(name);
    return fromHalves(this.execution.u32[rax]!, this.execution.u32[rdx]!);
  }
}

function setWord64IfGuest(execution: Execution, word: number, value: bigint): void {
  if (execution.isGuest) setWord64(execution.u32, word, value);
}
