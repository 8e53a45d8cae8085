// SPDX-License-Identifier: LGPL-2.1-only
// A session in a worker: its ports are words that the main thread shares, and messages to it.
import { processorModel } from '../../machine/models/processor_models.js';
import { handlerGlobals, useHandlerGlobals, type SeededGlobals } from '../../driver/handler_globals.js';
import { RTC_DEFAULT_START } from '../../machine/devices/rtc.js';
import { ExitPathInlining } from '../../driver/node/exit_path_inlining.js';
import type { MachineSession, SessionOptions } from '../../session/machine_session.js';
import type { SessionPorts } from '../../session/session_ports.js';
import { readCompiledForms } from './boot_file.js';
import { readSymbols } from './symbols_file.js';
import { openConsole } from './console_file.js';
import { openDisks } from './file_disk.js';
import { OutputBuffer } from './output_buffer.js';
import type { RunControl } from './run_control.js';
import type { RunRequest } from './run_request.js';

/** A session's messages to the main thread while it runs. */
type SessionMessage = { readonly kind: 'console' | 'vmm'; readonly bytes: Uint8Array } | { readonly kind: 'typed' };

/** The part of a session's options that comes from a request. @throws FileError if a disk cannot be opened */
export function sessionOptions(
  request: RunRequest,
  control: RunControl,
  coreModule: WebAssembly.Module,
): SessionOptions {
  const model = processorModel(request.cpu);
  return {
    coreModule,
    memoryBytes: request.memoryBytes,
    ...(model !== undefined && { model }),
    processors: request.processors,
    testDevice: request.testDevice,
    ...(request.tier !== 'off' && { compiledTier: { mode: request.tier ?? 'on', forms: readCompiledForms } }),
    ...(request.exitCost !== undefined && { exitCost: request.exitCost }),
    disks: openDisks(request.disks ?? []),
    ...(request.virtioConsole !== undefined && { virtioConsole: openConsole(request.virtioConsole) }),
    ...(request.symbols !== undefined && { symbols: request.symbols.map(readSymbols) }),
    exitMark: control.exitWord,
    counters: control.counters,
    exitHistories: control.exitHistories,
    attention: control.attentionWord,
    pace: request.pace,
    ...(request.rtcStart !== undefined && { rtcStart: request.rtcStart }),
  };
}

/**
 * Gives the code of modules the time of a machine, and the same random numbers in each run; or the host's, if the request says so.
 *
 * @param seed of the numbers. @returns undefined for those of the host
 */
export function useGlobalsOf(
  { pc }: MachineSession,
  { realClock, rtcStart = RTC_DEFAULT_START }: RunRequest,
  seed?: number,
): SeededGlobals | undefined {
  const clock = { start: rtcStart * 1000, now: () => pc.virtualTime };
  const globals = realClock === true ? undefined : handlerGlobals(clock, seed);
  useHandlerGlobals(globals);
  return globals;
}

/** @param wantsAttention whether a slice must end for its owner. */
export function sessionPorts(
  control: RunControl,
  post: (message: SessionMessage) => void,
  wantsAttention: () => boolean,
): SessionPorts {
  const inlining = new ExitPathInlining();
  return {
    console: new OutputBuffer(control, (bytes) => post({ kind: 'console', bytes })),
    vmm: new OutputBuffer(control, (bytes) => post({ kind: 'vmm', bytes })),
    hasInput: () => control.hasInput,
    isInputOpen: () => control.isInputOpen,
    takeInput: () => {
      const bytes = control.takeInput();
      post({ kind: 'typed' });
      return bytes;
    },
    now: () => performance.now(),
    wantsAttention,
    quantumEnded: (pc) => {
      control.counters.publish(pc);
      inlining.quantumEnded(pc);
      control.beat();
    },
  };
}
