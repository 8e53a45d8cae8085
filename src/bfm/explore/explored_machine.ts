// SPDX-License-Identifier: LGPL-2.1-only
import { moduleFiles } from '../../driver/node/module_files.js';
import type { PromiseWatch } from '../../driver/node/promise_watch.js';
import { BareflankError } from '../../intrinsics/errors.js';
import type { ExploredTarget } from '../../session/explore/observed_run.js';
import type { ReplayParts } from '../../session/replay/replay_session.js';
import { SliceEnd, type ByteSink, type SessionPorts } from '../../session/session_ports.js';
import { makeReplayMachine } from '../replay/replay_machine.js';
import type { RunControl } from '../worker/run_control.js';
import type { RunRequest, WorkerMessage } from '../worker/run_request.js';

/** So the machine runs without an end that was recorded. */
const WITHOUT_EVENTS = [{ kind: 'end', outcome: '', instructions: 0, virtualTime: 0, hash: '' }] as const;

const nothing: ByteSink = { push: () => {}, flush: () => {} };

function portsOf(control: RunControl): SessionPorts {
  return {
    console: nothing,
    vmm: nothing,
    hasInput: () => false,
    isInputOpen: () => false,
    takeInput: () => [],
    now: () => performance.now(),
    wantsAttention: () => false,
    quantumEnded: () => control.beat(),
  };
}

/** Lets the guest run to the moment at which its VMM starts late. @throws BareflankError if that never comes */
async function startLate({ session, lateStart, vmm }: ReplayParts): Promise<void> {
  if (lateStart === undefined) return;
  const end = session.slice(Infinity);
  if (end !== SliceEnd.LateStartDue)
    throw new BareflankError(`the VMM never started, so there is nothing to explore: ${lateStart.reasonForNone}`);
  session.lateStarted();
  vmm.start();
  if (vmm.lastFailure !== undefined) throw new BareflankError(`the VMM could not start: ${vmm.lastFailure}`);
}

/**
 * Makes the machine of a run and brings it to the moment from which it is explored: power-on or the snapshot, and behind the late start of its VMM if it has one. No
 * file that the run names changes.
 *
 * @param promises sees the Promises of the VMM, for as long as the machine runs
 * @throws BareflankError
 */
export async function exploredMachine(
  request: RunRequest,
  control: RunControl,
  post: (message: Extract<WorkerMessage, { kind: 'calling' | 'handlers' }>) => void,
  promises?: PromiseWatch,
): Promise<ExploredTarget> {
  let output = '';
  const parts = await makeReplayMachine({
    request,
    modules: request.modules,
    source: moduleFiles,
    items: WITHOUT_EVENTS,
    control,
    ports: portsOf(control),
    printed: (byte) => void (output += String.fromCharCode(byte)),
    ...(promises && { promises }),
    post: (message) => {
      if (message.kind === 'calling' || message.kind === 'handlers') post(message);
    },
  });
  await startLate(parts);
  return markedParts(parts, { read: () => output, cut: (length) => void (output = output.slice(0, length)) });
}

function markedParts(
  { session, vmm, console, globals }: ReplayParts,
  printed: { read(): string; cut(length: number): void },
): ExploredTarget {
  const { pc } = session;
  const [machine, driver] = [pc.mark(), vmm.driver.mark()];
  const [place, lastOutput, length] = [console.save(), session.lastOutput.save(), printed.read().length];
  const seed = globals?.seed;
  return {
    pc,
    driver: vmm.driver,
    get output() {
      return printed.read();
    },
    reset() {
      pc.reset(machine);
      driver.reset();
      console.restore(place);
      session.lastOutput.restore(lastOutput);
      printed.cut(length);
      if (globals !== undefined && seed !== undefined) globals.seed = seed;
    },
  };
}
