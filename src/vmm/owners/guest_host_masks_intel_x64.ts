// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { VmcsError } from '../errors.js';
import { state } from '../state/state.js';
import { hex } from '../support/text.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { GuestHostMasks, MaskedRegister } from './owners.js';
import type { Request, Requester } from '../requests/request.js';
import { RequestOwner } from '../requests/request_owner.js';

/** A request. */
interface Wish {
  readonly register: MaskedRegister;
  readonly kind: 'watch' | 'hide';
  readonly bits: bigint;
}

const fieldsOf = {
  cr0: { value: VmcsField.GuestCr0, mask: VmcsField.Cr0GuestHostMask, shadow: VmcsField.Cr0ReadShadow },
  cr4: { value: VmcsField.GuestCr4, mask: VmcsField.Cr4GuestHostMask, shadow: VmcsField.Cr4ReadShadow },
} as const;
const registers = ['cr0', 'cr4'] as const;

/** A mask has the hidden and the watched bits. A shadow differs from its register only in hidden bits. */
@injectable()
export class GuestHostMasksIntelX64 extends RequestOwner<Wish> implements GuestHostMasks {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  readonly owner = 'GuestHostMasks';
  /** The masks of the base. */
  @state() private readonly base = { cr0: 0n, cr4: 0n };
  /** Since the registers were written last; in signed halves, low first, as the exit path reads them. */
  @state() private readonly hiddenHalves = { cr0: [0, 0], cr4: [0, 0] };

  watch(by: Requester, register: MaskedRegister, bits: bigint): Request {
    checkBits(register, bits);
    return this.ask(by, { register, kind: 'watch', bits });
  }

  hide(by: Requester, register: MaskedRegister, bits: bigint): Request {
    checkBits(register, bits);
    return this.ask(by, { register, kind: 'hide', bits });
  }

  hidden(register: MaskedRegister): bigint {
    const [low, high] = this.hiddenHalves[register];
    return (BigInt(high! >>> 0) << 32n) | BigInt(low! >>> 0);
  }

  view(register: MaskedRegister): bigint {
    const { value, mask, shadow } = fieldsOf[register];
    const masked = this.vmcs.read(mask);
    return (this.vmcs.read(value) & ~masked) | (this.vmcs.read(shadow) & masked);
  }

  hiddenLow(register: MaskedRegister): number {
    return this.hiddenHalves[register][0]!;
  }

  viewLow(register: MaskedRegister): number {
    const { value, mask, shadow } = fieldsOf[register];
    const masked = this.vmcs.readLow(mask);
    return (this.vmcs.readLow(value) & ~masked) | (this.vmcs.readLow(shadow) & masked);
  }

  apply(): void {
    for (const register of registers) {
      this.base[register] = this.vmcs.read(fieldsOf[register].mask);
      this.noteHidden(register, this.base[register]);
      if (this.bits(register) !== 0n) this.write(register);
    }
  }

  protected requested({ register }: Wish): void {
    this.write(register);
  }

  protected released({ register }: Wish): void {
    this.write(register);
  }

  /** All bits of a register with a request, of one kind or of any kind. */
  private bits(register: MaskedRegister, kind?: Wish['kind']): bigint {
    let bits = 0n;
    for (const { key } of this.records.values())
      if (key.register === register && (kind ?? key.kind) === key.kind) bits |= key.bits;
    return bits;
  }

  private write(register: MaskedRegister): void {
    const { vmcs } = this;
    const fields = fieldsOf[register];
    const view = this.view(register);
    const hidden = this.base[register] | this.bits(register, 'hide');
    const released = this.hidden(register) & ~hidden;
    const value = (vmcs.read(fields.value) & ~released) | (view & released);
    vmcs.asOwner(this.owner, () => {
      if (released !== 0n) vmcs.write(fields.value, value);
      vmcs.write(fields.mask, hidden | this.bits(register));
      vmcs.write(fields.shadow, (view & hidden) | (value & ~hidden));
    });
    this.noteHidden(register, hidden);
  }

  private noteHidden(register: MaskedRegister, bits: bigint): void {
    this.hiddenHalves[register] = [Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0];
  }
}

function checkBits(register: MaskedRegister, bits: bigint): void {
  if (bits > 0n && bits >> 64n === 0n) return;
  throw new VmcsError(
    `${hex(bits)} is not a mask of bits of ${register.toUpperCase()}: wanted a mask of 64 bits that is not 0`,
  );
}
