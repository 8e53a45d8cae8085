// SPDX-License-Identifier: LGPL-2.1-only

/** The pins of a processor, which its local APIC drives. */
export interface ProcessorPins {
  /** The level of the maskable interrupt pin: an interrupt waits for an acknowledge cycle, or no longer does. */
  setInterruptPending(pending: boolean): void;
  nmi(): void;
  init(): void;
  /** @param page the number of the page at which the processor starts: the vector of the start-up IPI. */
  startUp(page: number): void;
}

/**
 * The pins of a processor that may be halted.
 * @param wake called after any signal that may wake it.
 */
export function wakingPins(pins: ProcessorPins, wake: () => void): ProcessorPins {
  return {
    setInterruptPending: (pending) => {
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
    startUp: (page) => {
      pins.startUp(page);
      wake();
    },
  };
}
