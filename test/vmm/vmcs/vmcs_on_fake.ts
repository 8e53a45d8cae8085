// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsIntelX64 } from '../../../src/vmm/vmcs/vmcs_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

/** A VMCS alone, on a fake machine: its fields and controls can be used, and nothing else. */
export function vmcsOnFake() {
  const machine = new FakeMachine();
  return { machine, it: make(VmcsIntelX64, { vmx: machine.vmx, msrs: machine.msrs, vcpuid: 0n }) };
}
