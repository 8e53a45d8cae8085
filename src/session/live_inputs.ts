// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../machine/pc.js';
import type { InputSource } from './input_source.js';
import type { MachineEvent } from './machine_event.js';
import type { SessionPorts } from './session_ports.js';

/** Bytes that may wait at the guest's serial port for a guest that does not read. */
const MOST_WAITING = 4096;

/** An idle time that passes on the wall. Milliseconds of real time. */
interface IdleTime {
  readonly began: number;
  readonly ends: number;
}

/** Events from a session's surroundings: what is typed now. Idle time passes on the wall or at once. */
export class LiveInputs implements InputSource {
  idleMilliseconds = 0;
  private idleTime: IdleTime | undefined;

  constructor(
    private readonly pc: Pc,
    private readonly ports: SessionPorts,
    private readonly pace: 'real' | 'fast',
  ) {}

  get isReady(): boolean {
    return this.ports.hasInput() && this.pc.chipset.com1.waitingBytes < MOST_WAITING;
  }

  next(): MachineEvent | undefined {
    this.idleMilliseconds = 0;
    return this.isReady ? { kind: 'typed', bytes: this.ports.takeInput() } : undefined;
  }

  mayJump(nanoseconds: number): boolean {
    if (this.pace === 'fast' && !(nanoseconds === Infinity && this.ports.isInputOpen())) return true;
    const now = this.ports.now();
    this.idleTime ??= { began: now, ends: now + nanoseconds / 1e6 };
    if (now >= this.idleTime.ends) {
      this.idleTime = undefined;
      return true;
    }
    this.idleMilliseconds = this.idleTime.ends - now;
    return false;
  }

  passIdleTime(): void {
    const { idleTime } = this;
    this.idleTime = undefined;
    if (idleTime === undefined || this.pace === 'fast') return;
    this.pc.passIdleTime(Math.floor((Math.min(this.ports.now(), idleTime.ends) - idleTime.began) * 1e6));
  }
}
