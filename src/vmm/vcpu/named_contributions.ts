// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';

/** All contributions of a vCPU, from all contribution points. */
export interface NamedContributions {
  /** By name; a name belongs to one contribution. */
  byName(): ReadonlyMap<string, Contribution>;
}
export const NamedContributions = component<NamedContributions>('bareflank.NamedContributions', 'vcpu');
