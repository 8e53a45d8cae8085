// SPDX-License-Identifier: LGPL-2.1-only
import { vmcsFieldLabel } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { supportedFields } from '../vmx/vmcs/field_slots.js';

const vmcsLine = 'VMCS=';

/** The fields that differ between two lines of `vmxState`. */
function differingFields(one: string, other: string): string {
  const [a, b] = [one, other].map((line) => line.slice(vmcsLine.length).split(','));
  const texts = a!.flatMap((value, i) =>
    value === b![i] ? [] : [`${vmcsFieldLabel(supportedFields[i]!)} is ${value}, not ${b![i]}`],
  );
  return texts.join('; ');
}

/**
 * What differs first between two processors.
 *
 * @param one of `LogicalProcessor.architecturalState`. @returns undefined if nothing does
 */
export function stateDifference(one: readonly string[], other: readonly string[]): string | undefined {
  const at = one.findIndex((line, i) => line !== other[i]);
  if (at < 0) return one.length === other.length ? undefined : `nothing, not ${other[one.length]}`;
  const [line, wanted] = [one[at]!, other[at] ?? 'nothing'];
  const areFields = line.startsWith(vmcsLine) && wanted.startsWith(vmcsLine);
  return areFields ? differingFields(line, wanted) : `${line}, not ${wanted}`;
}
