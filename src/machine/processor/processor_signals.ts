// SPDX-License-Identifier: LGPL-2.1-only
import type { ProcessorSignals } from '../devices/interrupts/local_apic.js';

/** The pins of a processor core. */
export interface ProcessorPins {
  setInterruptPending(pending: boolean): void;
  nmi(): void;
  init(): void;
  startUp(page: number): void;
}

/**
 * The wires from a local APIC to its processor.
 * @param wake called after any signal that may wake a halted processor.
 */
export function processorSignals(pins: ProcessorPins, wake: () => void): ProcessorSignals {
  return {
    interruptPending: (pending) => {
      pins.setInterruptPending(pending);
      if (pending) wake();
    },
    nmi: () => {
      pins.nmi();
      wake();
    },
    init: () => {
      pins.init();
      wake();
    },
    startUp: (vector) => {
      pins.startUp(vector);
      wake();
    },
  };
}
