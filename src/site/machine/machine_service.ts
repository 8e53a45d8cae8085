// SPDX-License-Identifier: LGPL-2.1-only
import { LiveInputs } from '../../session/live_inputs.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import { ReplayedInputs } from '../../session/replayed_inputs.js';
import { STATE_INTERVAL } from '../../session/session_recorder.js';
import { SliceEnd } from '../../session/session_ports.js';
import type { Pc } from '../../machine/pc.js';
import type { BootFile } from '../../machine/boot/entry_state.js';
import type { BundledModules } from './bundled_modules.js';
import { machineView } from './machine_view.js';
import { ReplayThenLive } from './replay_then_live.js';
import { RunSoFar } from './run_so_far.js';
import { SiteMachine, type SiteMachineOptions } from './site_machine.js';
import type {
  BootParameters,
  FromMachine,
  ImageGuest,
  MachineMethod,
  MachineRequest,
  MachineRequests,
  Settings,
  SnapshotGuest,
  ToMachine,
} from './site_messages.js';
import { SitePorts } from './site_ports.js';
import { SiteTier } from './site_tier.js';
import { SiteSnapshot } from './site_snapshot.js';

/** Nanoseconds of virtual time that the guest runs before messages are read. */
const SLICE = 4_000_000;

/** Milliseconds between two messages with the machine's status. */
const STATUS_INTERVAL = 200;

/** The longest sleep of an idle machine: something typed wakes it earlier. */
const LONGEST_SLEEP = 200;

/** What a machine in a worker needs from its surroundings. */
export interface ServiceSurroundings {
  readonly post: (message: FromMachine) => void;
  /** The bytes of a file of the site. @throws if there is none */
  readonly fetch: (address: string) => Promise<Uint8Array>;
  /** The same, while everything waits. */
  readonly fetchNow: (address: string) => Uint8Array;
  readonly modules: BundledModules;
  readonly now: () => number;
  /** Lets messages come in, for so long at most. The function that it takes is given what ends the wait. */
  readonly pause: (milliseconds: number, waking: (wake: () => void) => void) => Promise<void>;
}

type Answers = { readonly [M in MachineMethod]: (params: MachineRequests[M]['params']) => Promise<unknown> };

/** The core of the processors, where `npm run site` puts it. */
export const CORE_FILE = 'cpu.wasm';

const nameOf = (address: string): string => address.slice(address.lastIndexOf('/') + 1);

/** Starts a VMM before the guest goes on. A snapshot may have been saved within a turn of a processor, where no call of the driver comes in. */
async function startUnder(machine: SiteMachine, modules: readonly string[], settings?: Settings): Promise<void> {
  while (!machine.isAtMoment) machine.slice(machine.pc.virtualTime);
  await machine.load(modules, settings);
  machine.start();
}

/** A machine that a page has in its worker: runs the guest in slices, and between two of them serves the page's requests. */
export class MachineService {
  private machine: SiteMachine | undefined;
  private readonly ports: SitePorts;
  private readonly tier = new SiteTier();
  private readonly queue: MachineRequest[] = [];
  private wake: () => void = () => {};
  private lastStatus = -Infinity;
  private hasEnded = false;
  private recorded!: RunSoFar;
  /** By which the recorder knows how long hashes take: it makes fewer if they take long. */
  private hashClock: () => number;
  /** Of a recorded run that is made again. */
  private replay: ReplayThenLive | undefined;
  private readonly answers: Answers = {
    boot: (params) => this.boot(params),
    addModule: async ({ name, code }) => this.surroundings.modules.add(name, code),
    load: ({ modules, settings }) => this.running.load(modules, settings),
    start: async () => this.running.start(),
    stop: async () => this.running.stop(),
    view: async ({ address }) => machineView(this.present.pc, address),
    recording: async () => this.recorded.upTo(this.present.pc, this.hasEnded),
    hash: async () => this.hash(),
  };

  constructor(private readonly surroundings: ServiceSurroundings) {
    this.hashClock = surroundings.now;
    this.ports = new SitePorts((kind, bytes) => surroundings.post({ kind, bytes }), surroundings.now);
  }

  /** A message of the page. */
  receive(message: ToMachine): void {
    if (message.kind === 'typed') this.ports.type(message.bytes);
    else this.queue.push(message);
    this.wake();
  }

  /** Serves the page for as long as it lives. */
  async run(): Promise<never> {
    for (;;) await this.turn();
  }

  /** Serves what has come, and runs one slice. */
  async turn(): Promise<void> {
    while (this.queue.length > 0 && this.machine?.isAtMoment !== false) await this.serve(this.queue.shift()!);
    const sleep = this.machine === undefined ? Infinity : await this.slice(this.machine);
    this.ports.sendAll();
    this.tellStatus();
    // A request that cannot be served at this moment needs another slice.
    if (this.queue.length > 0) return;
    await this.surroundings.pause(sleep, (wake) => (this.wake = wake));
    this.wake = () => {};
  }

  /** @returns for how many milliseconds the machine has nothing to do */
  private async slice(machine: SiteMachine): Promise<number> {
    if (this.hasEnded) return Infinity;
    const end = machine.slice(machine.pc.virtualTime + SLICE);
    if (end === SliceEnd.CallDue) await this.performDue(machine);
    if (end === SliceEnd.Replayed || end === SliceEnd.Diverged) this.tellReplayed(machine);
    if (end === SliceEnd.Ended) this.tellEnd(machine);
    return end === SliceEnd.Idle ? Math.min(machine.session.idleMilliseconds, LONGEST_SLEEP) : 0;
  }

