// SPDX-License-Identifier: LGPL-2.1-only
import {
  camelCase,
  lazilyInEach,
  makeBitsAccessor,
  makeWordAccessor,
} from '../../intrinsics/accessors/build_accessors.js';
import { ControlBitAccessor } from '../../intrinsics/accessors/control_bit_accessor.js';
import { vmcsFieldDefinitions, type VmcsFieldDefinition } from '../../intrinsics/vmcs/vmcs_field_details.js';
import type { VmcsByEncoding } from './vmcs_by_encoding.js';
import { VmcsFieldSource } from './vmcs_field_source.js';

function makeAccessor(vmcs: VmcsByEncoding, definition: VmcsFieldDefinition): object {
  const source = new VmcsFieldSource(vmcs, definition);
  return makeWordAccessor(source, definition, (field, width) =>
    field.kind === 'control' ? new ControlBitAccessor(source, field, width) : makeBitsAccessor(source, field, width),
  );
}

/** Gives all instances of a class the accessors of `VmcsAccessors`. */
export function installVmcsAccessors(prototype: VmcsByEncoding): void {
  for (const definition of vmcsFieldDefinitions) {
    lazilyInEach(prototype, camelCase(definition.name), (vmcs) => makeAccessor(vmcs, definition));
  }
}
