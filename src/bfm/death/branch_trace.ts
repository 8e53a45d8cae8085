// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import type { Pc } from '../../machine/pc.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import { addressMode, executionState, linearRip } from '../../machine/report/execution_state.js';
import { bytesAt } from '../../machine/report/instruction_place.js';
import type { DebuggedRun } from '../../session/debug/debugged_run.js';
import { SliceEnd } from '../../session/session_ports.js';
import { instructionDecoder, type DecodedInstruction, type DecodeInstruction } from './disassemble.js';

/** Branches that a processor remembers, as many as the last-branch records of a processor are at most. */
export const BRANCHES_REMEMBERED = 64;

/**
 * How many instructions a machine is watched before the end, for each of its processors. It is more than a turn, so the last turn of each processor that
 * executes is in it.
 */
export const WATCHED_INSTRUCTIONS = 16_384;

/** Where the instructions of a processor did not go on one behind the other. */
export interface TakenBranch {
  readonly from: bigint;
  readonly to: bigint;
  /** The mnemonic of the branch, as in "jne"; or else what came between the instructions: "interrupt or exception", "VM exit cpuid". */
  readonly how: string;
}

/** A processor between two instructions. */
interface Between {
  readonly rip: bigint;
  /** Instructions that it has executed, and VM exits that its VMM has handled. */
  readonly count: number;
  readonly exits: number;
  readonly isGuest: boolean;
}

/** Ends of a slice at which the run goes on. */
const goesOn: ReadonlySet<SliceEnd> = new Set([
  SliceEnd.Time,
  SliceEnd.Idle,
  SliceEnd.CallDue,
  SliceEnd.LateStartDue,
  SliceEnd.PointReached,
]);

/**
 * Runs a machine instruction by instruction, up to a count of instructions of all processors or to its end.
 *
 * @returns why it stopped, and the last taken branches of each processor, oldest first
 */
export async function traceBranches(
  run: DebuggedRun,
  until = Infinity,
): Promise<{ readonly end: SliceEnd; readonly branches: readonly (readonly TakenBranch[])[] }> {
  const { session } = run;
  const { pc } = session;
  const trace = new BranchTrace(pc, await instructionDecoder());
  try {
    for (;;) {
      session.stopAt = { kind: 'instruction', count: pc.instructions + 1 };
      const end = await run.advance(Infinity);
      trace.stepped();
      if (!goesOn.has(end) || pc.instructions >= until) return { end, branches: trace.branches };
    }
  } finally {
    session.stopAt = undefined;
  }
}

/** Looks at a machine after each of its steps. */
class BranchTrace {
  readonly branches: readonly TakenBranch[][];
  private readonly before: Between[];
  private readonly decoded: readonly Map<bigint, DecodedInstruction | undefined>[];

  constructor(
    private readonly pc: Pc,
    private readonly decode: DecodeInstruction,
  ) {
    this.branches = pc.processors.map(() => []);
    this.before = pc.processors.map((each) => this.between(each));
    this.decoded = pc.processors.map(() => new Map());
  }

  /** The machine has executed one instruction at most, of one of its processors. */
  stepped(): void {
    for (const processor of this.pc.processors) {
      const { id } = processor;
      const before = this.before[id]!;
      if (processor.instructionCount === before.count && processor.exitsHandled === before.exits) continue;
      const now = this.between(processor);
      this.before[id] = now;
      this.look(processor, before, now);
    }
  }

  private between(processor: LogicalProcessor): Between {
    const { core, instructionCount: count, exitsHandled: exits, engine } = processor;
    // A processor that has died in a handler may hold the host's state.
    const rip =
      processor.end === undefined ? core.block.get('RIP') : this.on(processor, (each) => executionState(each).rip)!;
    return { rip, count, exits, isGuest: engine.nonRoot };
  }

  private look(processor: LogicalProcessor, before: Between, now: Between): void {
    const [from, to] = [before.rip, now.rip];
    const instruction = this.instructionAt(processor, from);
    const isNext = instruction !== undefined && to === BigInt.asUintN(64, from + BigInt(instruction.length));
    // A string instruction stays where it is until it has repeated.
    const isTaken = isNext ? instruction.isAlwaysTaken : to !== from || instruction?.isBranch === true;
    if (!isTaken) return;
    const all = this.branches[processor.id]!;
    all.push({
      from,
      to,
      how: vmxText(processor, before, now) ?? (instruction?.isBranch === true ? instruction.mnemonic : EVENT),
    });
    if (all.length > BRANCHES_REMEMBERED) all.shift();
  }

  /** It has been executed, so its bytes are looked for in the present address space, in which those of most branches are. */
  private instructionAt(processor: LogicalProcessor, rip: bigint): DecodedInstruction | undefined {
    const known = this.decoded[processor.id]!;
    if (known.has(rip)) return known.get(rip);
    const instruction = this.on(processor, (each) => {
      const state = executionState(each);
      const bytes = bytesAt(each, state, linearRip({ ...state, rip }));
      return bytes === '' ? undefined : this.decode(bytes, addressMode(state).bits, rip);
    });
    known.set(rip, instruction);
    return instruction;
  }

  private on<T>(processor: LogicalProcessor, look: (processor: LogicalProcessor) => T): T {
    return this.pc.inspect((each) => (each === processor ? [look(each)] : [])).flat(1)[0] as T;
  }
}

const EVENT = 'interrupt or exception';

/** What VMX had to do with it. */
function vmxText({ history }: LogicalProcessor, before: Between, now: Between): string | undefined {
  const last = history.last().at(-1);
  if (last !== undefined && (before.exits !== now.exits || (before.isGuest && !now.isGuest)))
    return `VM exit ${exitReasonName(last.reason)}`;
  return !before.isGuest && now.isGuest ? 'VM entry' : undefined;
}
