// SPDX-License-Identifier: LGPL-2.1-only
import type { ReviewedDifferences } from './comparison.js';
export const differences: readonly ReviewedDifferences[] = [];
