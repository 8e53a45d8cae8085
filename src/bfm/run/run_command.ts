// SPDX-License-Identifier: LGPL-2.1-only
import { dumpCompiledOption } from '../options/tier_option.js';
import { Command } from 'commander';
import { DEFAULT_GDB_PORT, gdbHint, parseGdbAddress } from '../gdb/gdb_address.js';
import { killThisProcess, outputWritten } from '../worker/end_worker.js';
import { ExitStatus } from '../failures/exit_status.js';
import { problemOf } from '../failures/problem.js';
import { whileInterruptsGoTo } from '../console/interrupts.js';
import { inspectAddress, inspectOptions } from '../options/inspect_address.js';
import { instrumentOptions, machineOptions, watchOption } from './machine_options.js';
import { RawOutput } from '../console/raw_output.js';
import { checkRunOptions, parseTimeout } from './run_options.js';
import type { RunOptions } from './run_options.js';
import { exitStatusOf, outcomeLine, reportTable, restoredLines, instrumentLines } from './run_report.js';
import type { RunReport, RunRequest } from '../worker/run_request.js';
import { RunSession } from './run_session.js';
import { Terminal } from '../console/terminal.js';
import type { TextSink } from '../console/text_sink.js';
import { typeFrom } from '../console/type_from.js';
import { Typist } from '../console/typist.js';

const EXAMPLES = `
Examples:
  Our own guest under the cpuidcount extension, which counts its CPUIDs:
    bfm run --guest cpuid --append 1000 -m cpuidcount
  Debian to a shell, as the guest of a hypervisor (bfm guest debian makes it once; poweroff -f ends it):
    bfm run --guest debian -m cpuidcount
  Any kernel up to its banner, on the bare machine:
    bfm run --kernel vmlinuz --append "earlyprintk=serial,ttyS0,115200 console=ttyS0" --until "Linux version"
  A booted Debian once and for all, and then from there, under a VMM:
    bfm run --guest debian --save debian.snapshot --save-at '# '
    bfm run --restore debian.snapshot -m cpuidcount

Exit status:
  0 the text was reached or the machine saved, or the guest switched off or halted and there was none to wait for; 1 error, also
  if the guest ended before the text of --until, or the late VMM never started; 2 usage; 3 guest or VMM dead, with the report why;
  124 time-out; 130 interrupted.

On a terminal, the terminal is the guest's console: Ctrl-A X leaves, Ctrl-A Ctrl-A types a Ctrl-A.
A pipe or a file on stdin is typed at the guest's console; </dev/null types nothing.
Lines of the VMM's own serial port appear on stderr as "vmm: …".
`;

/** The command `bfm run`. @param done takes its exit status. */
export function runCommand(done: (status: ExitStatus) => void): Command {
  return instrumentOptions(inspectOptions(machineOptions(new Command('run'))))
    .description('run a guest on the simulated PC, under the VMM or without it')
    .option('--until <text>', 'end the run once this text appears on the console')
    .option('--save <file>', 'save the machine and its VMM into this file at --save-at, and end the run')
    .option(
      '--save-at <when>',
      "with --save: once this text appears on the console, or after so many instructions of all processors; 'text:…' for a text that begins with a digit",
    )
    .option(
      '--verify-state',
      'with --save and a VMM: first restore the state into a second machine, and compare the next 1,000 VM exits',
    )
    .option(...watchOption)
    .option('--timeout <seconds>', 'give up when the guest has run for this time')
    .option('--gdb [address]', `a port for GDB: of 127.0.0.1 (default: ${DEFAULT_GDB_PORT}), or unix:PATH`)
    .option('--wait', 'with --gdb: execute nothing until GDB lets the machine go on')
    .option('--trace-vmcs', 'record where each VMCS field was written, for the report of a failed VM entry')
    .option(...dumpCompiledOption)
    .option('--stats', 'more figures in the table at the end', false)
    .option('--json', "one JSON object on stdout at the end, the guest's console on stderr", false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions) => done(await run(options)));
}

