// SPDX-License-Identifier: LGPL-2.1-only

/** One interrupt request wire. A device sets its level. The controllers behind it decide what the level means. */
export interface InterruptLine {
  set(level: boolean): void;
}

/** A controller that has numbered inputs. */
export interface InterruptController {
  setInput(input: number, level: boolean): void;
}

/** The ISA timer's wire reaches the IOAPIC at input 2, since input 0 belongs to the PIC's own output. MADT and MP table say so. */
const TIMER_INPUT = 2;

const ISA_LINES = 16;

/** The interrupt wires. The 16 ISA wires go to the PIC pair and to the IOAPIC. Wires above 15 go only to the IOAPIC. */
export class InterruptLines implements InterruptController {
  constructor(
    private readonly pic: InterruptController,
    private readonly ioApic: InterruptController,
  ) {}

  /** The wire of ISA interrupt `irq`. */
  line(irq: number): InterruptLine {
    return { set: (level) => this.set(irq, level) };
  }

  setInput(input: number, level: boolean): void {
    this.set(input, level);
  }

  private set(irq: number, level: boolean): void {
    if (irq < ISA_LINES) this.pic.setInput(irq, level);
    this.ioApic.setInput(irq === 0 ? TIMER_INPUT : irq, level);
  }
}
