// SPDX-License-Identifier: LGPL-2.1-only
import { resolve } from 'node:path';
import { exitReasonDefinitions } from '../../intrinsics/vmx/exit_reasons.js';
import { parseTraceFilter, traceKinds, type TraceFilter } from '../../session/trace/trace_filter.js';
import type { ProfileRequest, TraceRequest } from '../worker/run_request.js';
import type { InstrumentRequest } from './run_instruments.js';
import { UsageError } from '../failures/usage_error.js';

/** The options of traces and profiles, as the command-line parser gives them. */
export interface InstrumentOptions {
  readonly trace?: string;
  readonly traceLimit?: string;
  readonly traceOnly?: string;
  readonly profile?: string;
  readonly profileInterval?: string;
}

/** Events of each kind that a trace keeps, unless `--trace-limit` says otherwise. */
export const DEFAULT_TRACE_LIMIT = 200_000;
/** They take about 100 bytes each in memory, and twice that in the file. */
const MOST_EVENTS = 10_000_000;

/** Microseconds between two samples, unless `--profile-interval` says otherwise. */
export const DEFAULT_PROFILE_INTERVAL = 10;
const LONGEST_INTERVAL = 1_000_000;

function limit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TRACE_LIMIT;
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST_EVENTS) return count;
  throw UsageError.ofOption('--trace-limit', text, `a number of events from 1 to ${MOST_EVENTS}`);
}

function filter(text: string | undefined): TraceFilter | undefined {
  if (text === undefined) return undefined;
  const parsed = parseTraceFilter(text, (name) => exitReasonDefinitions.some((each) => each.name === name));
  if (typeof parsed !== 'string') return parsed;
  throw UsageError.ofOption(
    '--trace-only',
    parsed,
    `some of ${traceKinds.join(', ')}, or names of exit reasons`,
    "'bfm describe exit' lists the reasons",
  );
}

/** What `--trace` and its options say. @throws UsageError */
function traceRequest({ trace, traceLimit, traceOnly }: InstrumentOptions): TraceRequest | undefined {
  if (trace === undefined) {
    const other = traceLimit !== undefined ? '--trace-limit' : traceOnly !== undefined ? '--trace-only' : undefined;
    if (other !== undefined) throw new UsageError(`${other} says what a trace has: give --trace too`);
    return undefined;
  }
  if (trace === '') throw UsageError.ofOption('--trace', trace, 'the name of a file');
  const only = filter(traceOnly);
  return { file: resolve(trace), limit: limit(traceLimit), ...(only && { filter: only }) };
}

/** What `--profile` and its option say. @throws UsageError */
function profileRequest({ profile, profileInterval }: InstrumentOptions): ProfileRequest | undefined {
  if (profile === undefined) {
    if (profileInterval === undefined) return undefined;
    throw new UsageError('--profile-interval says how often a profile looks: give --profile too');
  }
  if (profile === '') throw UsageError.ofOption('--profile', profile, 'the name of a file');
  const text = profileInterval ?? String(DEFAULT_PROFILE_INTERVAL);
  const microseconds = /^\d+(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (microseconds === 0 || microseconds > LONGEST_INTERVAL)
    throw UsageError.ofOption(
      '--profile-interval',
      text,
      `microseconds from 0.001 to ${LONGEST_INTERVAL}, with at most three decimals`,
    );
  return { file: resolve(profile), interval: Math.round(microseconds * 1000) };
}

/** What all of these options say. @throws UsageError */
export function instrumentRequest(options: InstrumentOptions): InstrumentRequest {
  const [trace, profile] = [traceRequest(options), profileRequest(options)];
  return { ...(trace && { trace }), ...(profile && { profile }) };
}
