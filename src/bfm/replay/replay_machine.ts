// SPDX-License-Identifier: LGPL-2.1-only
import type { PromiseWatch } from '../../driver/node/promise_watch.js';
import { useSourceMaps } from '../../driver/node/source_maps.js';
import type { ModuleSource } from '../../driver/module_source.js';
import { LateStart } from '../../session/late_start.js';
import { MachineSession } from '../../session/machine_session.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import type { ReplayParts, ReplayedVmm } from '../../session/replay/replay_session.js';
import { ReplayedConsole } from '../../session/replay/replayed_console.js';
import { ReplayedInputs } from '../../session/replayed_inputs.js';
import type { SessionPorts } from '../../session/session_ports.js';
import { announced } from '../worker/announced_modules.js';
import { readCoreModule } from '../worker/boot_file.js';
import { consoleOfFile } from '../worker/console_file.js';
import type { RunControl } from '../worker/run_control.js';
import type { RunInstruments } from '../instruments/run_instruments.js';
import type { RunRequest, WorkerMessage } from '../worker/run_request.js';
import { sessionOptions, useGlobalsOf } from '../worker/session_in_worker.js';
import { ReplayedDriver } from './replayed_driver.js';
import { replayStartOf, type ReplayStart } from './replay_start.js';

/** What a machine of a replay is made from. */
export interface ReplayMachineOptions {
  /** Of the recorded run. */
  readonly request: RunRequest;
  /** Files of the modules with which it begins. */
  readonly modules: readonly string[];
  readonly source: ModuleSource;
  readonly items: readonly RecordedItem[];
  readonly control: RunControl;
  /** Watch the machine. */
  readonly recorders?: RunInstruments['recorders'];
  readonly ports: SessionPorts;
  readonly post: (message: WorkerMessage) => void;
  /** Takes each byte of the guest's console, also those that `ports` got before the machine went back. */
  readonly printed?: (byte: number) => void;
  /** Takes the machine as it is at power-on, for those who look at its beginning. */
  readonly made?: (session: MachineSession) => void;
  /** Sees the Promises of this machine's VMM; without it they are not refused. */
  readonly promises?: PromiseWatch;
}

/** Makes the machine of a recording, up to its first instruction. No file of the recorded run changes. @throws BareflankError */
export async function makeReplayMachine(options: ReplayMachineOptions): Promise<ReplayParts> {
  const { modules, source, control, post, promises } = options;
  const start = await replayStartOf(options.request, modules);
  const parts = await sessionOf(options, start);
  const { session, inputs } = parts;
  options.made?.(session);
  const globals = useGlobalsOf(session, start.request, start.seed);
  useSourceMaps();
  const driver = await ReplayedDriver.create(session, {
    source: announced(source, (what) => post({ kind: 'calling', what })),
    machine: session.pc.driverAccess,
    whereabouts: control.handlerWord,
    announceHandlers: (names) => post({ kind: 'handlers', names: [...names] }),
    ...(promises && { watch: promises.follow }),
  });
  await start.begin({ session, inputs, driver }, (what) => post({ kind: 'calling', what }));
  return { ...parts, vmm: watched(driver, post), globals };
}

async function sessionOf(
  { items, control, ports, printed, recorders }: ReplayMachineOptions,
  { request: recorded, isRunning }: ReplayStart,
): Promise<Omit<ReplayParts, 'vmm' | 'globals'>> {
  const { disks = [], virtioConsole, ...rest } = recorded;
  const request = { ...rest, disks: disks.map((disk) => ({ ...disk, isWritable: false })), pace: 'fast' } as const;
  const console = new ReplayedConsole(rest.until);
  const lateStart = rest.start === 'late' && !isRunning ? new LateStart(rest.startAt) : undefined;
  let inputs!: ReplayedInputs;
  const session = await MachineSession.create(
    {
      ...sessionOptions(request, control, readCoreModule()),
      ...(virtioConsole !== undefined && { virtioConsole: consoleOfFile(virtioConsole) }),
      lateStart,
      until: {
        push: (byte) => {
          printed?.(byte);
          return console.push(byte);
        },
      },
      ...recorders,
      inputs: (pc) => (inputs = new ReplayedInputs(pc, items, control.attentionWord)),
    },
    { ...ports, console: console.guestTo(ports.console), vmm: console.vmmTo(ports.vmm) },
  );
  return { session, inputs, lateStart, console };
}

/** For people who wait: what the driver does. */
function watched(driver: ReplayedDriver, post: (message: WorkerMessage) => void): ReplayedVmm {
  const announcedAs = async (what: string, act: () => Promise<void>): Promise<void> => {
    post({ kind: 'calling', what });
    await act();
    post({ kind: 'running' });
  };
  return {
    get driver() {
      return driver.driver;
    },
    get lastFailure() {
      return driver.lastFailure;
    },
    start: () => driver.start(),
    call: (call) => announcedAs(`the recorded ${call.method}`, () => driver.call(call)),
    restore: (saved) => announcedAs('the return to a checkpoint', () => driver.restore(saved)),
  };
}
