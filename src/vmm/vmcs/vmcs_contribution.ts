// SPDX-License-Identifier: LGPL-2.1-only
import { contribution } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { Vmcs } from './vmcs.js';

/** Changes the VMCS before a launch. All run, after the base has filled every field. */
export interface VmcsContribution extends Contribution {
  /**
   * Writes fields and controls. Two contributions that give one field, or one control, different values are an error at launch that names
   * both.
   */
  setUp(vmcs: Vmcs): void;
}
export const VmcsContribution = contribution<VmcsContribution>('bareflank.VmcsContribution', 'vcpu', {
  methods: ['setUp'],
});
