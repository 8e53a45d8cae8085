// SPDX-License-Identifier: LGPL-2.1-only
import type { ComponentScope } from '../../intrinsics/component.js';
import type { PartClass, PartIdentifier } from './injections.js';

/** The target of a binding: a class to make once, an existing value, or another binding. */
export type BindingTarget =
  | { readonly kind: 'class'; readonly type: PartClass }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'service'; readonly identifier: PartIdentifier };

/** One `bind` or `rebind` of a module. */
export interface BindingRecord {
  readonly kind: 'bind' | 'rebind';
  readonly scope: ComponentScope;
  readonly identifier: PartIdentifier;
  readonly target: BindingTarget;
  /** The file with the statement. */
  readonly file: string;
}
