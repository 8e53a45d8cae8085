// SPDX-License-Identifier: LGPL-2.1-only
import { groupedDigits } from '../../session/grouped_digits.js';
import { TraceEvents, type TraceNames } from '../../session/trace/trace_events.js';
import type { TraceRecorder } from '../../session/trace/trace_recorder.js';
import type { OpenedOutput } from './opened_output.js';

/** Characters that are written at a time. */
const CHUNK = 1 << 20;

/**
 * Writes a trace, an event a line.
 *
 * @param alive called now and then. @returns for people: what the trace has, and what is missing. @throws FileError
 */
export function writeTrace(
  file: OpenedOutput,
  recorder: TraceRecorder,
  names: TraceNames,
  alive: () => void = () => {},
): string {
  let count = 0;
  let text = '{"displayTimeUnit":"ns","traceEvents":[\n';
  for (const event of new TraceEvents(recorder, names).all()) {
    text += `${count++ === 0 ? '' : ',\n'}${JSON.stringify(event)}`;
    if (text.length < CHUNK) continue;
    file.append(text);
    text = '';
    alive();
  }
  file.append(`${text}\n],"otherData":${JSON.stringify({ dropped: recorder.dropped })}}\n`);
  return `${groupedDigits(count)} events in ${file.path}${droppedText(recorder)}`;
}

function droppedText({ dropped: { rows, exits, lines } }: TraceRecorder): string {
  const parts = [
    ...(exits > 0 ? [`${groupedDigits(exits)} VM exits`] : []),
    ...(rows > 0 ? [`${groupedDigits(rows)} turns, idle times and interrupts`] : []),
    ...(lines > 0 ? [`${groupedDigits(lines)} lines of the console`] : []),
  ];
  return parts.length === 0 ? '' : `; the oldest were dropped (--trace-limit): ${parts.join(', ')}`;
}
