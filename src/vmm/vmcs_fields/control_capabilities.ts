// SPDX-License-Identifier: LGPL-2.1-only
import {
  ExitControl,
  mayBeOne,
  mustBeOne,
  PrimaryControl,
  SecondaryControl,
  type ControlWord,
} from '../../intrinsics/vmx/control_bits.js';
import { Msr, VmxBasicHigh } from '../../intrinsics/registers/msr_definitions.js';
import { capabilityMsrOf, plainCapabilityMsrOf } from '../../intrinsics/vmcs/vmcs_field_details.js';

/** Which controls the processor allows to be 0 and 1. SDM 3D "VMX Capability Reporting Facility". */
export class ControlCapabilities {
  private hasTrueControls: boolean | undefined;
  /** By word: properties of the processor. The exit path of an EPT hook asks for some at each step. */
  private readonly known = new Map<ControlWord, bigint>();

  constructor(private readonly rdmsr: (address: number) => bigint) {}

  /** The controls that must be 1. */
  allowed0(word: ControlWord): number {
    return mustBeOne(word, this.capability(word));
  }

  /** The controls that may be 1. */
  allowed1(word: ControlWord): number {
    return mayBeOne(word, this.capability(word));
  }

  /** A word's capability MSR. The "true" ones exist if IA32_VMX_BASIC[55] is 1. SDM 3D "Basic VMX Information". */
  msr(word: ControlWord): number {
    if (capabilityMsrOf[word] === plainCapabilityMsrOf[word]) return capabilityMsrOf[word];
    // A property of the processor, the same at every call.
    this.hasTrueControls ??= (Number(this.rdmsr(Msr.Ia32VmxBasic) >> 32n) & VmxBasicHigh.TrueBasedControls) !== 0;
    return (this.hasTrueControls ? capabilityMsrOf : plainCapabilityMsrOf)[word];
  }

  /** The value of a word's capability MSR, 0 if the processor has no such word (RDMSR would fault). */
  private capability(word: ControlWord): bigint {
    return this.known.get(word) ?? this.findOut(word);
  }

  private findOut(word: ControlWord): bigint {
    const present =
      (word !== 'secondary' || this.mayBe1('primary', PrimaryControl.ActivateSecondaryControls)) &&
      (word !== 'tertiary' || this.mayBe1('primary', PrimaryControl.ActivateTertiaryControls)) &&
      (word !== 'secondaryExit' || this.mayBe1('exit', ExitControl.ActivateSecondaryControls)) &&
      (word !== 'vmfunc' || this.mayBe1('secondary', SecondaryControl.EnableVmFunctions));
    const value = present ? this.rdmsr(this.msr(word)) : 0n;
    this.known.set(word, value);
    return value;
  }

  private mayBe1(word: ControlWord, mask: number): boolean {
    return (~this.allowed1(word) & mask) === 0;
  }
}
