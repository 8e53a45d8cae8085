// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { WantedStops } from '../../machine/debug/debugger_stop.js';
import type { Stopped } from '../../session/debug/debugger.js';
import { SliceEnd } from '../../session/session_ports.js';
import type { DebuggedMachine } from './debugged_machine.js';
import { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import { fromHex, latinBytes, parseHex, textToHex, toHex } from './hex_bytes.js';
import { MonitorCommands } from './monitor_commands.js';
import { FAILED, FAULT, OK, RECORDED, refused, UNKNOWN } from './packet_answers.js';
import { LONGEST_PACKET } from './packet_framing.js';
import { RegisterPackets } from './register_packets.js';
import { endOfRecording, PointType, replyOf, threadOf, type InsertedPoint } from './stop_reply.js';
import { targetDescription } from './target_description.js';

/** Bytes of memory in one answer: two digits each. */
const MOST_BYTES = LONGEST_PACKET / 2;

/** GDB reports an error of the line if it hears nothing for two seconds during a monitor command, and takes text without characters for a sign of life. */
const SIGN_MILLISECONDS = 1000;

/** What the stub does with the session besides answering. */
export interface StubOutput {
  /** Shows text in GDB's console. GDB takes it while the target runs and while a monitor command does. */
  print(text: string): void;
}

/**
 * Answers the packets of GDB's remote serial protocol for one client. The client is not trusted: each packet gets an answer, and a wrong one an error. GDB
 * manual "Packets", "Stop Reply Packets", "General Query Packets".
 */
export class GdbStub {
  /** The client has let the machine go: it runs on without a debugger. */
  isDetached = false;
  /** The client has ended the run. */
  isKilled = false;
  /** Why the run cannot go on. */
  end: SliceEnd | undefined;
  /** The run has ended, and the client knows. */
  isOver = false;
  /** The client needs no acknowledgements any more. */
  hasNoAcks = false;
  private readonly memory: DebuggedMemory;
  private readonly monitor: MonitorCommands;
  private readonly registers: RegisterPackets;
  private points: InsertedPoint[] = [];
  /** Processor of g, m and the like. */
  private processor: number;
  private lastReply: string;

  /** @param isPrivate whether the client can be nobody but the machine's owner */
  constructor(
    private readonly machine: DebuggedMachine,
    private readonly output: StubOutput,
    isPrivate: boolean,
  ) {
    this.memory = new DebuggedMemory(machine.session.pc);
    this.monitor = new MonitorCommands(machine, this.memory, isPrivate);
    this.registers = new RegisterPackets(machine);
    this.processor = machine.debug.processor;
    this.lastReply = replyOf({ kind: 'arrived' }, this.processor, []);
  }

  /** @returns the answer; undefined for a packet that has none */
  async answer(packet: string): Promise<string | undefined> {
    try {
      return await this.dispatch(packet);
    } catch (error) {
      if (!(error instanceof BareflankError)) throw error;
      return FAILED;
    }
  }

  private async dispatch(packet: string): Promise<string | undefined> {
    const rest = packet.slice(1);
    switch (packet[0]) {
      case '?':
        return this.lastReply;
      case 'g':
        return this.registers.readAll(this.processor);
      case 'G':
        return this.registers.writeAll(this.processor, rest);
      case 'p':
        return this.registers.read(this.processor, rest);
      case 'P':
        return this.registers.write(this.processor, rest);
      case 'm':
        return this.readMemory(rest);
      case 'M':
        return this.writeMemory(rest, (data) => fromHex(data));
      case 'X':
        return this.writeMemory(rest, (data) => latinBytes(data));
      case 'H':
        return this.select(rest);
      case 'T':
        return this.processorOf(rest) === undefined ? FAILED : OK;
      case 'Z':
        return this.insert(rest);
      case 'z':
        return this.remove(rest);
      case 'D':
        this.isDetached = true;
        return OK;
      case 'k':
        this.isKilled = true;
        return undefined;
      case 'q':
      case 'Q':
        return this.query(packet);
      case 'v':
        return this.verbose(packet);
      default:
        return this.run(packet);
    }
  }

  // ---- running ------------------------------------------------------------------------------------------------------------------------

  private run(packet: string): Promise<string> | string {
    const { debug } = this.machine;
    switch (packet) {
      case 'c':
        return this.resumed(() => debug.resume());
      case 's':
        return this.resumed(() => debug.step(this.processor));
      case 'bc':
        return debug.canReverse ? this.resumed(() => debug.reverse()) : FAILED;
      case 'bs':
        return debug.canReverse ? this.resumed(() => debug.reverseStep(this.processor)) : FAILED;
      default:
        return UNKNOWN;
    }
  }

  /** vCont: the whole machine runs on its schedule; a step is one of that thread. */
  private continueBy(actions: string): Promise<string> | string {
    const parsed = actions
      .split(';')
      .map((action) => /^([cCsS])(?:[0-9a-fA-F]{2})?(?::(-?[0-9a-fA-F]+))?$/.exec(action));
    if (parsed.some((action) => action === null)) return FAILED;
    const step = parsed.find((action) => action![1]!.toLowerCase() === 's');
    const { debug } = this.machine;
    if (step === undefined) return this.resumed(() => debug.resume());
    const thread = step![2];
    const processor = thread === undefined || thread === '-1' ? this.processor : this.processorOf(thread);
    return processor === undefined ? FAILED : this.resumed(() => debug.step(processor));
  }

  private async resumed(run: () => Promise<Stopped>): Promise<string> {
    const { machine } = this;
    const { debug } = machine;
    if (this.end !== undefined && !debug.canReverse) return this.over();
    debug.stops = this.wantedStops();
    machine.holds(false);
    let stopped: Stopped;
    try {
      stopped = await run();
    } finally {
      machine.holds(true);
    }
    return this.stopped(stopped);
  }

  private stopped(stopped: Stopped): string {
    const { debug } = this.machine;
    this.processor =
      stopped.kind === 'met'
        ? stopped.stop.processor
        : stopped.kind === 'stepped'
          ? stopped.processor
          : debug.processor;
    this.warn();
    for (const line of this.monitor.told(stopped, this.processor)) this.output.print(`${line}\n`);
    this.end = stopped.kind === 'end' ? stopped.end : undefined;
    // A machine that has ended by itself can be looked at. What its owner wants ends the run at once.
    if (this.end === SliceEnd.Attention || (this.end === SliceEnd.TextReached && !debug.canReverse)) return this.over();
    this.lastReply =
      stopped.kind === 'end' && debug.canReverse
        ? endOfRecording(this.processor)
        : replyOf(stopped, this.processor, this.points);
    return this.lastReply;
  }

  /** Once, if a run that was executed again went another way. */
  private warn(): void {
    const warning = this.machine.debug.takeWarning();
    if (warning !== undefined) this.output.print(`warning: what follows may be wrong: ${warning}\n`);
  }

  /** The client was told that the machine has ended; now it runs no further. */
  private over(): string {
    this.isOver = true;
    return 'W00';
  }

  private wantedStops(): WantedStops {
    const { points, memory } = this;
    const access = { [PointType.Write]: 'write', [PointType.Read]: 'read', [PointType.Access]: 'any' } as const;
    return {
      breakpoints: [...new Set(points.filter(({ type }) => type <= PointType.Hardware).map(({ address }) => address))],
      watchpoints: points.flatMap(({ type, address, bytes }) =>
        type === PointType.Write || type === PointType.Read || type === PointType.Access
          ? [
              {
                space: memory.isPhysical ? ('physical' as const) : ('linear' as const),
                address,
                bytes,
                access: access[type],
              },
            ]
          : [],
      ),
      exits: this.monitor.exitStops,
    };
  }

  // ---- breakpoints and watchpoints --------------------------------------------------------------------------------------------------

  private insert(text: string): string {
    const point = parsePoint(text);
    if (point === undefined) return FAILED;
    if (point.type > PointType.Access) return UNKNOWN;
    const points = [...this.points.filter((each) => !isSame(each, point)), point];
    const before = this.points;
    this.points = points;
    try {
      // What the machine cannot take is refused now, not when it runs.
      this.machine.session.pc.stops.set(this.wantedStops());
    } catch (error) {
      this.points = before;
      throw error;
    }
    return OK;
  }

  private remove(text: string): string {
    const point = parsePoint(text);
    if (point === undefined) return FAILED;
    this.points = this.points.filter((each) => !isSame(each, point));
    return OK;
  }

  // ---- memory ---------------------------------------------------------------------------------------------------------------------

  private readMemory(text: string): string {
    const range = parseRange(text);
    if (range === undefined || range.bytes > MOST_BYTES) return FAILED;
    const bytes = this.memory.read(this.processor, range.address, range.bytes);
    return bytes.length === 0 && range.bytes > 0 ? FAULT : toHex(bytes);
  }

  private writeMemory(text: string, decode: (data: string) => Uint8Array | undefined): string {
    const colon = text.indexOf(':');
    const range = parseRange(text.slice(0, Math.max(colon, 0)));
    const bytes = decode(text.slice(colon + 1));
    if (range === undefined || bytes?.length !== range.bytes) return FAILED;
    if (bytes.length === 0) return OK;
    if (!this.machine.canChange) return refused(RECORDED);
    return this.memory.write(this.processor, range.address, bytes) ? OK : FAULT;
  }

  // ---- threads and queries ------------------------------------------------------------------------------------------------------------

  /** @returns undefined for a thread that does not exist */
  private processorOf(thread: string): number | undefined {
    const number = parseHex(thread);
    return number !== undefined && number >= 1n && number <= BigInt(this.machine.session.pc.processors.length)
      ? Number(number) - 1
      : undefined;
  }

  /** Hg and Hc: 0 and -1 mean any thread. */
  private select(text: string): string {
    const thread = text.slice(1);
    if (!/^[gc]/.test(text)) return FAILED;
    if (thread === '-1' || /^0+$/.test(thread)) return OK;
    const processor = this.processorOf(thread);
    if (processor === undefined) return FAILED;
    this.processor = processor;
    return OK;
  }

  private query(packet: string): Promise<string> | string {
    const [name = ''] = /^[A-Za-z]+/.exec(packet) ?? [];
    const rest = packet.slice(name.length + 1);
    switch (name) {
      case 'qSupported':
        return this.features();
      case 'QStartNoAckMode':
        this.hasNoAcks = true;
        return OK;
      case 'qC':
        return `QC${threadOf(this.processor)}`;
      case 'qfThreadInfo':
        return `m${this.machine.session.pc.processors.map(({ id }) => threadOf(id)).join(',')}`;
      case 'qsThreadInfo':
        return 'l';
      case 'qThreadExtraInfo':
        return this.describeThread(rest);
      case 'qAttached':
        return '1';
      case 'qXfer':
        return transferred(rest);
      case 'qRcmd':
        return this.command(rest);
      default:
        return UNKNOWN;
    }
  }

  private features(): string {
    const reverse = this.machine.debug.canReverse ? ';ReverseStep+;ReverseContinue+' : '';
    return `PacketSize=${LONGEST_PACKET.toString(16)};QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+${reverse}`;
  }

  private describeThread(text: string): string {
    const processor = this.processorOf(text);
    return processor === undefined ? FAILED : textToHex(this.monitor.processorName(processor));
  }

  private async command(text: string): Promise<string> {
    const bytes = fromHex(text);
    if (bytes === undefined) return FAILED;
    const { debug } = this.machine;
    this.machine.holds(false);
    const signs = setInterval(() => this.output.print(''), SIGN_MILLISECONDS);
    const lines = await this.monitor.perform(Buffer.from(bytes).toString('utf8'), this.processor).finally(() => {
      clearInterval(signs);
      this.machine.holds(true);
    });
    this.processor = this.monitor.hasMoved ? debug.processor : this.processor;
    this.warn();
    for (const line of lines) this.output.print(`${line}\n`);
    return OK;
  }

  private verbose(packet: string): Promise<string> | string {
    if (packet === 'vCont?') return 'vCont;c;C;s;S';
    if (packet.startsWith('vCont;')) return this.continueBy(packet.slice('vCont;'.length));
    if (packet.startsWith('vKill')) {
      this.isKilled = true;
      return OK;
    }
    return UNKNOWN;
  }
}

/** `addr,length`. */
function parseRange(text: string): { address: bigint; bytes: number } | undefined {
  const [address = '', length = '', ...more] = text.split(',');
  const [from, bytes] = [parseHex(address), parseHex(length)];
  if (from === undefined || bytes === undefined || more.length > 0 || bytes > BigInt(LONGEST_PACKET)) return undefined;
  return { address: from, bytes: Number(bytes) };
}

/** `type,addr,kind`: a breakpoint's kind says how long its instruction would be, and means nothing here. */
function parsePoint(text: string): InsertedPoint | undefined {
  const [type = '', ...rest] = text.split(',');
  const range = parseRange(rest.join(','));
  return /^[0-9]$/.test(type) && range !== undefined ? { type: Number(type), ...range } : undefined;
}

const isSame = (one: InsertedPoint, other: InsertedPoint): boolean =>
  one.type === other.type &&
  one.address === other.address &&
  (one.type <= PointType.Hardware || one.bytes === other.bytes);

/** qXfer:features:read:target.xml:offset,length. */
function transferred(text: string): string {
  const [, offset, length] = /^features:read:target\.xml:([0-9a-fA-F]{1,8}),([0-9a-fA-F]{1,8})$/.exec(text) ?? [];
  if (offset === undefined || length === undefined) return UNKNOWN;
  const [from, count] = [parseInt(offset, 16), Math.min(parseInt(length, 16), LONGEST_PACKET / 2)];
  const piece = targetDescription.slice(from, from + count);
  return `${from + count < targetDescription.length ? 'm' : 'l'}${piece}`;
}
