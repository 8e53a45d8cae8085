// SPDX-License-Identifier: LGPL-2.1-only

/** A whole number with its digits in groups of three, as in `1 234 567`. */
export const groupedDigits = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
