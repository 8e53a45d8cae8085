// SPDX-License-Identifier: LGPL-2.1-only
// What V8 adds to errors. Other engines ignore it.
interface ErrorConstructor {
  /** How many frames the stack of an error has. */
  stackTraceLimit: number;
}
