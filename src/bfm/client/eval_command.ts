// SPDX-License-Identifier: LGPL-2.1-only
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { toTheUser } from '../failures/command_names.js';
import { scopeNames } from '../evaluate/scope_names.js';
import { ExpressionError, javaScriptOf } from '../../driver/node/typescript_expression.js';
import { UsageError } from '../failures/usage_error.js';
import { takes, withHost } from './client_options.js';
import type { HostClient } from './host_client.js';

const NAMES = `
Names: machine, vcpu(0), vmcs (of vcpu 0), memory (physical), symbols, vmm, write. They return copies: only write changes the machine.
The value undefined prints nothing. A register or field that does not exist has this value: check its spelling.
See docs/inspecting.md.
`;

/** The command `bfm eval`: TypeScript about the machine in the background, which does not run while it is evaluated. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description(
      'evaluate TypeScript about the machine; without an expression: evaluate the lines of the terminal or the pipe',
    )
    .argument('[expression]')
    .addHelpText('after', NAMES)
    .action(async (expression: string | undefined) => {
      await withHost(command, (host) => (expression === undefined ? prompt(host) : once(host, expression)));
    });
  return takes(command, 'machine');
}

async function once(host: HostClient, expression: string): Promise<void> {
  const { text } = await host.request('evaluate', { code: typedCode(expression) });
  if (text !== undefined) process.stdout.write(`${text}\n`);
}

/** Characters of an expression. The machine takes messages of 4 MiB. */
const LONGEST_EXPRESSION = 1 << 20;

/** As JavaScript. @throws ExpressionError, UsageError */
function code(expression: string): string {
  if (expression.length <= LONGEST_EXPRESSION) return javaScriptOf(expression);
  throw new UsageError(`the expression has ${expression.length} characters: at most ${LONGEST_EXPRESSION} are taken`);
}

/** @throws UsageError */
function typedCode(expression: string): string {
  try {
    return code(expression);
  } catch (error) {
    throw error instanceof ExpressionError ? new UsageError(error.message) : error;
  }
}

/** Evaluates line by line until the user leaves. Lines that are pasted wait for their turn. */
async function prompt(host: HostClient): Promise<void> {
  const session = randomUUID();
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(isTerminal && { output: process.stdout, completer: completionsOf }),
  });
  void host.closed.then(() => lines.close());
  /** What is typed so far of statements that go over several lines. */
  let text = '';
  const ask = (rest: string): void => {
    text = rest;
    if (!isTerminal) return;
    lines.setPrompt(rest === '' ? 'bfm> ' : '...> ');
    lines.prompt();
  };
  lines.on('SIGINT', () => {
    process.stdout.write('\n');
    ask('');
  });
  ask('');
  for await (const line of lines) {
    if (line.trim() === '.exit') break;
    const typed = `${text}${line}\n`;
    const answer = typed.trim() === '' ? undefined : await answerTo(host, typed, session);
    if (answer instanceof ExpressionError) {
      ask(typed);
      continue;
    }
    if (answer !== undefined) process.stdout.write(`${answer}\n`);
    ask('');
  }
  lines.close();
}

/** @returns the value or the error, as a text; undefined: there is no value; an `ExpressionError`: more lines make it whole */
async function answerTo(
  host: HostClient,
  typed: string,
  session: string,
): Promise<string | undefined | ExpressionError> {
  try {
    return (await host.request('evaluate', { code: code(typed), session })).text;
  } catch (error) {
    if (error instanceof ExpressionError && error.isIncomplete) return error;
    return toTheUser((error as Error).message);
  }
}

/** The names that begin as the last word does. */
function completionsOf(line: string): [string[], string] {
  const word = /\w*$/.exec(line)![0];
  return [scopeNames.filter((name) => name.startsWith(word)), word];
}
