// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';

/** The port that a handler of IRQ 13 writes to acknowledge the error. */
const CLEAR_PORT = 0xf0;

interface NumericErrorState {
  /** FERR# of the processor. */
  error: boolean;
  /** The latch behind it, which drives IRQ 13 until port F0h is written. */
  interrupt: boolean;
  /** IGNNE#: the processor ignores the error while its handler runs. */
  ignored: boolean;
}

/**
 * The PC's path of x87 errors for software that leaves CR0.NE 0. FERR# sets a latch that drives IRQ 13. A write to port F0h clears the latch and
 * asserts IGNNE# for as long as FERR# is asserted. SDM Volume 1 "Guidelines for Writing x87 FPU Exception Handlers".
 */
export class NumericError extends StatefulDevice<NumericErrorState> {
  readonly name = 'numeric_error';

  constructor(
    bus: IoBus,
    private readonly line: InterruptLine,
  ) {
    super();
    claimRegisters(bus, this.registers());
  }

  protected initialState(): NumericErrorState {
    return { error: false, interrupt: false, ignored: false };
  }

  /** The level of the processor's FERR#. @returns the level of IGNNE#. */
  setError(asserted: boolean): boolean {
    const { state } = this;
    if (asserted && !state.error) {
      state.interrupt = true;
      this.line.set(true);
    }
    state.error = asserted;
    if (!asserted) state.ignored = false;
    return state.ignored;
  }

  private registers(): PortRegister[] {
    return [{ port: CLEAR_PORT, write: () => this.acknowledge() }];
  }

  private acknowledge(): void {
    const { state } = this;
    state.interrupt = false;
    this.line.set(false);
    state.ignored = state.error;
  }
}
