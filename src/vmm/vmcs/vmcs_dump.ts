// SPDX-License-Identifier: LGPL-2.1-only
import { dumpLine, enabledBits } from '../../intrinsics/texts/dump_word.js';
import { vmcsFieldDefinitions } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { widthOfField } from '../../intrinsics/vmcs/vmcs_fields.js';

const titles = { 16: '16bit', 32: '32bit', 64: '64bit', natural: 'natural width' } as const;
const groups = { control: 'control', readonly: 'read only', guest: 'guest', host: 'host' } as const;

/**
 * All fields of a VMCS: by width, and in each by group, in the order of their encodings; then the control words with the names of the
 * controls that are 1.
 *
 * @param read returns a field's value, undefined if the processor lacks it.
 */
export function dumpVmcs(read: (field: number) => bigint | undefined): string {
  const lines: string[] = [];
  const controls: string[] = [];
  let title = '';
  for (const definition of vmcsFieldDefinitions) {
    const value = read(definition.encoding);
    const heading = `${titles[widthOfField(definition.encoding)]} ${groups[definition.group]} fields`;
    if (heading !== title) lines.push('', heading);
    title = heading;
    lines.push(dumpLine(definition.name, value));
    if (definition.controlWord !== undefined && value !== undefined) {
      controls.push('', definition.name);
      controls.push(...enabledBits(definition.fields, value).map((name) => `    ${name}`));
    }
  }
  return [...lines, ...controls].join('\n').trimStart();
}
