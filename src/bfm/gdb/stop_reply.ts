// SPDX-License-Identifier: LGPL-2.1-only
import type { DebuggerStop } from '../../machine/debug/debugger_stop.js';
import type { Stopped } from '../../session/debug/debugger.js';

/** Numbers of signals in the protocol. */
const Signal = { Interrupt: '02', Trap: '05', Abort: '06' } as const;

/** GDB counts threads from 1. */
export const threadOf = (processor: number): string => (processor + 1).toString(16).padStart(2, '0');

/** A breakpoint or watchpoint that the client has set: the number of its Z packet. */
export interface InsertedPoint {
  readonly type: number;
  readonly address: bigint;
  /** Bytes that are watched. */
  readonly bytes: number;
}

/** The numbers of Z packets. GDB manual "Packets". */
export const PointType = { Software: 0, Hardware: 1, Write: 2, Read: 3, Access: 4 } as const;

const watchNames: Readonly<Record<number, string>> = {
  [PointType.Write]: 'watch',
  [PointType.Read]: 'rwatch',
  [PointType.Access]: 'awatch',
};

const met = (signal: string, processor: number, reason = ''): string =>
  `T${signal}thread:${threadOf(processor)};${reason}`;

function stopReply(stop: DebuggerStop, points: readonly InsertedPoint[]): string {
  const { processor } = stop;
  switch (stop.kind) {
    case 'breakpoint': {
      const point = points.find(({ type, address }) => type <= PointType.Hardware && address === stop.address);
      return met(Signal.Trap, processor, point?.type === PointType.Hardware ? 'hwbreak:;' : 'swbreak:;');
    }
    case 'access':
    case 'structure':
    case 'machine': {
      const { address, access } = stop.watchpoint;
      const type = { write: PointType.Write, read: PointType.Read, any: PointType.Access }[access];
      return met(Signal.Trap, processor, `${watchNames[type]!}:${address.toString(16)};`);
    }
    case 'exit':
      return met(Signal.Trap, processor);
  }
}

/** What the client is told of a stop. @param processor at which it will look. @param points that the client has set */
export function replyOf(stopped: Stopped, processor: number, points: readonly InsertedPoint[]): string {
  switch (stopped.kind) {
    case 'met':
      return stopReply(stopped.stop, points);
    case 'stepped':
      return met(Signal.Trap, stopped.processor);
    case 'interrupted':
      return met(Signal.Interrupt, processor);
    case 'arrived':
      return met(Signal.Trap, processor);
    case 'begin':
      return met(Signal.Trap, processor, 'replaylog:begin;');
    case 'end':
      return met(Signal.Abort, processor);
  }
}

/** The end of a recording: the run can go back from here. */
export const endOfRecording = (processor: number): string => met(Signal.Trap, processor, 'replaylog:end;');
