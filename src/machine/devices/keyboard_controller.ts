// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from './device.js';
import type { InterruptLine } from './interrupts/interrupt_lines.js';
import type { IoBus } from './io_bus.js';
import { claimRegisters, type PortRegister } from './port_registers.js';
import type { SystemControl } from './system_control.js';

interface KeyboardControllerState {
  commandByte: number;
  outputPort: number;
  /** Bytes that the program has yet to read, the next one first; at most OUTPUT_BYTES. */
  output: number[];
  /** The command that waits for its data byte, 0 if none. */
  command: number;
  /** The keyboard's own command that waits for its argument, 0 if none. */
  keyboardCommand: number;
}

const DATA_PORT = 0x60;
const COMMAND_PORT = 0x64;

const STATUS_OUTPUT_FULL = 1;
const STATUS_SYSTEM = 4;
const STATUS_COMMAND = 8;
const STATUS_UNLOCKED = 0x10;
const COMMAND_INTERRUPT = 1;
const COMMAND_KEYBOARD_OFF = 0x10;
const COMMAND_AUXILIARY_OFF = 0x20;
const OUTPUT_NOT_RESET = 1;
const OUTPUT_A20 = 2;
/** Commands from here on pulse the lines of the output port whose bits are 0. */
const PULSE_OUTPUT = 0xf0;
/** What a keyboard keeps for a program that does not read; it loses the rest. */
const OUTPUT_BYTES = 16;
const CONTROLLER_TEST_PASSED = 0x55;
const AUXILIARY_CLOCK_STUCK = 1;
const ACKNOWLEDGE = 0xfa;
const KEYBOARD_TEST_PASSED = 0xaa;

/** The keyboard's commands that an argument follows. */
const withArgument: ReadonlySet<number> = new Set([0xed, 0xf0, 0xf3]);
/** What the keyboard answers to its commands; to all others it answers ACKNOWLEDGE. */
const answers: Readonly<Record<number, readonly number[]>> = {
  0xee: [0xee],
  0xf2: [ACKNOWLEDGE, 0xab, 0x83],
  0xff: [ACKNOWLEDGE, KEYBOARD_TEST_PASSED],
};

/** The 8042 keyboard controller at ports 60h and 64h with a keyboard on which nobody types. The controller also resets the machine and gates A20. */
export class KeyboardController extends StatefulDevice<KeyboardControllerState> {
  readonly name = 'keyboard_controller';
  private readonly controllerCommands = this.commands();
  private readonly controllerData = this.dataOfCommands();

  constructor(
    bus: IoBus,
    private readonly interrupt: InterruptLine,
    private readonly system: SystemControl,
  ) {
    super();
    claimRegisters(bus, this.registers());
  }

  protected initialState(): KeyboardControllerState {
    return { commandByte: 0x65, outputPort: 0xcf, output: [], command: 0, keyboardCommand: 0 };
  }

  private registers(): PortRegister[] {
    return [
      { port: DATA_PORT, read: () => this.readData(), write: (value) => this.writeData(value) },
      { port: COMMAND_PORT, read: () => this.status(), write: (value) => this.writeCommand(value) },
    ];
  }

  /** What the controller does on a command without a data byte. */
  private commands(): ReadonlyMap<number, () => void> {
    return new Map<number, () => void>([
      [0x20, () => this.answer(this.state.commandByte)],
      [0xa7, () => this.setCommandBit(COMMAND_AUXILIARY_OFF, true)],
      [0xa8, () => this.setCommandBit(COMMAND_AUXILIARY_OFF, false)],
      // There is no second port: its clock line counts as stuck.
      [0xa9, () => this.answer(AUXILIARY_CLOCK_STUCK)],
      [0xaa, () => this.answer(CONTROLLER_TEST_PASSED)],
      [0xab, () => this.answer(0)],
      [0xad, () => this.setCommandBit(COMMAND_KEYBOARD_OFF, true)],
      [0xae, () => this.setCommandBit(COMMAND_KEYBOARD_OFF, false)],
      [0xd0, () => this.answer(this.state.outputPort)],
      [0xdd, () => this.writeOutputPort(this.state.outputPort & ~OUTPUT_A20)],
      [0xdf, () => this.writeOutputPort(this.state.outputPort | OUTPUT_A20)],
    ]);
  }

  /** What the controller does with the data byte of a command that has one. */
  private dataOfCommands(): ReadonlyMap<number, (value: number) => void> {
    return new Map<number, (value: number) => void>([
      [0x60, (value) => void (this.state.commandByte = value)],
      [0xd1, (value) => this.writeOutputPort(value)],
      [0xd2, (value) => this.answer(value)],
      // Without a second port this is D2h: the byte comes back as the keyboard's own. Drivers see at once that there is no mouse.
      [0xd3, (value) => this.answer(value)],
      // A write to the mouse. There is none, so no answer comes.
      [0xd4, () => {}],
    ]);
  }

  private readData(): number {
    const byte = this.state.output.shift() ?? 0;
    // The next byte makes a new edge.
    this.interrupt.set(false);
    this.updateInterrupt();
    return byte;
  }

  private writeData(value: number): void {
    const { command } = this.state;
    this.state.command = 0;
    if (command !== 0) this.controllerData.get(command)?.(value);
    else this.keyboardByte(value);
    this.updateInterrupt();
  }

  private status(): number {
    const full = this.state.output.length > 0 ? STATUS_OUTPUT_FULL : 0;
    return full | STATUS_SYSTEM | STATUS_UNLOCKED | (this.state.command !== 0 ? STATUS_COMMAND : 0);
  }

  private writeCommand(value: number): void {
    this.state.command = this.controllerData.has(value) ? value : 0;
    this.controllerCommands.get(value)?.();
    if (value >= PULSE_OUTPUT && !(value & OUTPUT_NOT_RESET)) this.system.reset('keyboard controller, port 0x64');
    this.updateInterrupt();
  }

  private answer(...bytes: readonly number[]): void {
    const { output } = this.state;
    output.push(...bytes.slice(0, OUTPUT_BYTES - output.length));
  }

  private setCommandBit(bit: number, isSet: boolean): void {
    this.state.commandByte = isSet ? this.state.commandByte | bit : this.state.commandByte & ~bit;
  }

  private writeOutputPort(value: number): void {
    this.state.outputPort = value;
    this.system.setA20((value & OUTPUT_A20) !== 0);
    if (!(value & OUTPUT_NOT_RESET)) this.system.reset('keyboard controller output port');
  }

  private keyboardByte(value: number): void {
    const { keyboardCommand } = this.state;
    this.state.keyboardCommand = keyboardCommand === 0 && withArgument.has(value) ? value : 0;
    const bytes = keyboardCommand === 0 ? answers[value] : undefined;
    this.answer(...(bytes ?? [ACKNOWLEDGE]));
  }

  private updateInterrupt(): void {
    this.interrupt.set(this.state.output.length > 0 && (this.state.commandByte & COMMAND_INTERRUPT) !== 0);
  }
}
