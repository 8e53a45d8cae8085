// SPDX-License-Identifier: LGPL-2.1-only
// Runs of a small guest with everything that may come in from outside, at random, under a host that cuts it at random, looks at it and collects garbage.
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DriverCommands } from '../../src/bfm/host/driver_commands.js';
import { Driver } from '../../src/driver/driver.js';
import type { ModuleSource } from '../../src/driver/module_source.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import type { PartModule } from '../../src/vmm/container/part_module.js';
import type { Pc } from '../../src/machine/pc.js';
import type { LogicalProcessor } from '../../src/machine/processor/logical_processor.js';
import type { InputSource } from '../../src/session/input_source.js';
import { LiveInputs } from '../../src/session/live_inputs.js';
import type { DriverCall } from '../../src/session/machine_event.js';
import { MachineSession, type SessionOptions } from '../../src/session/machine_session.js';
import type { RecordedItem } from '../../src/session/recorded_item.js';
import { ReplayedInputs } from '../../src/session/replayed_inputs.js';
import { SessionRecorder } from '../../src/session/session_recorder.js';
import { SliceEnd, type SessionPorts } from '../../src/session/session_ports.js';
import { randomNumbers } from '../machine/random_numbers.js';
import { ReusedMemory } from '../support/reused_memory.js';
import { coreModule } from '../support/test_core.js';
import { idleGuest } from './idle_guest.js';
import { typedGuest } from './typed_guest.js';

const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'cpuidcount.modules');
const END_OF_TRANSMISSION = 4;

/** What a run depends on. */
export interface RandomRun {
  readonly seed: number;
  readonly processors: number;
  /** Whether a VMM comes and goes. */
  readonly hasVmm: boolean;
  /** Whether the guest sleeps nearly all of the time. */
  readonly sleeps: boolean;
  /** Whether the owner chooses at random who executes next. */
  readonly chooses?: boolean;
  /** A module of the VMM instead of cpuidcount. */
  readonly module?: PartModule;
  /** A mistake in the machine: called where the host cuts a turn. */
  readonly mistakeAtCut?: (processor: LogicalProcessor) => void;
}

/** How many kinds of runs there are. */
export const kindsOfRuns = 16;

/** The run that a seed names. Seeds that follow one another give all kinds. */
export function runOf(seed: number): RandomRun {
  return { seed, processors: 1 + (seed % 4), hasVmm: (seed & 4) !== 0, sleeps: (seed & 8) !== 0 };
}

/** What a run was, for comparisons. */
export interface RunResult {
  readonly items: readonly RecordedItem[];
  readonly output: string;
  readonly hash: string;
  readonly end: SliceEnd;
}

type Random = (limit: number) => number;

/** The extension is bundled once for all runs. */
const source: ModuleSource = { ...moduleFiles, load: once((name) => moduleFiles.load(name)) };

/** Where the modules of a run come from. */
export const sourceOf = (module: PartModule | undefined): ModuleSource =>
  module === undefined ? source : { ...source, load: () => Promise.resolve({ modules: [module], hash: 'test' }) };

function once<T>(load: (name: string) => T): (name: string) => T {
  const loaded = new Map<string, T>();
  return (name) => loaded.get(name) ?? (loaded.set(name, load(name)), loaded.get(name)!);
}

const memory = new ReusedMemory();

/** Collects garbage, young objects only or all. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' | 'major' }) => void;

/** The world around a session, as random numbers move it. */
export class World implements SessionPorts {
  time = 0;
  attention = new Int32Array(1);
  typed: number[] = [];
  output = '';
  /** Each quantum may be cut, so this comes at points that two runs do not have in common. */
  quantumEnded: (pc: Pc) => void = () => {};
  readonly console = { push: (byte: number) => void (this.output += String.fromCharCode(byte)), flush: () => {} };
  readonly vmm = { push: () => {}, flush: () => {} };
  hasInput = () => this.typed.length > 0;
  isInputOpen = () => true;
  takeInput = () => this.typed.splice(0);
  now = () => this.time;
  wantsAttention = () => this.attention[0] !== 0;
}

/** A machine with its driver. The host cuts each run of a processor at random. Only the last machine that was made may run. */
export async function machine(run: RandomRun, world: World, random: Random, options: Partial<SessionOptions>) {
  const { processors, module, sleeps, mistakeAtCut } = run;
  const session = await MachineSession.create(
    {
      coreModule: await coreModule(),
      memoryBytes: 16 << 20,
      processors,
      pace: 'real',
      attention: world.attention,
      ...memory.option,
      ...options,
    },
    world,
  );
  memory.keep(session.pc);
  const bytes = sleeps ? idleGuest(processors) : typedGuest(processors, 200);
  session.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  for (const processor of session.pc.processors) {
    const whole = processor.run.bind(processor);
    processor.run = (instructions) => {
      const most = random(4) === 0 ? 1 + random(5000) : Infinity;
      const reason = whole(Math.min(instructions, most));
      if (most < instructions) mistakeAtCut?.(processor);
      return reason;
    };
  }
  const driver = await Driver.create({ source: sourceOf(module), machine: session.pc.driverAccess });
  world.quantumEnded = (pc) => look(pc, driver, random);
  return { session, driver, commands: new DriverCommands(driver) };
}

/** Looks at the machine, now and then. */
function look(pc: Pc, driver: Driver, random: Random): void {
  switch (random(60)) {
    case 0:
      pc.stateHash();
      break;
    case 1:
      pc.briefHash();
      break;
    case 2:
      pc.save();
      driver.save();
      break;
    case 3:
      pc.processorReports();
      break;
    case 4:
      collect({ type: 'minor' });
  }
}

