// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from '../device.js';
import type { InterruptController } from './interrupt_lines.js';
import type { IoBus } from '../io_bus.js';
import { claimRegisters, type PortRegister } from '../port_registers.js';

interface Chip {
  /** Interrupt request, in-service and mask registers. */
  irr: number;
  isr: number;
  imr: number;
  /** Levels of the inputs, and which inputs are level-triggered (ELCR). */
  inputs: number;
  elcr: number;
  vectorBase: number;
  /** The next initialization word that port 1 expects: 0 none, else 2, 3 or 4. */
  expects: number;
  needsIcw4: boolean;
  single: boolean;
  autoEoi: boolean;
  rotateOnAutoEoi: boolean;
  specialMask: boolean;
  specialFullyNested: boolean;
  readIsr: boolean;
  poll: boolean;
  /** The input of the lowest priority; the next one has the highest. */
  lowest: number;
}

/** A chip as a PC's firmware leaves it: initialized, with its vectors and mask. */
function newChip(vectorBase: number, imr: number): Chip {
  return {
    irr: 0,
    isr: 0,
    imr,
    inputs: 0,
    elcr: 0,
    vectorBase,
    expects: 0,
    needsIcw4: false,
    single: false,
    autoEoi: false,
    rotateOnAutoEoi: false,
    specialMask: false,
    specialFullyNested: false,
    readIsr: false,
    poll: false,
    lowest: 7,
  };
}

/** The two chips, and their first ports. */
const CHIPS = [0, 1] as const;
const COMMAND_PORTS = [0x20, 0xa0] as const;
/** The edge/level register of the first chip; that of the second follows. */
const TRIGGER_PORT = 0x4d0;
/** The inputs that may be level-triggered. Timer, keyboard, cascade, RTC and coprocessor are always edge-triggered. */
const LEVEL_CAPABLE = [0xf8, 0xde] as const;
const CASCADE_INPUT = 2;
/** Where the firmware of a PC puts interrupts 0–7 and 8–15. */
const FIRMWARE_VECTORS = [0x08, 0x70] as const;
const SPURIOUS = 7;

/** The pair of Intel 8259A interrupt controllers at ports 20h, A0h and the edge/level registers at 4D0h. Intel 8259A data sheet. */
export class Pic extends StatefulDevice<{ chips: [Chip, Chip] }> implements InterruptController {
  readonly name = 'pic';

  /** @param output called whenever the INTR output may have changed. */
  constructor(
    bus: IoBus,
    private readonly output: (level: boolean) => void,
  ) {
    super();
    for (const which of CHIPS) claimRegisters(bus, this.registers(which));
  }

  protected initialState(): { chips: [Chip, Chip] } {
    return { chips: [newChip(FIRMWARE_VECTORS[0], 0xfb), newChip(FIRMWARE_VECTORS[1], 0)] };
  }

  protected override stateChanged(): void {
    this.update();
  }

  setInput(input: number, level: boolean): void {
    const chip = this.state.chips[input >> 3]!;
    this.setChipInput(chip, input & 7, level);
    this.update();
  }

  /** The processor's interrupt acknowledge cycle. @returns the vector; that of input 7 if no request is left (spurious). */
  acknowledge(): number {
    const [master, slave] = this.state.chips;
    const input = this.highestRequest(master, true);
    let vector: number;
    if (input === undefined) {
      vector = master.vectorBase + SPURIOUS;
    } else {
      this.accept(master, input);
      vector = master.vectorBase + input;
      if (input === CASCADE_INPUT && !master.single) {
        const second = this.highestRequest(slave, false);
        if (second !== undefined) this.accept(slave, second);
        vector = slave.vectorBase + (second ?? SPURIOUS);
      }
    }
    this.update();
    return vector;
  }

  private registers(which: 0 | 1): PortRegister[] {
    const chip = (): Chip => this.state.chips[which];
    return [
      {
        port: COMMAND_PORTS[which],
        read: () => this.readCommand(chip()),
        write: (value) => this.writeCommand(chip(), value),
      },
      { port: COMMAND_PORTS[which] + 1, read: () => chip().imr, write: (value) => this.writeData(chip(), value) },
      {
        port: TRIGGER_PORT + which,
        read: () => chip().elcr,
        write: (value) => void (chip().elcr = value & LEVEL_CAPABLE[which]),
      },
    ];
  }

  private readCommand(chip: Chip): number {
    if (chip.poll) return this.pollRead(chip);
    return chip.readIsr ? chip.isr : chip.irr;
  }

