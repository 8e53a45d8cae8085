// SPDX-License-Identifier: LGPL-2.1-only
// The framework's own definitions, so that the probe repeats no encoding.
export { VmcsField as F } from '../../build/src/intrinsics/vmcs/vmcs_fields.js';
export {
  EntryControl as Entry,
  ExitControl as Exit,
  PinBasedControl as Pin,
  PrimaryControl as Primary,
  SecondaryControl as Secondary,
} from '../../build/src/intrinsics/vmx/control_bits.js';
export { Msr } from '../../build/src/intrinsics/registers/msr_definitions.js';
