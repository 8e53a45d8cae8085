// SPDX-License-Identifier: LGPL-2.1-only
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { SelectorError } from '../../intrinsics/structures/memory_structures.js';
import type { PcEnd } from '../../machine/pc.js';
import type { ProcessorReport } from '../../machine/report/processor_report.js';
import { pageFaultText, type TripleFault, type UndeliveredEvent } from '../../machine/report/triple_fault.js';
import { UnfinishedExitError, UnimplementedExitError, VmEntryError } from '../../vmm/errors.js';
import type { ReportedExit } from '../../session/reported_exit.js';
import type { Disassembly } from './disassemble.js';
import { ownName } from '../failures/own_name.js';

/** What a death is judged by. */
export interface DeathFacts {
  readonly end: PcEnd;
  /** The processor that died. */
  readonly report: ProcessorReport;
  readonly lastExit: ReportedExit | undefined;
  /** Whether a VMM ran, which is then a suspect too. */
  readonly underVmm: boolean;
  readonly atRip: Disassembly | undefined;
  /** The last opcode that the processor does not have. */
  readonly opcode: Disassembly | undefined;
  /** What the guest printed last. */
  readonly lastOutput: readonly string[];
}

/** The likely cause of a death, and what to try. */
export interface Explanation {
  /** Sentences. */
  readonly cause: string;
  readonly advice: string;
}

const WITHOUT_VMM = `run the guest without the VMM (${ownName} run --start off) to see whether it dies there too`;

/** What only Linux prints: its version, a panic or a BUG, the time in front of a line. */
const OF_LINUX = /Kernel panic - not syncing|kernel BUG at |Linux version \d|^\[ *\d+\.\d{6}\]/;
const isLinux = ({ lastOutput }: DeathFacts): boolean => lastOutput.some((line) => OF_LINUX.test(line));
const isPanic = ({ lastOutput }: DeathFacts): boolean =>
  lastOutput.some((line) => line.includes('Kernel panic - not syncing'));

const readOutput = ({ lastOutput }: DeathFacts): string =>
  lastOutput.length > 0
    ? 'read what the guest printed last: it may say what was wrong'
    : 'let the guest print on its serial port COM1: its last lines are in this report then';

/** UD0, UD1 and UD2 raise #UD on every processor. */
const isMeantToFault = ({ atRip }: DeathFacts): boolean => atRip !== undefined && /^ud[012]\b/.test(atRip.text);

/** The kinds of death, in the order in which they are recognized. */
export function explainDeath(facts: DeathFacts): Explanation {
  const { end, report } = facts;
  if (end.unimplemented !== undefined)
    return {
      cause: 'software uses a feature that this machine does not announce or does not have yet',
      advice: 'configure the guest without the feature that the first line names, or add the feature to src/machine',
    };
  if (end.tripleFault !== undefined) return explainTripleFault(facts, end.tripleFault);
  if (facts.lastExit?.isEntryFailure === true || end.detail.includes(`${VmEntryError.name}:`)) return entryFailure;
  if (report.isInHandler) return explainHandler(facts);
  if (end.detail.startsWith('halted')) return explainHalt(facts);
  return {
    cause: 'the machine stopped the processor for the reason above',
    advice: facts.underVmm ? WITHOUT_VMM : 'look at the instruction at RIP and at the registers that it uses',
  };
}

const entryFailure: Explanation = {
  cause: 'the VMCS breaks the rules above, so the processor refused the VM entry',
  advice: `run it again with --trace-vmcs: the report then says where each of these VMCS fields was written; ${ownName} describe check NAME explains a rule`,
};

function explainTripleFault(facts: DeathFacts, fault: TripleFault): Explanation {
  const [first] = fault.events;
  const cause = [firstCause(facts, first!), ...deliveryCause(facts.report, fault)].join('; ');
  return { cause, advice: adviceAfterFault(facts, first!) };
}

