// SPDX-License-Identifier: LGPL-2.1-only
import { reportedExit, type ReportedExit } from '../../session/reported_exit.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { exitReasonDefinitions, exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { executionState, linearRip, modeName } from '../../machine/report/execution_state.js';
import { activityName, vmxName } from '../../machine/report/processor_names.js';
import { checkedWalk, staleLines } from '../../machine/report/stale_translations.js';
import { walkedMemory } from '../../machine/report/walked_memory.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import type { DebuggerStop } from '../../machine/debug/debugger_stop.js';
import type { Stopped } from '../../session/debug/debugger.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { exitLines } from '../death/exit_lines.js';
import type { DebuggedMachine } from './debugged_machine.js';
import type { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import { ownName } from '../failures/own_name.js';
import { segmentLines } from './gdb_segments.js';
import { addressOfName, lastWriterOf } from './last_writer.js';
import { parseWhoTarget } from './who_target.js';
import { eptAddress, eptWalkText, walkEpt } from '../../intrinsics/texts/ept_walk.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';

/** Exits that `monitor exits` shows. */
const MOST_EXITS = 32;

/** Fields that point into the guest's code and tables. */
const codeFields: ReadonlySet<number> = new Set([
  VmcsField.GuestRip,
  VmcsField.IoRip,
  VmcsField.GuestIa32SysenterEip,
  VmcsField.GuestIdtrBase,
]);

interface Command {
  /** What is typed behind the name. */
  readonly usage: string;
  readonly what: string;
  readonly run: (argument: string, processor: number) => readonly string[] | Promise<readonly string[]>;
}

const integer = /^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/;

/** A name as people type it, without regard to case, spaces and hyphens. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** What GDB's `monitor` does. Each answers with lines; what it does not understand, too. */
export class MonitorCommands {
  /** Basic reasons of VM exits at which the machine stops. */
  exitStops: readonly number[] = [];
  /** The last command has brought the run to another point. */
  hasMoved = false;
  private readonly commands: Readonly<Record<string, Command>> = {
    help: { usage: '', what: 'this list', run: () => this.help },
    exits: {
      usage: '',
      what: 'the last VM exits of the processor, and what handled them',
      run: (_, processor) => this.exits(processor),
    },
    walk: {
      usage: 'ADDRESS',
      what: 'how the processor translates a linear address, or that of a symbol',
      run: (argument, processor) => this.walk(argument, processor),
    },
    ept: {
      usage: 'ADDRESS',
      what: 'how EPT translates a guest-physical address',
      run: (argument, processor) => this.ept(argument, processor),
    },
    vmcs: {
      usage: '[NAME]',
      what: 'the fields of the current VMCS that are not 0, or those whose name has a text in it',
      run: (argument, processor) => this.vmcs(argument, processor),
    },
    segments: {
      usage: '',
      what: 'selectors, bases, limits and access rights; GDTR and IDTR',
      run: (_, processor) => this.on(processor, ({ core }) => segmentLines(core.block)),
    },
    symbol: {
      usage: 'NAME|ADDRESS',
      what: 'the address of a name of the guest, or the name at a linear address',
      run: (argument) => this.symbol(argument),
    },
    'break-exit': {
      usage: 'REASON|none',
      what: 'stop after each VM exit with this reason, as in "break-exit cpuid"; repeat it for more reasons',
      run: (argument) => this.breakExit(argument),
    },
    goto: {
      usage: 'INSTRUCTION',
      what: 'go to the point at which this number of instructions of all processors has retired; in a recorded run also back',
      run: (argument) => this.goTo(argument),
    },
    physical: {
      usage: 'on|off',
      what: 'addresses of memory and watchpoints are physical, or linear',
      run: (argument) => this.physical(argument),
    },
    who: {
      usage: 'ADDRESS[,BYTES]|NAME[,BYTES]|FIELD|MSR',
      what: 'in a recorded run, the last write before this point: of memory (at a linear address, phys:ADDRESS or a name of the guest), of a VMCS field, or of an MSR',
      run: (argument, processor) => this.who(argument, processor),
    },
    eval: {
      usage: 'EXPRESSION',
      what: 'evaluate TypeScript about the machine, as bfm eval does: vmcs.guestRip, vmm.reports. At a Unix socket only',
      run: (argument) => this.evaluate(argument),
    },
    where: {
      usage: '',
      what: 'instructions and virtual time, and where each processor is',
      run: () => [this.where(), ...this.machine.session.pc.processors.map(({ id }) => this.place(id))],
    },
  };

  /** @param isPrivate whether nobody but the machine's owner can give commands */
  constructor(
    private readonly machine: DebuggedMachine,
    private readonly memory: DebuggedMemory,
    private readonly isPrivate: boolean,
  ) {}

  /** @param line what was typed behind `monitor` */
  async perform(line: string, processor: number): Promise<readonly string[]> {
    const [, name = '', argument = ''] = /^\s*(\S*)\s*([^]*?)\s*$/.exec(line) ?? [];
    this.hasMoved = false;
    const command = Object.hasOwn(this.commands, name) ? this.commands[name] : undefined;
    if (command === undefined) return [`there is no monitor command "${name.slice(0, 40)}"`, ...this.help];
    try {
      return await command.run(argument, processor);
    } catch (error) {
      if (!(error instanceof BareflankError)) throw error;
      return [error.message];
    }
  }

  /** What the client is told of a stop, besides the protocol's answer. @param processor at which it will look */
  told(stopped: Stopped, processor: number): readonly string[] {
    const symbol = this.on(processor, (each) => this.nameOf(linearRip(executionState(each))));
    const lines = this.toldOf(stopped);
    return symbol === undefined || stopped.kind === 'end' ? lines : [...lines, `processor ${processor} in ${symbol}`];
  }

  private toldOf(stopped: Stopped): readonly string[] {
    switch (stopped.kind) {
      case 'met':
        return this.toldOfStop(stopped.stop);
      case 'stepped':
        return stopped.exits.map((exit) => {
          const { reason, rip, handler, action } = this.reported(exit);
          return `VM exit ${reason} at RIP ${rip}, ${handler === null ? action : `handled by ${handler}: ${action}`}`;
        });
      case 'end':
        return [this.machine.ending()];
      default:
        return [];
    }
  }

  /** What a processor does, in a line. */
  processorName(processor: number): string {
    return this.on(processor, (each) => {
      const { block } = each.core;
      const execution = executionState(each);
      const symbol = this.nameOf(linearRip(execution));
      const state = `processor ${processor}, ${activityName(block)}, ${modeName(execution)}, ${vmxName(block)}`;
      return symbol === undefined ? state : `${state}, in ${symbol}`;
    });
  }

  private toldOfStop(stop: DebuggerStop): readonly string[] {
    switch (stop.kind) {
      case 'exit':
        return exitLines(
          this.on(stop.processor, ({ history }) => history.last().slice(-1)).map((exit) => this.reported(exit)),
          1,
          `VM exit of processor ${stop.processor}`,
        );
      case 'machine':
        return ['written by the machine: a device, the VMX engine or the VMM'];
      case 'structure':
        return [`written by the processor itself, besides the instruction at RIP ${this.named(stop.rip)}`];
      default:
        return [];
    }
  }

  private get help(): readonly string[] {
    const lines = Object.entries(this.commands).map(([name, { usage, what }]) => [`monitor ${name} ${usage}`, what]);
    const width = Math.max(...lines.map(([command]) => command!.length)) + 2;
    return lines.map(([command, what]) => `${command!.padEnd(width)}${what}`);
  }

  private nameOf(address: bigint): string | undefined {
    return this.machine.session.pc.symbols.own.nameOf(address);
  }

  /** An address of the guest, with its name if there is one. */
  private named(address: bigint): string {
    const name = this.nameOf(address);
    return name === undefined ? hex(address) : `${hex(address)} (${name})`;
  }

  private reported(exit: RememberedExit): ReportedExit {
    return { ...reportedExit(exit, this.machine.handlers()), rip: this.named(exit.rip) };
  }

  /** Where a processor is. */
  private place(processor: number): string {
    return this.on(processor, (each) => {
      const state = executionState(each);
      const symbol = this.nameOf(linearRip(state));
      return `processor ${processor}: RIP ${hex(state.rip)}${symbol === undefined ? '' : ` (${symbol})`}`;
    });
  }

  private symbol(argument: string): readonly string[] {
    const address = this.addressOrName(argument);
    const name = this.nameOf(address);
    return [name === undefined ? `${hex(address)} has no name` : `${name} is ${hex(address)}`];
  }

  /** @throws BareflankError */
  private addressOrName(argument: string): bigint {
    return integer.test(argument) ? addressOf(argument) : addressOfName(this.machine.session.pc, argument);
  }

  private on<T>(processor: number, look: (processor: LogicalProcessor) => T): T {
    return this.machine.session.pc.inspect((each) => (each.id === processor ? [look(each)] : [])).flat(1)[0] as T;
  }

  private exits(processor: number): readonly string[] {
    const exits = this.machine.session.pc.processors[processor]!.history.last();
    if (exits.length === 0) return [`processor ${processor} has had no VM exit`];
    return exitLines(
      exits.map((exit) => this.reported(exit)),
      MOST_EXITS,
      `last VM exits of processor ${processor}, newest last, with the count of its own instructions`,
    );
  }

  private walk(argument: string, processor: number): readonly string[] {
    const address = this.addressOrName(argument);
    const { paging, cr3, steps, ept, stop, physical, stale } = this.on(processor, (each) =>
      checkedWalk(each, executionState(each), address),
    );
    return [
      `${this.named(address)}: ${paging}, CR3 = ${cr3}`,
      ...steps.map(({ text }) => `  ${text}`),
      ...(ept === undefined
        ? []
        : [`  EPT at ${ept.pointer} of ${ept.guestPhysical}:`, ...ept.steps.map(({ text }) => `    ${text}`)]),
      physical === null ? `no address: ${stop ?? 'EPT does not translate it'}` : `physical ${physical}`,
      ...staleLines(stale ?? []),
    ];
  }

  private ept(argument: string, processor: number): readonly string[] {
    const address = addressOf(argument);
    return this.on(processor, (each) => {
      const { eptPointer } = executionState(each);
      if (eptPointer === undefined) throw new BareflankError(`processor ${processor} runs no guest with EPT`);
      const { rules, read } = walkedMemory(each);
      const steps = walkEpt(eptPointer, address, rules, (at) => read(at, 8));
      const physical = eptAddress(steps, address, rules);
      return [
        `guest-physical ${hex(address)}, EPT pointer ${hex(eptPointer)}`,
        ...eptWalkText(steps, rules, 'there is no memory').map((text) => `  ${text}`),
        physical === undefined ? 'no address' : `physical ${hex(physical)}`,
      ];
    });
  }

  private vmcs(argument: string, processor: number): readonly string[] {
    const wanted = plain(argument);
    return this.on(processor, ({ engine: { vmcs } }) => {
      if (!vmcs.isCurrent) throw new BareflankError(`processor ${processor} has no current VMCS`);
      const fields = Object.entries(VmcsField).map(([name, field]) => ({ name, field, value: vmcs.value(field) }));
      const shown = fields.filter(({ name, value }) => (wanted === '' ? value !== 0n : plain(name).includes(wanted)));
      return shown.length === 0
        ? [`no field is called ${argument}`]
        : shown.map(({ name, field, value }) => `${name} = ${codeFields.has(field) ? this.named(value) : hex(value)}`);
    });
  }

  private breakExit(argument: string): readonly string[] {
    if (argument === 'none') {
      this.exitStops = [];
      return ['no VM exit stops the machine'];
    }
    const wanted = plain(argument);
    const definition = exitReasonDefinitions.find(
      ({ number, name }) => plain(name) === wanted || String(number) === argument,
    );
    if (definition === undefined)
      throw new BareflankError(
        `"${argument.slice(0, 40)}" is no reason of a VM exit; ${ownName} describe exit lists them`,
      );
    this.exitStops = [...new Set([...this.exitStops, definition.number])];
    return [
      `the machine stops after each VM exit of: ${this.exitStops.map((each) => exitReasonName(each)).join(', ')}`,
    ];
  }

  private async goTo(argument: string): Promise<readonly string[]> {
    if (!/^[0-9][0-9_,]{0,20}$/.test(argument))
      throw new BareflankError('goto wants a number of instructions of all processors, as in "goto 1000000"');
    const { debug, session } = this.machine;
    const count = Number(argument.replace(/[_,]/g, ''));
    if (count < session.pc.instructions && !debug.canReverse)
      throw new BareflankError(
        `only a recorded run goes back: ${ownName} run --record FILE, then ${ownName} replay FILE --gdb`,
      );
    const stopped = await debug.goTo(count);
    if (stopped.kind === 'begin')
      throw new BareflankError(
        `the recording has no instruction ${groupedDigits(count)}: it begins later; the machine is where it was, at instruction ${groupedDigits(session.pc.instructions)}`,
      );
    this.hasMoved = true;
    const [end = ''] =
      stopped.kind === 'end' ? [this.machine.ending()] : stopped.kind === 'interrupted' ? ['interrupted'] : [];
    return [
      ...(end === '' ? [] : [end]),
      this.where(),
      'GDB still shows the old registers: type "maintenance flush register-cache"',
    ];
  }

  /** The run comes back to where it is. */
  private async who(argument: string, processor: number): Promise<readonly string[]> {
    const { debug, session } = this.machine;
    if (!debug.canReverse)
      throw new BareflankError(`only a recorded run knows who wrote: ${ownName} replay FILE --gdb`);
    const { pc } = session;
    const { place } = debug;
    const target = parseWhoTarget(argument, 'monitor who');
    try {
      const { lines } = await lastWriterOf({ pc, debug, memory: this.memory, processor }, target);
      return lines;
    } finally {
      await debug.comeBack(place);
    }
  }

  private async evaluate(text: string): Promise<readonly string[]> {
    if (!this.isPrivate)
      throw new BareflankError(
        'eval runs code with the rights of the owner of the machine, and anybody on this computer can open a port of TCP: use a Unix socket, as in --gdb unix:PATH',
      );
    if (text === '') throw new BareflankError("eval wants an expression, as in 'eval vcpu(0).registers.RIP'");
    return (await this.machine.evaluate(text))?.split('\n') ?? [];
  }

  private physical(argument: string): readonly string[] {
    if (argument === 'on' || argument === 'off') this.memory.isPhysical = argument === 'on';
    else if (argument !== '') throw new BareflankError('physical wants "on" or "off"');
    return [`addresses of memory and watchpoints are ${this.memory.isPhysical ? 'physical' : 'linear'}`];
  }

  private where(): string {
    const { instructions, virtualTime, exitCount } = this.machine.session.pc;
    return `instruction ${groupedDigits(instructions)} of all processors, ${groupedDigits(exitCount)} VM exits, ${groupedDigits(virtualTime)} ns`;
  }
}

function addressOf(text: string): bigint {
  if (!integer.test(text))
    throw new BareflankError(`"${text.slice(0, 40)}" is no address: wanted a number, as in 0xffffffff81000000`);
  return BigInt.asUintN(64, BigInt(text));
}
