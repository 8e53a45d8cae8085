// SPDX-License-Identifier: LGPL-2.1-only
// The memory operand of INS and OUTS. SDM 3C "Format of the VM-Exit Instruction-Information Field as Used for INS and OUTS" (IA32_VMX_BASIC[54] = 1).
import { unsignedBits } from '../support/unsigned_bits.js';
import { IoAccess, StringIoInformation } from '../../intrinsics/vmx/exit_information.js';
import { Rflags } from '../../intrinsics/registers/registers.js';
import { segmentNames, type SegmentName } from '../../intrinsics/instructions/segments.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';
import type { AccessMaker } from './guest_paging.js';
import { linearAddress, makerOf } from './memory_operand.js';

const [rcx, rsi, rdi] = [1, 6, 7];

/** One element of INS or OUTS in the guest's memory. */
export class StringOperand {
  readonly maker: AccessMaker;
  private readonly isInput: boolean;
  private readonly index: number;
  private readonly addressBits: number;
  private readonly segment: SegmentName;

  constructor(
    private readonly exit: Exit,
    readonly bytes: number,
  ) {
    const information = exit.instructionInformation;
    this.isInput = (exit.qualificationLow & IoAccess.DirectionOfAccess) !== 0;
    this.index = this.isInput ? rdi : rsi;
    this.addressBits = 16 << ((information & StringIoInformation.AddressSize) >>> 7);
    const number = (information & StringIoInformation.SegmentRegister) >>> 15;
    this.segment = this.isInput ? 'es' : segmentNames[number]!;
    this.maker = makerOf(exit);
  }

  /** The linear address. @throws ProcessorFault for what the segment does not allow, and for a misaligned access that is checked. */
  linear(): bigint {
    const offset = unsignedBits(this.addressBits, this.exit.registers.values[this.index]!);
    const { segment, bytes, isInput } = this;
    return linearAddress(this.exit, { segment, offset, bytes, isWrite: isInput, alignment: bytes });
  }

  /** Moves rSI or rDI on, and counts rCX down. RIP moves on after the last element. */
  complete(): void {
    const { exit } = this;
    const isDown = (exit.vmcs.readLow(VmcsField.GuestRflags) & Rflags.DirectionFlag) !== 0;
    this.change(this.index, isDown ? -this.bytes : this.bytes);
    if ((exit.qualificationLow & IoAccess.RepPrefixed) === 0 || this.change(rcx, -1) === 0n) exit.advance();
    else exit.endIteration();
  }

  /** Adds to a register of the address size. A 32-bit result clears the upper half. @returns the result. */
  private change(register: number, by: number): bigint {
    const { values } = this.exit.registers;
    const old = values[register]!;
    const result = unsignedBits(this.addressBits, old + BigInt(by));
    values[register] = this.addressBits === 16 ? (old & ~0xffffn) | result : result;
    return result;
  }
}
