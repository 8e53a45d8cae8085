// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { TscOffset } from './owners.js';
import type { Request } from './request.js';

/** The sum of all offsets. */
@injectable()
export class TscOffsetIntelX64 implements TscOffset {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  private readonly offsets = new Set<{ readonly value: bigint }>();

  add(offset: bigint): Request {
    const entry = { value: offset };
    this.offsets.add(entry);
    this.write();
    return {
      [Symbol.dispose]: () => {
        if (this.offsets.delete(entry)) this.write();
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
