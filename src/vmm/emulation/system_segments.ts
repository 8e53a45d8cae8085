// SPDX-License-Identifier: LGPL-2.1-only
// LLDT and LTR for a guest. SDM 2A "LLDT—Load Local Descriptor Table Register", "LTR—Load Task Register".
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import {
  AccessRights,
  SegmentSelector,
  SystemSegment,
  SystemSegmentBit,
} from '../../intrinsics/registers/registers.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { isInIa32eMode } from './guest_registers.js';
import {
  GuestDescriptors,
  registerOf,
  rightsOf,
  selectorCode,
  writeSegment,
  type Descriptor,
} from './guest_segments.js';
import { isCanonical, type LinearMemory } from './linear_memory.js';

const kind = AccessRights.S | AccessRights.Type;
/** S and type of the upper half of a 16-byte descriptor. SDM 3A "Segment Descriptor Tables in IA-32e Mode". */
const upperKind = kind << 8;

/** Loads LDTR and TR of a guest with the checks of the processor. */
export class SystemSegments {
  private readonly descriptors: GuestDescriptors;

  constructor(
    private readonly vmcs: Vmcs,
    memory: LinearMemory,
  ) {
    this.descriptors = new GuestDescriptors(vmcs, memory);
  }

  /** LLDT. @throws ProcessorFault */
  loadLdtr(selector: number): void {
    if (selectorCode(selector) === 0) {
      writeSegment(this.vmcs, 'ldtr', { selector, base: 0n, limit: 0, rights: AccessRights.Unusable });
      return;
    }
    const descriptor = this.fetch(selector, (type) => type === SystemSegment.Ldt);
    const base = this.baseOf(selector, descriptor);
    writeSegment(this.vmcs, 'ldtr', { ...registerOf(selector, descriptor), base });
  }

  /** LTR: the TSS must be available, and becomes busy. @throws ProcessorFault */
  loadTr(selector: number): void {
    if (selectorCode(selector) === 0) throw fault(0, 'LTR of a null selector');
    const has16Bit = !isInIa32eMode(this.vmcs);
    const descriptor = this.fetch(
      selector,
      (type) => type === SystemSegment.Tss32Available || (has16Bit && type === SystemSegment.Tss16Available),
    );
    const base = this.baseOf(selector, descriptor);
    this.descriptors.writeAccessByte(selector, (access) => access | SystemSegmentBit.Busy);
    const register = registerOf(selector, descriptor);
    writeSegment(this.vmcs, 'tr', { ...register, base, rights: register.rights | SystemSegmentBit.Busy });
  }

  private fetch(selector: number, isRight: (type: number) => boolean): Descriptor {
    const code = selectorCode(selector);
    if ((selector & SegmentSelector.Ti) !== 0) throw fault(code, 'the descriptor is not in the GDT');
    const descriptor = this.descriptors.fetch(selector, Vector.GeneralProtection);
    const rights = rightsOf(descriptor);
    if (!isRight(rights & kind)) throw fault(code, 'a descriptor of another type');
    if ((rights & AccessRights.Present) === 0) {
      throw new ProcessorFault(Vector.SegmentNotPresent, code, 'the segment is not present');
    }
    return descriptor;
  }

  /** The descriptor has 16 bytes in IA-32e mode. */
  private baseOf(selector: number, descriptor: Descriptor): bigint {
    const { base } = registerOf(selector, descriptor);
    if (!isInIa32eMode(this.vmcs)) return base;
    const upper = this.descriptors.fetchUpper(selector, Vector.GeneralProtection);
    const whole = base | (BigInt(upper.low >>> 0) << 32n);
    if ((upper.high & upperKind) !== 0 || !isCanonical(whole)) {
      throw fault(selectorCode(selector), 'the upper half of the descriptor');
    }
    return whole;
  }
}

const fault = (errorCode: number, what: string): ProcessorFault =>
  new ProcessorFault(Vector.GeneralProtection, errorCode, `LLDT or LTR: ${what}`);
