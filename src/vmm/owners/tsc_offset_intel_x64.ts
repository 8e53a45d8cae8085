// SPDX-License-Identifier: LGPL-2.1-only
import { unsignedBits } from '../support/unsigned_bits.js';
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { state } from '../state/state.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { MsrBitmap, type TscOffset } from './owners.js';
import type { Request, Requester } from '../requests/request.js';
import { RequestOwner } from '../requests/request_owner.js';

/**
 * The sum of all offsets. The processor adds it to what RDTSC, RDTSCP and RDMSR read, but not to IA32_TSC_DEADLINE: accesses to that MSR
 * exit while there is an offset, and the base's handlers of RDMSR and WRMSR translate the deadline.
 */
@injectable()
export class TscOffsetIntelX64 extends RequestOwner<bigint> implements TscOffset {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(MsrBitmap) protected readonly msrBitmap!: MsrBitmap;
  readonly owner = 'TscOffset';
  readonly name = 'bareflank-tsc-offset';
  /** Ids of the requests for the exits of IA32_TSC_DEADLINE. */
  @state() private deadlineTraps: number[] = [];

  add(by: Requester, offset: bigint): Request {
    return this.ask(by, offset);
  }

  change(request: Request, offset: bigint): void {
    this.replace(request, offset);
    this.vmcs.asOwner(this.owner, () => this.writeSum());
  }

  apply(): void {
    if (this.records.size > 0) this.write();
  }

  protected requested(): void {
    this.write();
    if (this.records.size > 1) return;
    const traps = [
      this.msrBitmap.trapRead(this, Msr.Ia32TscDeadline),
      this.msrBitmap.trapWrite(this, Msr.Ia32TscDeadline),
    ];
    this.deadlineTraps = traps.map(({ id }) => id);
  }

  protected released(): void {
    this.write();
    if (this.records.size > 0) return;
    for (const id of this.deadlineTraps) this.msrBitmap.release(id);
    this.deadlineTraps = [];
  }

  private write(): void {
    this.vmcs.asOwner(this.owner, () => {
      this.writeSum();
      this.turn();
    });
  }

  private writeSum(): void {
    let sum = 0n;
    for (const { key } of this.records.values()) sum += key;
    this.vmcs.write(VmcsField.TscOffset, unsignedBits(64, sum));
  }

  private turn(): void {
    if (this.records.size > 0) this.vmcs.enable('primary', PrimaryControl.UseTscOffsetting);
    else this.vmcs.disable('primary', PrimaryControl.UseTscOffsetting);
  }
}
