// SPDX-License-Identifier: LGPL-2.1-only

/** Whether VMX operation is on, as the core has it. SDM 3C "Introduction to VMX Operation". */
export const VmxMode = { Off: 0, Root: 1, NonRoot: 2 } as const;
