// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { StateSaveOffset } from './state_save_layout.js';
import { GeneralRegisters } from '../../intrinsics/instructions/general_registers.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { state } from '../state/state.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import type { StateSave } from './state_save.js';

/**
 * A page of the VMM's memory. The general-purpose registers are the processor's (`GeneralRegisters`). Vector registers stay in the processor,
 * because no code of the VMM uses them (on metal its native part saves them here, at 0xC0).
 */
@injectable()
export class StateSaveIntelX64 implements StateSave {
  @inject(GeneralRegisters) readonly registers!: GeneralRegisters;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(VcpuIdentity) readonly vcpuid!: bigint;
  @state() address = 0n;

  init(): void {
    this.address = this.manager.alloc(StateSaveOffset.totalBytes, 'structure');
    this.memory.write64(this.address + BigInt(StateSaveOffset.vcpuid), this.vcpuid);
  }

  fini(): void {
    this.manager.free(this.address);
    this.address = 0n;
  }

  get user1(): bigint {
    return this.word(StateSaveOffset.user1);
  }

  set user1(value: bigint) {
    this.setWord(StateSaveOffset.user1, value);
  }

  get user2(): bigint {
    return this.word(StateSaveOffset.user2);
  }

  set user2(value: bigint) {
    this.setWord(StateSaveOffset.user2, value);
  }

  get user3(): bigint {
    return this.word(StateSaveOffset.user3);
  }

  set user3(value: bigint) {
    this.setWord(StateSaveOffset.user3, value);
  }

  private word(offset: number): bigint {
    return this.memory.read64(this.address + BigInt(offset));
  }

  private setWord(offset: number, value: bigint): void {
    this.memory.write64(this.address + BigInt(offset), value);
  }
}