  private async serve({ id, method, params }: MachineRequest): Promise<void> {
    const { post } = this.surroundings;
    try {
      const result = await (this.answers[method] as (params: unknown) => Promise<unknown>)(params);
      this.tellStatus(true);
      post({ kind: 'answer', id, result: result ?? null });
    } catch (error) {
      post({ kind: 'error', id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  private async boot({ guest, processors, modules, settings, replay, allStates }: BootParameters): Promise<void> {
    if (this.machine !== undefined) throw new Error('this worker has a machine: start another worker for another one');
    this.hashClock = allStates === true ? () => 0 : this.surroundings.now;
    // The guest may run before it has come.
    void this.tier.fetch(async (address) => this.surroundings.fetch(address));
    const core = this.surroundings
      .fetch(CORE_FILE)
      .then((bytes) => WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>));
    const machine =
      'snapshot' in guest
        ? await this.restored(guest, core, replay)
        : await this.poweredOn(guest, processors, core, replay);
    if (modules !== undefined && replay === undefined) await startUnder(machine, modules, settings);
    this.machine = machine;
  }

  private hash(): MachineRequests['hash']['result'] {
    const { pc } = this.present;
    const { instructions, compiledTier } = pc;
    return { hash: pc.stateHash(), instructions, compiled: compiledTier?.executed.instructions ?? 0 };
  }

  private async poweredOn(
    { kernel, initrd, memoryBytes, append }: ImageGuest,
    processors: number,
    core: Promise<WebAssembly.Module>,
    replay: BootParameters['replay'],
  ): Promise<SiteMachine> {
    const addresses = [kernel, ...(initrd === undefined ? [] : [initrd])];
    const [image, ...others] = await Promise.all(addresses.map((address) => this.file(address)));
    const machine = await this.make({ coreModule: await core, memoryBytes, processors }, replay);
    machine.boot({ kernel: image!, modules: others.map((file) => ({ ...file, arguments: '' })), append });
    return machine;
  }

  private async restored(
    { snapshot: address }: SnapshotGuest,
    core: Promise<WebAssembly.Module>,
    replay: BootParameters['replay'],
  ): Promise<SiteMachine> {
    const { fetch, fetchNow } = this.surroundings;
    const snapshot = await SiteSnapshot.open({
      fetch: (name) => fetch(`${address}/${name}`),
      fetchNow: (name) => fetchNow(`${address}/${name}`),
    });
    const { memoryBytes, processors } = snapshot.manifest;
    const kind = { coreModule: await core, model: snapshot.model, memoryBytes, processors };
    // A hash of all memory would fetch all pages.
    const machine = await this.make(kind, replay, Infinity);
    snapshot.restore(machine.pc);
    return machine;
  }

  private make(
    kind: Pick<SiteMachineOptions, 'coreModule' | 'model' | 'memoryBytes' | 'processors'>,
    replay: BootParameters['replay'],
    interval = STATE_INTERVAL,
  ): Promise<SiteMachine> {
    const { post, modules } = this.surroundings;
    const compiledTier = this.tier.options;
    this.recorded = new RunSoFar({
      now: this.hashClock,
      interval,
      tell: (instructions, hash) => post({ kind: 'state', instructions, hash }),
    });
    return SiteMachine.create({
      ...kind,
      pace: 'real',
      ports: this.ports,
      source: modules,
      recorder: this.recorded.recorder,
      ...(compiledTier !== undefined && { compiledTier }),
      ...(replay !== undefined && this.replaying(replay)),
    });
  }

  /** The inputs of a machine that makes a recorded run again. */
  private replaying(items: readonly RecordedItem[]): Pick<SiteMachineOptions, 'inputs' | 'attention'> {
    const attention = new Int32Array(1);
    const inputs = (pc: Pc): ReplayThenLive => {
      const replayed = new ReplayedInputs(pc, items, attention);
      return (this.replay = new ReplayThenLive(replayed, new LiveInputs(pc, this.ports, 'real')));
    };
    return { attention, inputs };
  }

  /** A recorded call of the driver. One that failed fails again, and the run goes on. */
  private async performDue(machine: SiteMachine): Promise<void> {
    const { method, params } = machine.session.dueCall!;
    await machine.perform(method, params).catch((error: Error) => {
      for (const letter of `${method}: ${error.message}\n`) this.ports.vmm.push(letter.charCodeAt(0));
    });
  }

  private tellReplayed(machine: SiteMachine): void {
    const difference = this.replay?.difference;
    const hash = machine.pc.stateHash();
    this.ports.sendAll();
    this.surroundings.post({ kind: 'replayed', hash, ...(difference !== undefined && { difference }) });
  }

  private async file(address: string): Promise<BootFile> {
    return { name: nameOf(address), bytes: await this.surroundings.fetch(address) };
  }

  /** The machine, to look at. */
  private get present(): SiteMachine {
    if (this.machine === undefined) throw new Error('there is no machine yet: boot one first');
    return this.machine;
  }

  /** The machine, to act on. */
  private get running(): SiteMachine {
    const machine = this.present;
    if (this.hasEnded) throw new Error('the guest has ended: boot another one');
    return machine;
  }

  private tellEnd(machine: SiteMachine): void {
    const { session } = machine;
    this.hasEnded = true;
    const { kind, detail } = session.guestEnd!;
    this.ports.sendAll();
    this.tellStatus(true);
    if (this.replay?.endsHere() !== undefined) this.tellReplayed(machine);
    this.surroundings.post({ kind: 'ended', outcome: kind, detail });
  }

  private tellStatus(isWanted = false): void {
    const now = this.surroundings.now();
    if (this.machine === undefined || (!isWanted && now - this.lastStatus < STATUS_INTERVAL)) return;
    this.lastStatus = now;
    this.surroundings.post({ kind: 'status', status: this.machine.status });
  }
}
