// SPDX-License-Identifier: LGPL-2.1-only

/** The names that an expression can use. */
export const scopeNames = ['machine', 'vcpu', 'vmcs', 'memory', 'symbols', 'vmm', 'write'] as const;
