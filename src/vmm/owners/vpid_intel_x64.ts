// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { InvvpidType, Vmx } from '../../intrinsics/instructions/vmx.js';
import { SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { state } from '../state/state.js';
import { invvpid } from '../ept/invalidation.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { CountedOwner } from '../requests/counted_owner.js';
import { VpidPool, type Vpid } from './owners.js';
import type { Request, Requester } from '../requests/request.js';

/** A VPID for the life of the vCPU. */
@injectable()
export class VpidIntelX64 extends CountedOwner<'use'> implements Vpid {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(VpidPool) protected readonly pool!: VpidPool;
  readonly owner = 'Vpid';
  @state() private allocated = 0;

  get value(): number {
    if (this.allocated === 0) this.allocated = this.pool.allocate();
    return this.allocated;
  }

  get isEnabled(): boolean {
    return this.count('use') > 0;
  }

  enable(by: Requester): Request {
    return this.ask(by, 'use');
  }

  apply(): void {
    if (this.isEnabled) this.turn('use', true);
  }

  [Symbol.dispose](): void {
    if (this.allocated !== 0) this.pool.free(this.allocated);
    this.allocated = 0;
  }

  protected turn(_key: 'use', isOn: boolean): void {
    this.vmcs.asOwner(this.owner, () => (isOn ? this.turnOn() : this.turnOff()));
  }

  private turnOff(): void {
    this.vmcs.disable('secondary', SecondaryControl.EnableVpid);
    this.vmcs.write(VmcsField.VirtualProcessorIdentifier, 0n);
  }

  private turnOn(): void {
    this.vmcs.write(VmcsField.VirtualProcessorIdentifier, BigInt(this.value));
    this.vmcs.enable('secondary', SecondaryControl.EnableVpid);
    // The previous owner of this number may have left translations.
    invvpid(this.vmx, InvvpidType.singleContext, this.value);
  }
}