async function run(options: RunOptions): Promise<ExitStatus> {
  const isTerminal = !options.json && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const input: Input = isTerminal ? 'terminal' : process.stdin.isTTY === true ? 'none' : 'pipe';
  const request = checkRunOptions(options, isTerminal);
  const inspect = inspectAddress(options);
  const errors: TextSink = isTerminal ? new RawOutput(process.stderr) : process.stderr;
  const complain = (text: string): void => void errors.write(`bfm: ${text}\n`);
  const session = new RunSession(request, {
    timeout: parseTimeout(options.timeout),
    inspect,
    console: options.json ? process.stderr : process.stdout,
    newline: isTerminal ? '\r\n' : '\n',
    vmm: errors,
    restored: (instructions, shown) => errors.write(`bfm: ${restoredLines(instructions, shown, isTerminal)}`),
    reloaded: (text) => complain(text),
    gdb: options.gdb === undefined ? undefined : parseGdbAddress(options.gdb),
    listening: (target) => errors.write(`bfm: ${gdbHint(target)}\n`),
    colours: process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
  });
  // Loaded only if needed: it brings the bundler.
  const watcher = options.watch === true ? await watched(request.modules, session, complain) : undefined;
  const release = takeInput(session, input, complain);
  let report: RunReport;
  try {
    report = await whileInterruptsGoTo(
      () => session.interrupt(),
      () => session.run(),
    );
  } finally {
    watcher?.[Symbol.dispose]();
    release();
  }
  show(report, request, options);
  // A blocked thread of the machine would keep this process alive for ever. The report is printed, and the terminal is restored.
  if (session.isBlocked) await outputWritten().then(killThisProcess);
  return exitStatusOf(report, awaited(request));
}

/** Reloads modules when they change. @param say takes what people must know */
async function watched(
  files: readonly string[],
  session: RunSession,
  say: (text: string) => void,
): Promise<Disposable> {
  const { ModuleWatcher } = await import('../watch/module_watcher.js');
  return ModuleWatcher.start(files, {
    changed: () => session.reload(),
    failed: (error) => say(`not reloaded: ${problemOf(error).what}`),
  });
}

/** What the run was to come to: a text of the console, or an instruction. */
const awaited = ({ until, save }: RunRequest): string | number | undefined => save?.at ?? until;

/** The source of the guest's input. */
type Input = 'terminal' | 'pipe' | 'none';

/** Sends input to the guest. @returns a function that gives stdin back */
function takeInput(session: RunSession, input: Input, complain: (text: string) => void): () => void {
  const { stdin } = process;
  const type = (bytes: Uint8Array): Promise<void> => session.type(bytes);
  if (input === 'none') return () => {};
  session.openInput();
  if (input === 'pipe')
    return typeFrom(
      stdin,
      type,
      () => session.endInput(),
      ({ message }) => complain(message),
    );
  const typist = new Typist(type, complain);
  const terminal = new Terminal(
    stdin,
    (bytes) => typist.type(bytes),
    () => session.interrupt(),
  );
  terminal.open();
  return () => terminal.close();
}

function show(report: RunReport, request: RunRequest, options: RunOptions): void {
  if (options.json) {
    const { outcome, ...rest } = report;
    const exitStatus = exitStatusOf(report, awaited(request));
    process.stdout.write(`${JSON.stringify({ outcome, exitStatus, ...rest })}\n`);
    if (
      report.outcome !== 'reached' &&
      report.outcome !== 'saved' &&
      report.outcome !== 'powered-off' &&
      report.outcome !== 'halted'
    )
      process.stderr.write(`bfm: ${outcomeLine(report, awaited(request))}\n`);
    return;
  }
  process.stderr.write(`bfm: ${outcomeLine(report, awaited(request))}\n`);
  process.stderr.write(instrumentLines(report));
  if (report.lateStart !== undefined && report.outcome !== 'error') process.stderr.write(`bfm: ${report.lateStart}\n`);
  if (report.machine.instructions > 0) process.stderr.write(reportTable(report, options.stats));
}
