// SPDX-License-Identifier: LGPL-2.1-only
import { Option, type Command } from 'commander';
import type { HostClient } from './host_client.js';
import { DEFAULT_MACHINE } from '../host/host_errors.js';
import { UsageError } from '../failures/usage_error.js';
import { parseHexadecimal } from '../options/number.js';

/** Options that may come anywhere, before the command's name too, as in Bareflank 1.1. */
export interface ClientOptions {
  readonly machine?: string;
  readonly cpuid?: string;
  readonly vcpuid?: string;
}

type Name = keyof ClientOptions;

const definitions: Readonly<Record<Name, () => Option>> = {
  machine: () =>
    new Option('--machine <name>', `which machine, if there is more than one (default: ${DEFAULT_MACHINE})`),
  cpuid: () => new Option('--cpuid <n>', 'the processor that executes the VMCALL (hexadecimal; default: 0)'),
  vcpuid: () => new Option('--vcpuid <n>', 'the vCPU whose debug ring is printed (hexadecimal; default: 0)'),
};
const names = Object.keys(definitions) as Name[];

/** Their names on a command line; each takes a value. */
export const clientOptionFlags: readonly string[] = names.map((name) => `--${name}`);

/** Says in a command's help which of the options it takes. */
export function takes(command: Command, ...accepted: readonly Name[]): Command {
  for (const name of accepted) command.addOption(definitions[name]());
  return command;
}

/** Lets the whole program take the options at any place, and refuses them for commands that do not. */
export function acceptClientOptions(program: Command): void {
  for (const name of names) program.addOption(definitions[name]().hideHelp());
  program.hook('preAction', (_program, action) => {
    for (const name of names) {
      if (program.getOptionValue(name) === undefined) continue;
      if (!action.options.some((option) => option.attributeName() === name))
        throw new UsageError(`unknown option '--${name}' for ${action.name()}`);
    }
  });
}

/** The options from anywhere on the command line. */
export function clientOptionsOf(command: Command): ClientOptions {
  return command.optsWithGlobals<ClientOptions>();
}

/** The machine that the command line names. */
export function machineName(command: Command): string {
  return clientOptionsOf(command).machine ?? DEFAULT_MACHINE;
}

/** `--cpuid` as a number. @throws UsageError */
export function processorOf(command: Command): number {
  const text = clientOptionsOf(command).cpuid ?? '0';
  const processor = Number(parseHexadecimal(text, '--cpuid'));
  if (!Number.isSafeInteger(processor)) throw UsageError.ofOption('--cpuid', text, 'the number of a processor');
  return processor;
}

/** Talks to the machine that the command line names. @throws NoMachineError, HostError */
export async function withHost<T>(command: Command, work: (host: HostClient) => Promise<T>): Promise<T> {
  const { HostClient } = await import('./host_client.js');
  const host = await HostClient.connect(machineName(command));
  try {
    return await work(host);
  } finally {
    host.close();
  }
}
