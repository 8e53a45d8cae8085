// SPDX-License-Identifier: LGPL-2.1-only
import type { ExplorationTask, TaskResult } from '../../session/explore/exploration.js';
import type { Schedule } from '../../session/explore/schedule.js';
import type { ScheduledResult, WatchedBytes } from '../../session/explore/scheduled_run.js';
import type { Problem } from '../failures/problem.js';
import type { RecordRequest, RunRequest } from '../worker/run_request.js';

/** What a worker of an exploration needs, as plain data. */
export interface ExploreRequest {
  /** The run that is explored. */
  readonly run: RunRequest;
  /** Absolute path of the predicate's file. */
  readonly predicate: string;
  /** The most instructions of a run. */
  readonly instructions: number;
  /** Memory, behind writes to which another processor may execute next. */
  readonly watched: readonly WatchedBytes[];
}

/** What the main thread asks of a worker. The answer to each is one message. */
export type ExploreOrder =
  | { readonly kind: 'tasks'; readonly tasks: readonly ExplorationTask[] }
  /** Run under the shortest failing schedule, and record that run. */
  | { readonly kind: 'finish'; readonly schedule: Schedule; readonly record: RecordRequest | undefined };

/** What a worker says. */
export type ExploreMessage =
  /** Code of the VMM or of extensions is called, outside of runs. */
  | { readonly kind: 'calling'; readonly what: string | undefined }
  | { readonly kind: 'handlers'; readonly names: readonly string[] }
  /** The machine is at the moment from which it is explored. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'results'; readonly results: readonly TaskResult[] }
  | { readonly kind: 'finished'; readonly failure: ScheduledResult }
  | { readonly kind: 'failed'; readonly problem: Problem };
