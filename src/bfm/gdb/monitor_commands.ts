// SPDX-License-Identifier: LGPL-2.1-only
import { reportedExit } from '../../session/reported_exit.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { exitReasons } from '../../machine/processor/processor_counters.js';
import { executionState, modeName } from '../../machine/report/execution_state.js';
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
import { lastWriterOf, parseWrittenBytes } from './last_writer.js';
import { eptAddress, eptWalkText, walkEpt } from '../../intrinsics/texts/ept_walk.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../../machine/vmx/vmcs/field_slots.js';

const HELP = [
  'monitor help                    this list',
  'monitor exits                   the last VM exits of the processor, and what handled them',
  'monitor walk ADDRESS            how the processor translates a linear address',
  'monitor ept ADDRESS             how EPT translates a guest-physical address',
  'monitor vmcs [NAME]             the fields of the current VMCS that are not 0, or those whose name has a text in it',
  'monitor break-exit REASON|none  stop behind each VM exit of a reason, as in "break-exit cpuid"; several add up',
  'monitor goto INSTRUCTION        go to where so many instructions of all processors have retired; back too in a recorded run',
  'monitor physical on|off         addresses of memory and watchpoints are physical, or linear',
  'monitor who ADDRESS[,BYTES]     the last write of memory before this point; phys:ADDRESS for a physical address; in a recorded run',
  'monitor where                   instructions and virtual time',
];

/** Exits that `monitor exits` shows. */
const MOST_EXITS = 32;

type Command = (argument: string, processor: number) => readonly string[] | Promise<readonly string[]>;

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
    help: () => HELP,
    exits: (_, processor) => this.exits(processor),
    walk: (argument, processor) => this.walk(argument, processor),
    ept: (argument, processor) => this.ept(argument, processor),
    vmcs: (argument, processor) => this.vmcs(argument, processor),
    'break-exit': (argument) => this.breakExit(argument),
    goto: (argument) => this.goTo(argument),
    physical: (argument) => this.physical(argument),
    where: () => [this.where()],
    who: (argument, processor) => this.who(argument, processor),
  };

  constructor(
    private readonly machine: DebuggedMachine,
    private readonly memory: DebuggedMemory,
  ) {}

  /** @param line what was typed behind `monitor` */
  async perform(line: string, processor: number): Promise<readonly string[]> {
    const [name = '', ...rest] = line.trim().split(/\s+/);
    this.hasMoved = false;
    const command = Object.hasOwn(this.commands, name) ? this.commands[name] : undefined;
    if (command === undefined) return [`there is no monitor command "${name.slice(0, 40)}"`, ...HELP];
    try {
      return await command(rest.join(' '), processor);
    } catch (error) {
      if (!(error instanceof BareflankError)) throw error;
      return [error.message];
    }
  }

  /** What the client is told of a stop, besides the protocol's answer. */
  told(stopped: Stopped): readonly string[] {
    switch (stopped.kind) {
      case 'met':
        return this.toldOf(stopped.stop);
      case 'stepped':
        return stopped.exits.map((exit) => {
          const { reason, rip, handler, action } = reportedExit(exit, this.machine.handlers());
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
      return `processor ${processor}, ${activityName(block)}, ${modeName(executionState(each))}, ${vmxName(block)}`;
    });
  }

  private toldOf(stop: DebuggerStop): readonly string[] {
    const { handlers } = this.machine;
    switch (stop.kind) {
      case 'exit':
        return exitLines(
          this.on(stop.processor, ({ history }) => history.last().slice(-1)).map((exit) =>
            reportedExit(exit, handlers()),
          ),
          1,
        );
      case 'machine':
        return ['written by the machine: a device, the VMX engine or the VMM'];
      case 'structure':
        return [`written by the processor itself, besides the instruction at RIP ${hex(stop.rip)}`];
      default:
        return [];
    }
  }

  private on<T>(processor: number, look: (processor: LogicalProcessor) => T): T {
    return this.machine.session.pc.inspect((each) => (each.id === processor ? [look(each)] : [])).flat(1)[0] as T;
  }

  private exits(processor: number): readonly string[] {
    const exits = this.machine.session.pc.processors[processor]!.history.last();
    if (exits.length === 0) return [`processor ${processor} has had no VM exit`];
    return exitLines(
      exits.map((exit) => reportedExit(exit, this.machine.handlers())),
      MOST_EXITS,
    );
  }

  private walk(argument: string, processor: number): readonly string[] {
    const address = addressOf(argument);
    const { paging, cr3, steps, ept, stop, physical, stale } = this.on(processor, (each) =>
      checkedWalk(each, executionState(each), address),
    );
    return [
      `${hex(address)}: ${paging}, CR3 = ${cr3}`,
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
      const fields = Object.entries(VmcsField).map(([name, field]) => {
        const slot = slotOf(field);
        return [name, (BigInt(vmcs.high(slot)) << 32n) | BigInt(vmcs.low(slot))] as const;
      });
      const shown = fields.filter(([name, value]) => (wanted === '' ? value !== 0n : plain(name).includes(wanted)));
      return shown.length === 0
        ? [`no field is called ${argument}`]
        : shown.map(([name, value]) => `${name} = ${hex(value)}`);
    });
  }

  private breakExit(argument: string): readonly string[] {
    if (argument === 'none') {
      this.exitStops = [];
      return ['no VM exit stops the machine'];
    }
    const wanted = plain(argument);
    const reason = Array.from({ length: exitReasons }, (_, number) => number).find(
      (number) => plain(exitReasonName(number)) === wanted || String(number) === argument,
    );
    if (reason === undefined || wanted === '')
      throw new BareflankError(
        `"${argument.slice(0, 40)}" is no reason of a VM exit; ${ownName} describe exit lists them`,
      );
    this.exitStops = [...new Set([...this.exitStops, reason])];
    return [
      `the machine stops behind each VM exit of: ${this.exitStops.map((each) => exitReasonName(each)).join(', ')}`,
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
    this.hasMoved = true;
    const stopped = await debug.goTo(count);
    const [end = ''] =
      stopped.kind === 'end' ? [this.machine.ending()] : stopped.kind === 'interrupted' ? ['interrupted'] : [];
    return [
      ...(end === '' ? [] : [end]),
      this.where(),
      'GDB has not noticed: "maintenance flush register-cache" shows the registers there',
    ];
  }

  /** The run comes back to where it is. */
  private async who(argument: string, processor: number): Promise<readonly string[]> {
    const { debug, session } = this.machine;
    const { pc } = session;
    if (!debug.canReverse)
      throw new BareflankError(`only a recorded run knows who wrote: ${ownName} replay FILE --gdb`);
    const { instructions } = pc;
    const { lines } = await lastWriterOf({ pc, debug, memory: this.memory, processor }, parseWrittenBytes(argument));
    await debug.goTo(instructions);
    return lines;
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
