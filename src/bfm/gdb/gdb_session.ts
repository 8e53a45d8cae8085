// SPDX-License-Identifier: LGPL-2.1-only
import { SliceEnd } from '../../session/session_ports.js';
import type { DebuggedMachine } from './debugged_machine.js';
import { GdbStub } from './gdb_stub.js';
import { textToHex } from './hex_bytes.js';
import { framed, PacketReader } from './packet_framing.js';
import type { GdbEvent, GdbInbox } from './gdb_inbox.js';

/** How a run under a debugger ended. */
export interface DebuggedEnd {
  /** Why the run's last slice ended; undefined: the client ended the run. */
  readonly end: SliceEnd | undefined;
}

/**
 * A run with a port for GDB, from its first instruction to its end. While no client is attached, the machine runs as without a debugger. A client that
 * attaches stops it; one that goes away lets it go on.
 */
export class GdbSession {
  private stub: GdbStub | undefined;
  private reader = new PacketReader();
  /** The last packet, for a client that did not understand it. */
  private lastSent = '';

  /** @param waits whether the machine waits for a client before its first instruction */
  constructor(
    private readonly machine: DebuggedMachine,
    private readonly inbox: GdbInbox,
    private readonly waits: boolean,
  ) {}

  /** Runs to the end. */
  async run(): Promise<DebuggedEnd> {
    let finished = this.waits ? await this.attachedClient() : undefined;
    while (finished === undefined) finished = this.stub === undefined ? await this.runFree() : await this.serve();
    return finished;
  }

  /** Nothing runs until a client comes. */
  private async attachedClient(): Promise<DebuggedEnd | undefined> {
    this.machine.holds(true);
    while (this.stub === undefined) {
      const event = await this.inbox.next();
      if (event.kind === 'stop') return { end: SliceEnd.Attention };
      this.takeEvent(event);
    }
    return undefined;
  }

  private async runFree(): Promise<DebuggedEnd | undefined> {
    const { machine, inbox } = this;
    machine.debug.detach();
    machine.holds(false);
    const stopped = await machine.debug.resume();
    machine.holds(true);
    if (stopped.kind === 'end') return { end: stopped.end };
    // What a client sends behind its arrival is for its stub.
    while (inbox.hasEvent && this.stub === undefined) {
      const event = await inbox.next();
      if (event.kind === 'stop') return { end: SliceEnd.Attention };
      this.takeEvent(event);
    }
    return undefined;
  }

  /** Answers one piece of what the client sends. */
  private async serve(): Promise<DebuggedEnd | undefined> {
    const event = await this.inbox.next();
    this.takeEvent(event);
    if (event.kind === 'stop') return { end: SliceEnd.Attention };
    if (event.kind !== 'bytes') return undefined;
    const all = this.reader.push(event.bytes);
    for (const [i, received] of all.entries()) {
      const { stub } = this;
      if (stub === undefined) return undefined;
      if (received.kind === 'again') this.inbox.send(this.lastSent);
      if (received.kind === 'damaged' && !stub.hasNoAcks) this.inbox.send('-');
      if (received.kind !== 'packet') continue;
      if (!stub.hasNoAcks) this.inbox.send('+');
      // A Ctrl-C before the packet has no effect. One behind it may be here already, and is for the run that the packet begins.
      this.inbox.isInterrupted = this.inbox.holdsInterrupt || all.slice(i).some(({ kind }) => kind === 'interrupt');
      const answer = await stub.answer(received.data);
      if (answer !== undefined) this.send(answer);
      if (stub.isKilled) return { end: undefined };
      if (stub.isOver) return { end: stub.end };
      if (stub.isDetached) this.stub = undefined;
    }
    return undefined;
  }

  private send(data: string): void {
    this.lastSent = framed(data);
    this.inbox.send(this.lastSent);
  }

  private takeEvent(event: GdbEvent): void {
    if (event.kind === 'opened') {
      const { isPrivate } = event;
      this.reader = new PacketReader();
      this.stub = new GdbStub(this.machine, { print: (text) => this.send(`O${textToHex(text)}`) }, isPrivate);
    } else if (event.kind === 'closed') {
      this.stub = undefined;
    }
  }
}
