// SPDX-License-Identifier: LGPL-2.1-only
import { controlBitFields, mayBeOne, mustBeOne, type ControlWord } from '../../intrinsics/vmx/control_bits.js';
import { msrDefinition, msrDefinitions } from '../../intrinsics/registers/msr_definitions.js';
import { controlWordOf } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { skylakeClient } from '../../machine/models/skylake_client.js';

/** The settings that the processor model allows a control. */
export type AllowedSetting = '0 or 1' | 'always 0' | 'always 1';

/** All models have the same: the VMX engine's. */
const values = new Map(skylakeClient.msrs.map(({ address, value }) => [address, value]));

/** The capability of a word: of its TRUE MSR if the model has one, undefined if the model has none. SDM 3D "VMX Capability Reporting Facility". */
function capabilityOf(word: ControlWord): bigint | undefined {
  return msrDefinitions
    .filter((definition) => definition.capabilityOf === word && values.has(definition.address))
    .map(({ address }) => values.get(address))
    .at(-1);
}

function settings(word: ControlWord, capability: bigint | undefined): ReadonlyMap<string, AllowedSetting> {
  const settingOf = (from: number): AllowedSetting => {
    if (capability === undefined || ((mayBeOne(word, capability) >>> from) & 1) === 0) return 'always 0';
    return ((mustBeOne(word, capability) >>> from) & 1) === 0 ? '0 or 1' : 'always 1';
  };
  return new Map(controlBitFields[word].map(({ name, from }) => [name, settingOf(from)]));
}

/** The settings that the model allows each control of a word, by name. */
export function allowedSettingsOf(word: ControlWord): ReadonlyMap<string, AllowedSetting> {
  return settings(word, capabilityOf(word));
}

/** What a VMCS field may hold, or what a capability MSR reports, if it is a word of controls; undefined for any other. */
export function allowedSettingsIn(
  kind: 'vmcs' | 'msr',
  number: number,
): ReadonlyMap<string, AllowedSetting> | undefined {
  const word = kind === 'vmcs' ? controlWordOf(number) : msrDefinition(number)?.capabilityOf;
  if (word === undefined) return undefined;
  return kind === 'vmcs' ? allowedSettingsOf(word) : settings(word, values.get(number));
}
