// SPDX-License-Identifier: LGPL-2.1-only

/** Numbers of the general registers, as instructions encode them. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
