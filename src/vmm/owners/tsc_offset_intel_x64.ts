// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { Msr } from '../../intrinsics/msr_definitions.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { MsrBitmap, type TscOffset } from './owners.js';
import type { Request } from './request.js';

/**
 * The sum of all offsets. The processor adds it to what RDTSC, RDTSCP and RDMSR read, but not to IA32_TSC_DEADLINE: accesses to that MSR
 * exit as long as there is an offset, and the base's handlers of RDMSR and WRMSR translate the deadline.
 */
@injectable()
export class TscOffsetIntelX64 implements TscOffset {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(MsrBitmap) protected readonly msrBitmap!: MsrBitmap;
  private readonly offsets = new Set<{ readonly value: bigint }>();

  add(offset: bigint): Request {
    const entry = { value: offset };
    this.offsets.add(entry);
    this.write();
    const traps = [this.msrBitmap.trapRead(Msr.Ia32TscDeadline), this.msrBitmap.trapWrite(Msr.Ia32TscDeadline)];
    return {
      [Symbol.dispose]: () => {
        if (!this.offsets.delete(entry)) return;
        this.write();
        for (const trap of traps) trap[Symbol.dispose]();
      },
    };
  }

  apply(): void {
    if (this.offsets.size > 0) this.write();
  }

  private write(): void {
    this.vmcs.asOwner('TscOffset', () => this.writeSum());
  }

  private writeSum(): void {
    let sum = 0n;
    for (const { value } of this.offsets) sum += value;
    this.vmcs.write(VmcsField.TscOffset, BigInt.asUintN(64, sum));
    if (this.offsets.size > 0) this.vmcs.enable('primary', PrimaryControl.UseTscOffsetting);
    else this.vmcs.disable('primary', PrimaryControl.UseTscOffsetting);
  }
}