  private writeCommand(chip: Chip, value: number): void {
    if (value & 0x10) this.writeIcw1(chip, value);
    else if (value & 0x08) this.writeOcw3(chip, value);
    else this.writeOcw2(chip, value);
    this.update();
  }

  private setChipInput(chip: Chip, input: number, level: boolean): void {
    const bit = 1 << input;
    const wasHigh = (chip.inputs & bit) !== 0;
    chip.inputs = level ? chip.inputs | bit : chip.inputs & ~bit;
    if (chip.elcr & bit) chip.irr = level ? chip.irr | bit : chip.irr & ~bit;
    else if (level && !wasHigh) chip.irr |= bit;
    // The real chip forgets a request that is withdrawn before its acknowledge cycle. Every virtual machine keeps it, and programs rely on that.
  }

  private priority(chip: Chip, input: number): number {
    return (input - chip.lowest - 1) & 7;
  }

  private highest(chip: Chip, bits: number): number | undefined {
    for (let i = 1; i <= 8; i++) {
      const input = (chip.lowest + i) & 7;
      if (bits & (1 << input)) return input;
    }
    return undefined;
  }

  private highestRequest(chip: Chip, isMaster: boolean): number | undefined {
    const input = this.highest(chip, chip.irr & ~chip.imr);
    if (input === undefined) return undefined;
    let inService = chip.isr;
    if (chip.specialMask) inService &= ~chip.imr;
    if (isMaster && chip.specialFullyNested) inService &= ~(1 << CASCADE_INPUT);
    const current = this.highest(chip, inService);
    return current === undefined || this.priority(chip, input) < this.priority(chip, current) ? input : undefined;
  }

  private accept(chip: Chip, input: number): void {
    const bit = 1 << input;
    if (!(chip.elcr & bit)) chip.irr &= ~bit;
    if (!chip.autoEoi) chip.isr |= bit;
    else if (chip.rotateOnAutoEoi) chip.lowest = input;
  }

  private pollRead(chip: Chip): number {
    chip.poll = false;
    const input = this.highestRequest(chip, chip === this.state.chips[0]);
    if (input === undefined) return 0;
    this.accept(chip, input);
    this.update();
    return 0x80 | input;
  }

  private update(): void {
    const [master, slave] = this.state.chips;
    const slaveOutput = this.highestRequest(slave, false) !== undefined;
    const bit = 1 << CASCADE_INPUT;
    master.irr = slaveOutput ? master.irr | bit : master.irr & ~bit;
    this.output(this.highestRequest(master, true) !== undefined);
  }

  private writeIcw1(chip: Chip, value: number): void {
    chip.imr = 0;
    chip.isr = 0;
    chip.irr = chip.irr & chip.elcr;
    chip.lowest = 7;
    chip.specialMask = false;
    chip.specialFullyNested = false;
    chip.autoEoi = false;
    chip.rotateOnAutoEoi = false;
    chip.readIsr = false;
    chip.poll = false;
    chip.needsIcw4 = (value & 1) !== 0;
    chip.single = (value & 2) !== 0;
    chip.expects = 2;
  }

  private writeData(chip: Chip, value: number): void {
    switch (chip.expects) {
      case 2:
        chip.vectorBase = value & 0xf8;
        chip.expects = chip.single ? (chip.needsIcw4 ? 4 : 0) : 3;
        break;
      case 3:
        chip.expects = chip.needsIcw4 ? 4 : 0;
        break;
      case 4:
        chip.autoEoi = (value & 2) !== 0;
        chip.specialFullyNested = (value & 0x10) !== 0;
        chip.expects = 0;
        break;
      default:
        chip.imr = value;
    }
    this.update();
  }

  private writeOcw3(chip: Chip, value: number): void {
    if (value & 4) chip.poll = true;
    if (value & 2) chip.readIsr = (value & 1) !== 0;
    if (value & 0x40) chip.specialMask = (value & 0x20) !== 0;
  }

  private writeOcw2(chip: Chip, value: number): void {
    const command = value >> 5;
    const specific = (command & 2) !== 0;
    const rotate = (command & 4) !== 0;
    if (command === 0 || command === 4) {
      chip.rotateOnAutoEoi = rotate;
      return;
    }
    if (command === 2) return;
    if (command === 6) {
      chip.lowest = value & 7;
      return;
    }
    const input = specific ? value & 7 : this.highest(chip, chip.specialMask ? chip.isr & ~chip.imr : chip.isr);
    if (input === undefined) return;
    chip.isr &= ~(1 << input);
    if (rotate) chip.lowest = input;
  }
}
