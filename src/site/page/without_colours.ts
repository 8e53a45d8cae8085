// SPDX-License-Identifier: LGPL-2.1-only

/** A text of the VMM without its colours: the page has its own. */
export function withoutColours(text: string): string {
  // eslint-disable-next-line no-control-regex -- colours are escape sequences
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '');
}
