// SPDX-License-Identifier: LGPL-2.1-only
import type { Command } from 'commander';
import { UsageError } from '../failures/usage_error.js';

/** Where a debugger of the extensions' code connects. */
export interface InspectAddress {
  readonly host: string;
  readonly port: number;
  /** The modules are loaded once a debugger says so. */
  readonly waits: boolean;
}

/** `--inspect` and `--inspect-brk` as the command-line parser gives them: true without a value. */
export interface InspectOptions {
  readonly inspect?: string | true;
  readonly inspectBrk?: string | true;
}

/** Node's own. */
export const DEFAULT_INSPECT_PORT = 9229;

/** A program that connects can run any code as this user. */
const ownHosts: Readonly<Record<string, string>> = {
  '127.0.0.1': '127.0.0.1',
  localhost: '127.0.0.1',
  '::1': '::1',
  '[::1]': '::1',
};

/** Gives a command the options by which its extensions are debugged. */
export function inspectOptions(command: Command): Command {
  return command
    .option(
      '--inspect [host:port]',
      'let VS Code or Chrome DevTools debug the modules (default: 127.0.0.1:9229; docs/debugging_extensions.md)',
    )
    .option('--inspect-brk [host:port]', 'the same, and wait for the debugger before the modules are loaded');
}

/** @returns undefined if neither is given. @throws UsageError */
export function inspectAddress({ inspect, inspectBrk }: InspectOptions): InspectAddress | undefined {
  if (inspect !== undefined && inspectBrk !== undefined)
    throw new UsageError('--inspect and --inspect-brk exclude each other');
  if (inspectBrk !== undefined) return { ...parse('--inspect-brk', inspectBrk), waits: true };
  return inspect === undefined ? undefined : { ...parse('--inspect', inspect), waits: false };
}

function parse(option: string, text: string | true): Omit<InspectAddress, 'waits'> {
  if (text === true) return { host: '127.0.0.1', port: DEFAULT_INSPECT_PORT };
  const [, name = '127.0.0.1', digits = ''] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = digits === '' ? NaN : Number(digits);
  if (Number.isNaN(port) || port > 0xffff) throw UsageError.ofOption(option, text, "'PORT' or 'HOST:PORT'");
  const host = Object.hasOwn(ownHosts, name) ? ownHosts[name] : undefined;
  if (host === undefined)
    throw UsageError.ofOption(option, text, `an address of this computer: ${Object.keys(ownHosts).join(', ')}`);
  return { host, port };
}
