// SPDX-License-Identifier: LGPL-2.1-only
import { EventQueue } from '../../../src/machine/devices/event_queue.js';
import type { InterruptLine } from '../../../src/machine/devices/interrupts/interrupt_lines.js';
import { IoBus } from '../../../src/machine/devices/io_bus.js';
import type { SystemControl } from '../../../src/machine/devices/system_control.js';

/** A bus, a clock that a test moves by hand, wires that remember their level, and a machine that only records events. */
export class FakePlatform implements SystemControl {
  time = 0;
  readonly log: string[] = [];
  readonly bus = new IoBus();
  readonly events = new EventQueue({ now: () => this.time });

  /** A wire that remembers its level and counts rising edges. */
  line(): InterruptLine & { level: boolean; edges: number } {
    const line = {
      level: false,
      edges: 0,
      set(level: boolean) {
        if (level && !line.level) line.edges++;
        line.level = level;
      },
    };
    return line;
  }

  /** Lets virtual time pass, firing each timer at its own moment. */
  advance(nanoseconds: number): void {
    const end = this.time + nanoseconds;
    while (this.events.next() <= end) {
      this.time = Math.max(this.time, this.events.next());
      this.events.runDue();
    }
    this.time = end;
  }

  out(port: number, value: number): void {
    this.bus.writePort(port, 1, value);
  }

  in(port: number): number {
    return this.bus.readPort(port, 1);
  }

  powerOff(how: string): void {
    this.log.push(`power off: ${how}`);
  }

  reset(how: string): void {
    this.log.push(`reset: ${how}`);
  }

  debugExit(value: number): void {
    this.log.push(`debug exit: ${value}`);
  }

  setA20(enabled: boolean): void {
    this.log.push(`a20: ${enabled}`);
  }
}
