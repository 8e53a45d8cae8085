// SPDX-License-Identifier: LGPL-2.1-only

/** A text without characters that change what is shown: of a terminal, or the order of letters. Files and links from others may have them. */
export const printable = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, '�');