/** Collects all garbage, now and then. What JavaScript keeps for the present task has to end first. */
async function collectAll(random: Random): Promise<void> {
  if (random(30) !== 0) return;
  await new Promise((done) => setImmediate(done));
  collect({ type: 'major' });
}

/** Makes a call; a call that the driver refuses is an event as well. */
export async function make(session: MachineSession, commands: DriverCommands, call: DriverCall): Promise<void> {
  const methods: Record<string, () => unknown> = {
    load: () => commands.load([cpuidCount]),
    start: () => commands.start(),
    stop: () => commands.stop(),
    unload: () => commands.unload(),
    vmcall: () => commands.vmcall(0, { r00: 4n }),
  };
  try {
    await session.call(call, methods[call.method]!);
  } catch {
    // The same refusal comes in the other run.
  }
}

/** Calls of a driver, the likelier ones more than once. */
const calls = ['load', 'start', 'start', 'start', 'vmcall', 'vmcall', 'vmcall', 'vmcall', 'stop', 'unload'];

/** Runs the guest with random events. */
export async function recordedRun(run: RandomRun): Promise<RunResult> {
  const random = randomNumbers(run.seed);
  const world = new World();
  const items: RecordedItem[] = [];
  const recorder = new SessionRecorder({
    write: (item) => items.push(item),
    now: () => 0,
    interval: 50_000 + random(500_000),
  });
  const inputs = (pc: Pc): InputSource => choosing(new LiveInputs(pc, world, 'real'), pc, random);
  const { session, commands } = await machine(run, world, random, {
    recorder,
    ...(run.chooses === true && { inputs }),
  });
  let end = SliceEnd.Time;
  const steps = run.sleeps ? 48 : 24;
  for (let step = 0; step < steps && end !== SliceEnd.Ended; step++) {
    await collectAll(random);
    world.time += waitFor(session, random);
    if (random(3) === 0) world.typed.push(...Array.from({ length: 1 + random(4) }, () => 0x61 + random(26)));
    if (step > steps - 6 && random(20) === 0) world.typed.push(END_OF_TRANSMISSION);
    end = session.slice(session.pc.virtualTime + random(100_000));
    // Another thread asks while a turn lasts, and the turn ends at its next VM exit.
    world.attention[0] = random(3) === 0 ? 1 : 0;
    if (world.attention[0] !== 0) end = afterAttention(session, world);
    if (!run.hasVmm || end === SliceEnd.Ended || !session.isAtMoment) continue;
    const methods = step === 3 ? ['load', 'start'] : random(3) === 0 ? [calls[random(calls.length)]!] : [];
    for (const method of methods) {
      // A call may come in while an idle time lasts, or exactly at its end.
      world.time += waitFor(session, random);
      await make(session, commands, { kind: 'call', method, params: null });
    }
  }
  recorder.ended(session.pc, SliceEnd[end], end !== SliceEnd.Ended);
  const hash = session.pc.stateHash();
  commands.remove();
  return { items, output: world.output, hash, end };
}

/** Lets the owner choose now and then, at any moment, which of the processors that do not sleep executes next. */
function choosing(inputs: LiveInputs, pc: Pc, random: Random): InputSource {
  const next = inputs.next.bind(inputs);
  return Object.assign(inputs, {
    next: () => {
      const { awake } = pc.scheduler;
      if (awake.length < 2 || random(4) === 0) return next();
      return { kind: 'turn', processor: awake[random(awake.length)]! } as const;
    },
  }) as InputSource;
}

/** Milliseconds until the next step: any time, or exactly until the idle time ends, when a timer is due. */
function waitFor({ idleMilliseconds }: MachineSession, random: Random): number {
  return idleMilliseconds > 0 && idleMilliseconds < 10 && random(2) === 0
    ? idleMilliseconds
    : random(10) / (idleMilliseconds > 0 ? 50 : 10);
}

/** A turn begins, and is cut at its first VM exit, if it has one. */
function afterAttention(session: MachineSession, world: World): SliceEnd {
  const wanted = world.wantsAttention;
  let asked = 0;
  world.wantsAttention = () => asked++ > 0;
  const end = session.slice(Infinity);
  world.wantsAttention = wanted;
  world.attention[0] = 0;
  return end;
}

/** The result of a replay, and where it differed. */
export interface ReplayResult extends Omit<RunResult, 'items'> {
  readonly inputs: ReplayedInputs;
}

/** Runs the guest with recorded events. @param seed of the host's cuts */
export async function replayedRun(run: RandomRun, items: readonly RecordedItem[], seed: number): Promise<ReplayResult> {
  const random = randomNumbers(seed);
  const world = new World();
  world.wantsAttention = () => false;
  let inputs!: ReplayedInputs;
  const { session, commands } = await machine(run, world, random, {
    inputs: (pc) => (inputs = new ReplayedInputs(pc, items, world.attention)),
  });
  for (;;) {
    await collectAll(random);
    const end = session.slice(session.pc.virtualTime + random(100_000));
    if (end === SliceEnd.CallDue) await make(session, commands, session.dueCall!);
    else if (end !== SliceEnd.Time && end !== SliceEnd.Idle) {
      if (end === SliceEnd.Ended) inputs.endsHere();
      const hash = session.pc.stateHash();
      commands.remove();
      return { output: world.output, hash, end, inputs };
    }
  }
}
