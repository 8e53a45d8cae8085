// SPDX-License-Identifier: LGPL-2.1-only
import { FeatureInformationEcx } from '../../intrinsics/cpuid_leaves.js';
import { PinBasedControl, PrimaryControl, SecondaryControl } from '../../intrinsics/control_bits.js';
import {
  EptViolationBit,
  InstructionInformation,
  InterruptionBit,
  InterruptionType,
  Vector,
  vectorMnemonics,
} from '../../intrinsics/exit_information.js';
import { ExitReason } from '../../intrinsics/exit_reasons.js';
import { FeatureControl, MiscEnable, Msr } from '../../intrinsics/msr_definitions.js';
import {
  AccessRights,
  ActivityState,
  Cr0,
  Cr4,
  Debugctl,
  Dr6,
  Dr7,
  Efer,
  InterruptibilityState,
  PendingDebugExceptions,
  Rflags,
  SegmentSelector,
  SegmentTypeBit,
  SystemSegment,
} from '../../intrinsics/registers.js';
import { constant, namespace, wide, word, type Group } from './emit_constants.js';

/** The architecture's constants that the core needs, under their TypeScript names. */
export const architecture: Readonly<Record<string, Group>> = {
  ExitReason: word(ExitReason),
  InstructionInformation: word(InstructionInformation),
  InterruptionType: word(InterruptionType),
  InterruptionBit: word(InterruptionBit),
  EptViolationBit: word(EptViolationBit),
  PinBasedControl: word(PinBasedControl),
  PrimaryControl: word(PrimaryControl),
  SecondaryControl: word(SecondaryControl),
  Msr: word(Msr),
  FeatureControl: word(FeatureControl),
  MiscEnable: word(MiscEnable),
  FeatureInformationEcx: word(FeatureInformationEcx),
  Cr0: word(Cr0),
  Cr4: word(Cr4),
  Efer: word(Efer),
  Rflags: wide(Rflags),
  Dr6: wide(Dr6),
  Dr7: wide(Dr7),
  Debugctl: wide(Debugctl),
  AccessRights: word(AccessRights),
  SegmentSelector: word(SegmentSelector),
  SegmentTypeBit: word(SegmentTypeBit),
  SystemSegment: word(SystemSegment),
  InterruptibilityState: word(InterruptibilityState),
  ActivityState: word(ActivityState),
  PendingDebugExceptions: word(PendingDebugExceptions),
};

/** Mnemonics that already mean something else in the core: the stack segment's and the overflow flag's. */
const renamedVectors: Readonly<Record<string, string>> = { SS: 'SS_FAULT', OF: 'OF_VECTOR' };

/** The AssemblyScript file architecture.ts: what src/intrinsics defines, as constants that asc inlines. */
export function emitArchitecture(): string {
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from src/intrinsics by src/machine/generator/emit_architecture.ts.',
    ...Object.entries(architecture).map(([name, group]) => namespace(name, group)),
    "/** Exceptions by the manual's mnemonics. */",
    ...Object.entries(vectorMnemonics).map(([mnemonic, vector]) =>
      constant(renamedVectors[mnemonic] ?? mnemonic, 'u32', Vector[vector]),
    ),
    '',
  ].join('\n');
}
