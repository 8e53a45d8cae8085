// SPDX-License-Identifier: LGPL-2.1-only

/** A text without characters that change what a terminal shows. Names in files that come from others may have them. */
export const printable = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, '�');
