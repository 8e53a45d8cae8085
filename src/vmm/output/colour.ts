// SPDX-License-Identifier: LGPL-2.1-only
/** ANSI colours of the log. */
export const Colour = {
  debug: '1;32',
  warning: '1;33',
  error: '1;31',
  func: '1;36',
  line: '1;35',
  green: '1;32',
  red: '1;31',
  end: '0',
} as const;
