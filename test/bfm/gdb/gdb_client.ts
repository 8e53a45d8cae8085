// SPDX-License-Identifier: LGPL-2.1-only
import { Debugger } from '../../../src/session/debug/debugger.js';
import type { DebuggedMachine } from '../../../src/bfm/gdb/debugged_machine.js';
import { GdbInbox } from '../../../src/bfm/gdb/gdb_inbox.js';
import { GdbSession, type DebuggedEnd } from '../../../src/bfm/gdb/gdb_session.js';
import { framed, PacketReader } from '../../../src/bfm/gdb/packet_framing.js';
import type { SymbolFile } from '../../../src/machine/symbols/symbol_file.js';
import { MachineSession } from '../../../src/session/machine_session.js';
import { ReusedMemory } from '../../support/reused_memory.js';
import { coreModule } from '../../support/test_core.js';
import { World } from '../../session/random_run.js';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const memory = new ReusedMemory();

/** A machine that just booted a flat image. */
export async function sessionOf(
  image: Uint8Array,
  processors = 1,
  symbols: readonly SymbolFile[] = [],
): Promise<MachineSession> {
  const options = { memoryBytes: 16 << 20, processors, pace: 'fast', symbols, ...memory.option } as const;
  const session = await MachineSession.create(
    { coreModule: await coreModule(), ...options },
    Object.assign(new World(), { wantsAttention: () => false, isInputOpen: () => false }),
  );
  memory.keep(session.pc);
  session.boot({ kernel: { name: 'guest', bytes: image }, modules: [], append: '' });
  return session;
}

/** A client of the stub, in the same process. */
export class GdbClient {
  /** Whether the machine was held, each time that this changed. */
  readonly held: boolean[] = [];
  readonly done: Promise<DebuggedEnd>;
  /** Text that the stub showed in GDB's console. */
  console = '';
  /** All that came, as it came. */
  raw = '';
  private readonly inbox: GdbInbox;
  private readonly reader = new PacketReader();
  private readonly replies: string[] = [];
  private wake: () => void = () => {};

  constructor(
    readonly session: MachineSession,
    { waits = true, ...more }: Partial<DebuggedMachine> & { readonly waits?: boolean } = {},
  ) {
    this.inbox = new GdbInbox((text) => this.receive(text));
    const advance = (until: number) => Promise.resolve(session.slice(until));
    const debug = new Debugger({ session, advance }, () => this.inbox.interrupts());
    const machine: DebuggedMachine = {
      session,
      debug,
      handlers: () => [],
      canChange: true,
      evaluate: () => Promise.resolve(undefined),
      ending: () => session.end?.detail ?? 'the run has ended',
      holds: (isHeld) => void this.held.push(isHeld),
      ...more,
    };
    this.done = new GdbSession(machine, this.inbox, waits).run();
  }

  attach(isPrivate = true): this {
    this.inbox.push({ kind: 'opened', isPrivate });
    return this;
  }

  hangUp(): void {
    this.inbox.push({ kind: 'closed' });
  }

  endRun(): void {
    this.inbox.push({ kind: 'stop' });
  }

  /** Sends bytes as they are. */
  send(text: string): void {
    this.inbox.push({ kind: 'bytes', bytes: bytesOf(text) });
  }

  /** Sends a packet. @returns the answer */
  async ask(packet: string): Promise<string> {
    this.send(framed(packet));
    return this.reply();
  }

  /** The next answer. */
  async reply(): Promise<string> {
    while (this.replies.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.replies.shift()!;
  }

  private receive(text: string): void {
    this.raw += text;
    for (const received of this.reader.push(bytesOf(text))) {
      if (received.kind !== 'packet') continue;
      if (received.data.startsWith('O') && received.data !== 'OK')
        this.console += Buffer.from(received.data.slice(1), 'hex').toString();
      else this.replies.push(received.data);
    }
    this.wake();
  }
}
