// SPDX-License-Identifier: LGPL-2.1-only
import { Command, CommanderError, Help } from 'commander';
import { fullTrace } from '../../driver/node/user_frames.js';
import { acceptClientOptions, clientOptionFlags } from '../client/client_options.js';
import { toTheUser } from '../failures/command_names.js';
import { commandsFor, commandTable } from './command_table.js';
import { exampleText } from './examples.js';
import { ExitStatus } from '../failures/exit_status.js';
import { FaultsError } from '../failures/faults_error.js';
import { failureReport, wantsFailureReport } from '../failures/failure_report.js';
import { commandBegins } from '../console/interrupts.js';
import { problemOf, type Problem } from '../failures/problem.js';
import { UsageError } from '../failures/usage_error.js';

const OVERVIEW = `
A first look:
  bfm run --guest cpuid --append 1000 -m cpuidcount      a guest under a hypervisor, from power-on to its end
  bfm guest debian && bfm run --guest debian -m cpuidcount   Debian to a shell, under the same hypervisor
  bfm driver_load && bfm quick cpuidcount && bfm status   the same under a machine that runs in the background
  bfm new extension hello                                 your own extension

Each command has --help with examples. Exit status: 0 done, 1 error, 2 usage; bfm run has more.
Environment: BFM_TRACE=1 shows all stack frames of an error, NO_COLOR=1 no colours. Sockets are in
$XDG_RUNTIME_DIR/bareflank, bundles of modules and guests in $XDG_CACHE_HOME/bareflank (~/.cache/bareflank).
`;

/** Where the wanted option is explained. @param path of the command, with bfm: 'bfm vmcall string' */
const helpAdvice = (path: string): string => `Try '${path} --help' for more information.`;

/** Whether the command line is at fault: then `--help` has what is wanted. */
const isUsage = (error: unknown): boolean =>
  error instanceof UsageError || (error instanceof FaultsError && error.isUsage);

/** Prints one message for people. The stack is for developers, on demand. @param advice for an error of usage */
function complain(error: unknown, advice: string): void {
  process.stderr.write(toTheUser(`bfm: ${problemOf(error).what}\n`));
  if (isUsage(error)) process.stderr.write(toTheUser(`${advice}\n`));
  if (process.env.BFM_TRACE !== undefined) process.stderr.write(`${fullTrace(error)}\n`);
}

/** Refuses a second value for an option that has one: the parser would take the last without a word. */
function refuseRepetition(command: Command): void {
  for (const option of command.options) {
    if (option.variadic || option.isBoolean() || option.parseArg !== undefined) continue;
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) throw new UsageError(`${option.long ?? option.flags} is given twice: it takes one value`);
      isGiven = true;
    });
  }
}

/** Adds a command with its examples, and with the settings that its own commands inherit. */
function adopt(parent: Command, command: Command): void {
  const inherit = (from: Command, to: Command, path: string): void => {
    to.copyInheritedSettings(from).showHelpAfterError(helpAdvice(`bfm ${path}`));
    to.addHelpText('after', () => exampleText(path));
    refuseRepetition(to);
    for (const each of to.commands) inherit(to, each, `${path} ${each.name()}`);
  };
  inherit(parent, command, command.name());
  parent.addCommand(command);
}

/** What the command-line parser says, in the form of our messages. */
const ofParser = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replace(
      /^command-argument value '(.*)' is invalid for argument '.*'\. Allowed choices are (.*)\.$/m,
      '$1: it must be one of $2',
    );

/** Texts of the help, as the user types command lines: lines are broken afterwards. */
const helpInOwnName: Partial<Help> = {
  optionDescription: (option) => toTheUser(new Help().optionDescription(option)),
  argumentDescription: (argument) => toTheUser(new Help().argumentDescription(argument)),
  subcommandDescription: (command) => toTheUser(new Help().subcommandDescription(command)),
  commandDescription: (command) => toTheUser(new Help().commandDescription(command)),
};

/** An error of the command-line parser, as one of our errors. */
function problemOfParser({ message }: CommanderError, advice: string): Problem {
  const what = ofParser(message);
  return { name: UsageError.name, what, where: null, found: null, expected: null, advice };
}

/** The sentences of a problem, for the user. */
function inUsersWords(problem: Problem): Problem {
  const { what, expected, advice } = problem;
  const said = (text: string | null): string | null => (text === null ? null : toTheUser(text));
  return { ...problem, what: toTheUser(what), expected: said(expected), advice: said(advice) };
}

/** The command that a command line names, and its path with the commands above it: 'bfm vmcall string'. */
function namedCommand(program: Command, args: readonly string[]): { readonly command: Command; readonly path: string } {
  let command = program;
  const path = [program.name()];
  args.forEach((word, at) => {
    const isValue = clientOptionFlags.includes(args[at - 1] ?? '');
    const next = isValue ? undefined : command.commands.find((each) => each.name() === word);
    if (next === undefined) return;
    command = next;
    path.push(word);
  });
  return { command, path: path.join(' ') };
}

/** Says why a command failed: on stderr for people, and on stdout for a program that wants JSON. @returns the exit status. */
function failed(error: unknown, program: Command, args: readonly string[]): ExitStatus {
  // Its parser has printed its message already.
  const isParser = error instanceof CommanderError;
  if (isParser && error.exitCode === 0) return ExitStatus.Reached;
  const status = isParser || isUsage(error) ? ExitStatus.Usage : ExitStatus.Error;
  const { command, path } = namedCommand(program, args);
  const advice = helpAdvice(path);
  if (!isParser) complain(error, advice);
  if (wantsFailureReport(command, args)) {
    const problem = isParser ? problemOfParser(error, advice) : problemOf(error);
    process.stdout.write(`${JSON.stringify(failureReport(inUsersWords(problem), status))}\n`);
  }
  return status;
}

/** Runs the command line. @returns the exit status. */
export async function runCommandLine(args: readonly string[]): Promise<ExitStatus> {
  let status = ExitStatus.Reached;
  const program = new Command('bfm')
    .description('Bareflank manager: runs guests and hypervisors on a simulated x86-64 PC with VT-x')
    .showHelpAfterError(helpAdvice('bfm'))
    .configureOutput({
      writeOut: (text) => process.stdout.write(toTheUser(text)),
      writeErr: (text) => process.stderr.write(toTheUser(text)),
      outputError: (text, write) => write(text.startsWith('error: ') ? `bfm: ${ofParser(text)}` : text),
    })
    .configureHelp(helpInOwnName)
    .exitOverride();
  program.addHelpText('after', OVERVIEW);
  acceptClientOptions(program);
  refuseRepetition(program);
  program.hook('preAction', (_program, action) => commandBegins(action.name()));
  const done = (result: ExitStatus): void => void (status = result);
  for (const name of commandsFor(args, clientOptionFlags)) adopt(program, await commandTable[name]({ done, program }));
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return failed(error, program, args);
  }
}