function firstCause(facts: DeathFacts, first: UndeliveredEvent): string {
  const { vector, errorCode, cr2 } = first;
  if (vector === Vector.InvalidOpcode) {
    if (isMeantToFault(facts))
      return `software executed UD2 to stop on purpose${isLinux(facts) ? ', as BUG() of Linux does' : ''}`;
    if (facts.opcode !== undefined) return 'software executed an instruction that this processor does not have';
    return 'software executed bytes that are no instruction in this mode';
  }
  if (cr2 !== undefined) return `an access to ${cr2} failed (${pageFaultText(Number(errorCode))})`;
  return `software raised ${first.name}`;
}

/** Why the event could not be delivered. */
function deliveryCause({ registers }: ProcessorReport, { events }: TripleFault): string[] {
  const second = events[1];
  if (second === undefined) return [];
  const code = Number(second.errorCode ?? 0);
  const limit = Number(registers['IDTR.limit']);
  const idt = `the IDT (base ${registers['IDTR.base']!}, limit 0x${limit.toString(16)})`;
  if ((code & SelectorError.Idt) !== 0 && second.cr2 === undefined) {
    const isBeyond = second.vector === Vector.GeneralProtection;
    return [
      `${idt} has no ${isBeyond ? 'valid' : 'present'} gate for vector ${code >> 3}: software has not loaded an IDT, or broke it`,
    ];
  }
  if (second.cr2 === undefined)
    return [`the delivery failed with ${second.name}: see the gate, its code segment and the stack`];
  const address = BigInt(second.cr2);
  const base = BigInt(registers['IDTR.base']!);
  if (address >= base && address <= base + BigInt(limit)) return [`${idt} is not mapped`];
  return [`the processor could not push onto the stack at ${second.cr2}: RSP is wrong, or the stack has overflowed`];
}

function adviceAfterFault(facts: DeathFacts, first: UndeliveredEvent): string {
  const { underVmm, opcode } = facts;
  if (first.vector === Vector.InvalidOpcode) {
    if (isMeantToFault(facts)) return readOutput(facts);
    if (opcode !== undefined)
      return `CPUID of this machine does not announce ${opcode.features.join(' and ')}; build the guest for a plain x86-64, or let it ask CPUID first`;
    return 'look for a wrong jump, a wrong return address or overwritten code: these bytes are no instruction in this mode';
  }
  const advice = 'find out why the first exception came: look at the instruction at RIP, at CR2 and at the page walk';
  return underVmm ? `${advice}; ${WITHOUT_VMM}` : advice;
}

function explainHandler({ end, lastExit }: DeathFacts): Explanation {
  const { detail } = end;
  const who = lastExit?.handler ?? 'the VMM';
  const reason = lastExit?.reason ?? 'this exit';
  if (detail.includes(`${UnimplementedExitError.name}:`))
    return {
      cause: `no contribution handles exit ${reason}, and the base cannot emulate it`,
      advice: `bind an ExitContribution with this reason, or clear the control that makes it exit; see ${ownName} describe exit ${reason}`,
    };
  if (detail.includes(`${UnfinishedExitError.name}:`))
    return {
      cause: `${who} said that it handled exit ${reason}, and left RIP at the instruction`,
      advice: 'call exit.advance() or inject an exception before the handler returns true',
    };
  return {
    cause: `${who} failed while it handled exit ${reason}`,
    advice: `correct the handler; its stack is in the lines of the VMM ("vmm: …"; of a background machine, ${ownName} dump has them)`,
  };
}

function explainHalt(facts: DeathFacts): Explanation {
  const { underVmm, end } = facts;
  const halted = isPanic(facts)
    ? 'Linux has panicked, and stopped with HLT and interrupts off'
    : 'software executed HLT with interrupts off, as kernels do at the end of their work or after a fatal error';
  const cause = end.isHalted === true ? halted : 'software waits for an interrupt, and no timer or input can send one';
  const ofLinux = isLinux(facts) ? '; with "panic=-1" on its command line, Linux resets the machine after a panic' : '';
  const advice = `${readOutput(facts)}${ofLinux}`;
  return { cause, advice: underVmm ? `${advice}; ${WITHOUT_VMM}` : advice };
}
