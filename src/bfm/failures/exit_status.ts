// SPDX-License-Identifier: LGPL-2.1-only

/** What `bfm` returns to the shell. */
export enum ExitStatus {
  /** The text of `--until` came, or the guest switched off and there was no such text. */
  Reached = 0,
  /** Something failed; also: the guest ended before the text, a recording ended before the point, or the VMM never started. */
  Error = 1,
  /** An unknown command or option, or an impossible value. */
  Usage = 2,
  /** The guest or the VMM is dead; a report says why. */
  Dead = 3,
  /** A replayed run is not the recorded one. */
  Diverged = 4,
  /** A recording that has no end was replayed up to its last line. */
  Incomplete = 5,
  /** `bfm explore` has found a schedule under which its predicate holds. */
  Found = 6,
  /** `--timeout` passed. */
  Timeout = 124,
  /** Ctrl-C, or Ctrl-A X on a terminal. */
  Interrupted = 130,
}
