// SPDX-License-Identifier: LGPL-2.1-only
import type { TierRequest } from '../options/tier_option.js';
import type { ProfileRequest, SymbolsRequest, TraceRequest } from '../worker/run_request.js';
import type { WhoTarget } from '../gdb/who_target.js';
import type { ReplayPoint } from '../../session/replay/replay_point.js';

/** What a replay needs, as plain data: it travels into the worker. */
export interface ReplayRequest {
  /** Absolute path of the recording. */
  readonly recording: string;
  /** Where it stops, one after the other; at none: it runs to the end. */
  readonly until: readonly ReplayPoint[];
  /** Bytes that checkpoints may take. */
  readonly checkpoints: number;
  readonly tier?: TierRequest;
  /** The place of the compiled code that is shown at the end. */
  readonly dumpCompiled?: string;
  /** More files of names, for those who look at the run. */
  readonly symbols?: readonly SymbolsRequest[];
  /** It stops where a debugger wants, back and forth. */
  readonly gdb?: true;
  /** Memory or a register whose last writer is wanted, before the point or the end. */
  readonly who?: WhoTarget;
  /** Write a trace of the run. */
  readonly trace?: TraceRequest;
  /** Write a profile of it. */
  readonly profile?: ProfileRequest;
  /** Files of other modules, under which the run is compared with the recorded one. */
  readonly compare?: readonly string[];
}
