// SPDX-License-Identifier: LGPL-2.1-only
import { randomUUID } from 'node:crypto';
import { Recoverable, start, type REPLEval } from 'node:repl';
import { Command } from 'commander';
import { scopeNames } from '../evaluate/scope_names.js';
import { ExpressionError, javaScriptOf } from '../../driver/node/typescript_expression.js';
import { UsageError } from '../failures/usage_error.js';
import { takes, withHost } from './client_options.js';
import type { HostClient } from './host_client.js';

const EXAMPLES = `
Names: machine, vcpu(0), vmcs (of vcpu 0), memory (physical), symbols, vmm, write. Each look gives a copy: only write changes anything.

Examples:
  bfm eval 'vmcs.guestRip'
  bfm eval 'vcpu(1).registers.CR3'
  bfm eval 'vcpu(0).memory.read(vcpu(0).registers.RIP, 15)'
  bfm eval 'symbols.nameOf(vcpu(0).registers.RIP)'
  bfm eval 'vmm.reports'
  bfm eval                      a prompt, on a terminal; .exit or Ctrl-D ends it
See docs/inspecting.md.
`;

/** The command `bfm eval`: TypeScript about the machine in the background, which does not run while it is evaluated. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('evaluate TypeScript about the machine; without an expression, on a terminal: a prompt')
    .argument('[expression]')
    .addHelpText('after', EXAMPLES)
    .action(async (expression: string | undefined) => {
      if (expression === undefined && process.stdin.isTTY !== true)
        throw new UsageError('eval wants an expression, or a terminal for a prompt');
      await withHost(command, (host) => (expression === undefined ? prompt(host) : once(host, expression)));
    });
  return takes(command, 'machine');
}

async function once(host: HostClient, expression: string): Promise<void> {
  const code = await javaScriptOf(expression).catch((error: Error) => {
    throw error instanceof ExpressionError ? new UsageError(error.message) : error;
  });
  const { text } = await host.request('evaluate', { code });
  if (text !== undefined) process.stdout.write(`${text}\n`);
}

/** Resolves when the user has left. */
function prompt(host: HostClient): Promise<void> {
  const session = randomUUID();
  const evaluate = async (text: string): Promise<string | undefined> =>
    (await host.request('evaluate', { code: await javaScriptOf(text), session })).text;
  const reply: REPLEval = (text, _context, _file, done) => {
    evaluate(text).then(
      (shown) => done(null, shown),
      (error: Error) => {
        if (error instanceof ExpressionError && error.isIncomplete) return done(new Recoverable(error), undefined);
        process.stdout.write(`${error.message}\n`);
        done(null, undefined);
      },
    );
  };
  const repl = start({
    prompt: 'bfm> ',
    eval: reply,
    writer: (shown) => String(shown),
    ignoreUndefined: true,
    completer: (line: string): [string[], string] => {
      const word = /\w*$/.exec(line)![0];
      return [scopeNames.filter((name) => name.startsWith(word)), word];
    },
  });
  return new Promise((resolve) => {
    repl.on('exit', resolve);
    void host.closed.then(() => repl.close());
  });
}
