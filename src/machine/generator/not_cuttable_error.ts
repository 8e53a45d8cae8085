// SPDX-License-Identifier: LGPL-2.1-only
/** Why a body cannot be cut. */
export class NotCuttableError extends Error {}
