// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { AccessSize } from './device.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus, PortHandler } from './io_bus.js';
import type { SystemControl } from './system_control.js';

interface KeyboardControllerState {
  commandByte: number;
  outputPort: number;
  /** Bytes that the program has yet to read, the next one first. */
  output: number[];
  /** The command that waits for its data byte, 0 if none. */
  command: number;
  /** The keyboard's own command that waits for its argument, 0 if none. */
  keyboardCommand: number;
}

const STATUS_OUTPUT_FULL = 1;
const STATUS_SYSTEM = 4;
const STATUS_COMMAND = 8;
const STATUS_UNLOCKED = 0x10;
const COMMAND_INTERRUPT = 1;
const ACKNOWLEDGE = 0xfa;
const SELF_TEST_PASSED = 0xaa;
const OUTPUT_A20 = 2;
const AUXILIARY_CLOCK_STUCK = 1;

/** The 8042 keyboard controller at ports 60h and 64h with a keyboard on which nobody types. The controller also resets the machine and gates A20. */
export class KeyboardController extends StatefulDevice<KeyboardControllerState> implements PortHandler {
  readonly name = 'keyboard_controller';

  constructor(
    bus: IoBus,
    private readonly interrupt: InterruptLine,
    private readonly system: SystemControl,
  ) {
    super();
    bus.claimPorts(0x60, 1, this);
    bus.claimPorts(0x64, 1, this);
  }

  protected initialState(): KeyboardControllerState {
    return { commandByte: 0x65, outputPort: 0xcf, output: [], command: 0, keyboardCommand: 0 };
  }

  readPort(port: number): number {
    if (port === 0x64) {
      const full = this.state.output.length > 0 ? STATUS_OUTPUT_FULL : 0;
      return full | STATUS_SYSTEM | STATUS_UNLOCKED | (this.state.command !== 0 ? STATUS_COMMAND : 0);
    }
    const byte = this.state.output.shift() ?? 0;
    // The next byte makes a new edge.
    this.interrupt.set(false);
    this.updateInterrupt();
    return byte;
  }

  writePort(port: number, _size: AccessSize, value: number): void {
    if (port === 0x64) this.controllerCommand(value);
    else if (this.state.command !== 0) this.controllerData(value);
    else this.keyboardByte(value);
    this.updateInterrupt();
  }

  private answer(...bytes: number[]): void {
    this.state.output.push(...bytes);
  }

  private controllerCommand(value: number): void {
    this.state.command = 0;
    switch (value) {
      case 0x20:
        return this.answer(this.state.commandByte);
      case 0x60:
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        this.state.command = value;
        return;
      case 0xa7:
        this.state.commandByte |= 0x20;
        return;
      case 0xa8:
        this.state.commandByte &= ~0x20;
        return;
      case 0xa9:
        // There is no second port: its clock line counts as stuck.
        return this.answer(AUXILIARY_CLOCK_STUCK);
      case 0xab:
        return this.answer(0);
      case 0xaa:
        return this.answer(0x55);
      case 0xad:
        this.state.commandByte |= 0x10;
        return;
      case 0xae:
        this.state.commandByte &= ~0x10;
        return;
      case 0xd0:
        return this.answer(this.state.outputPort);
      case 0xdd:
      case 0xdf:
        return this.writeOutputPort(
          value === 0xdf ? this.state.outputPort | OUTPUT_A20 : this.state.outputPort & ~OUTPUT_A20,
        );
      default:
        // F0h … FFh pulse output lines; bit 0 low pulses the reset line.
        if (value >= 0xf0 && !(value & 1)) this.system.reset('keyboard controller, port 0x64');
    }
  }

  private controllerData(value: number): void {
    const command = this.state.command;
    this.state.command = 0;
    if (command === 0x60) this.state.commandByte = value;
    else if (command === 0xd1) this.writeOutputPort(value);
    // Without a second port D3h is D2h: the byte comes back as the keyboard's own. Drivers see at once that there is no mouse.
    else if (command === 0xd2 || command === 0xd3) this.answer(value);
    // D4h writes to the mouse. There is none, so no answer comes.
  }

  private writeOutputPort(value: number): void {
    this.state.outputPort = value;
    this.system.setA20((value & OUTPUT_A20) !== 0);
    if (!(value & 1)) this.system.reset('keyboard controller output port');
  }

  private keyboardByte(value: number): void {
    if (this.state.keyboardCommand !== 0) {
      this.state.keyboardCommand = 0;
      return this.answer(ACKNOWLEDGE);
    }
    switch (value) {
      case 0xed:
      case 0xf0:
      case 0xf3:
        this.state.keyboardCommand = value;
        return this.answer(ACKNOWLEDGE);
      case 0xee:
        return this.answer(0xee);
      case 0xf2:
        return this.answer(ACKNOWLEDGE, 0xab, 0x83);
      case 0xff:
        return this.answer(ACKNOWLEDGE, SELF_TEST_PASSED);
      default:
        this.answer(ACKNOWLEDGE);
    }
  }

  private updateInterrupt(): void {
    this.interrupt.set(this.state.output.length > 0 && (this.state.commandByte & COMMAND_INTERRUPT) !== 0);
  }
}
