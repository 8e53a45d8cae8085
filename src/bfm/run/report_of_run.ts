// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { LateStart } from '../../session/late_start.js';
import type { MachineSession } from '../../session/machine_session.js';
import { reportedBranch } from '../death/branch_lines.js';
import type { TakenBranch } from '../death/branch_trace.js';
import type { DeathPlaces } from '../death/death_report.js';
import { namedExits } from '../worker/run_counters.js';
import type { CompiledFigures, Outcome, RunReport } from '../worker/run_request.js';

/** How a run ended. */
export interface Ending {
  readonly outcome: Outcome;
  readonly detail: string;
  /** Of a death or a stop: what is known about the instructions at which it happened. */
  readonly places?: DeathPlaces;
}

/** What a report is made from. */
export interface FinishedRun {
  readonly session: MachineSession;
  readonly driver: Driver | undefined;
  readonly lateStart: LateStart | undefined;
  readonly milliseconds: number;
  /** Instructions of the snapshot with which it began; 0 at power-on. */
  readonly begun: number;
  /** A VMM was to run. Its count of CPUID exits is then always present: scripts compare it with an extension's, which may be 0. */
  readonly hasVmm: boolean;
}

/** What extensions report, as JSON values. */
function reportedValues(driver: Driver | undefined): Record<string, Record<string, number | string>> {
  const plain = (value: number | string | bigint): number | string =>
    typeof value === 'bigint' ? String(value) : value;
  return Object.fromEntries(
    Object.entries(driver?.reports() ?? {}).map(([extension, values]) => [
      extension,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value)])),
    ]),
  );
}

/**
 * The processors' state, for a machine that died by itself or was stopped. The disassembler is loaded only now.
 *
 * @param branches the last taken branches of each processor, if they are known
 */
export async function stopScreen(
  session: MachineSession,
  driver: Driver | undefined,
  branches?: readonly (readonly TakenBranch[])[],
): Promise<Pick<Ending, 'places'> & { readonly detail: string }> {
  const { deathReport, stopReport } = await import('../death/death_report.js');
  const { pc, end, lastOutput } = session;
  const machine = {
    processors: pc.processorReports(),
    handlers: driver?.handlerNames ?? [],
    lastOutput: lastOutput.lines(),
  };
  if (end?.kind !== 'dead') return stopReport(machine);
  const way = branches?.[end.processor ?? 0]?.map((branch) =>
    reportedBranch(branch, (address) => pc.symbols.own.nameOf(address)),
  );
  return deathReport(end, driver?.hasVmm === true, { ...machine, branches: way });
}

function compiledFigures({ compiledTier }: MachineSession['pc']): { readonly compiled?: CompiledFigures } {
  if (compiledTier === undefined) return {};
  const { regions, modules, bytes, emitMilliseconds, compileMilliseconds, longestMilliseconds } =
    compiledTier.statistics;
  const milliseconds = emitMilliseconds + compileMilliseconds;
  const { executed, failure } = compiledTier;
  return {
    compiled: {
      regions,
      modules,
      bytes,
      milliseconds,
      longestMilliseconds,
      ...executed,
      ...(failure !== undefined && { failure }),
    },
  };
}

/** The report of a run, after which the machine is switched off and the VMM disposed. */
export function reportOfRun(ending: Ending, run: FinishedRun): RunReport {
  const { outcome, detail, places } = ending;
  const { session, driver, lateStart, milliseconds, begun, hasVmm } = run;
  const { pc } = session;
  const machine = {
    exits: { ...(hasVmm && { cpuid: 0 }), ...namedExits(pc.exits()) },
    instructions: pc.instructions,
    ...(begun > 0 && { restoredAt: begun }),
    virtualTime: pc.virtualTime,
    debugExit: pc.debugExit,
    stateHash: pc.stateHash(),
    ...compiledFigures(pc),
    ...places,
  };
  try {
    const summary = lateStart && { lateStart: lateStart.summary };
    return { outcome, detail, machine, extensions: reportedValues(driver), milliseconds, ...summary };
  } finally {
    pc.switchOff();
    // Parts may log while they are disposed.
    driver?.close();
  }
}
