// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import pc from 'picocolors';
import { VmcallDataType, VmcallOpcode, VmcallVersions } from '../../vmm/exit/vmcall_interface.js';
import { processorOf, takes, withHost } from './client_options.js';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { FileError } from '../failures/file_error.js';
import type { WireRegisters } from '../host/host_protocol.js';
import { checkEach } from '../options/check_all.js';
import { parseDecimal, parseHexadecimal } from '../options/number.js';
import { UsageError } from '../failures/usage_error.js';
import { openOutput, reasonOfOutput } from '../worker/output_file.js';
import { jsonAnswer, textAnswer } from './vmcall_answer.js';

/** Colours are for people: not for files and pipes, and not where NO_COLOR is set. */
const colours = pc.createColors(process.stdout.isTTY === true && process.env.NO_COLOR === undefined);

/** The registers that VMCALL_REGISTERS carries there and back. */
const carried = ['r02', 'r03', 'r04', 'r05', 'r06', 'r07', 'r08', 'r09', 'r10', 'r11', 'r12'] as const;

function print(text: string | undefined): void {
  if (text !== undefined) process.stdout.write(`${text}\n`);
}

async function send(command: Command, registers: WireRegisters): Promise<WireRegisters> {
  const cpuid = processorOf(command);
  return (await withHost(command, (host) => host.request('vmcall', { cpuid, registers }))).registers;
}

async function sendData(command: Command, type: number, data: Uint8Array): Promise<Buffer> {
  const cpuid = processorOf(command);
  const params = { cpuid, type, data: Buffer.from(data).toString('base64') };
  return Buffer.from((await withHost(command, (host) => host.request('vmcallData', params))).data, 'base64');
}

function leaf(name: string, description: string): Command {
  return takes(new Command(name).description(description), 'machine', 'cpuid');
}

function versions(): Command {
  const command = leaf('versions', 'ask for a version')
    .argument('<index>', '0 protocol, 1 Bareflank, 10 user (decimal, 0x for hexadecimal)')
    .action(async (text: string) => {
      const index = parseDecimal(text, 'versions');
      const { r03, r04, r05 } = await send(command, {
        r00: hex(BigInt(VmcallOpcode.VMCALL_VERSIONS)),
        r02: hex(index),
      });
      if (index === BigInt(VmcallVersions.VMCALL_VERSION_PROTOCOL)) return print(`VMCALL_VERSIONS: ${r03}`);
      const who = index === BigInt(VmcallVersions.VMCALL_VERSION_BAREFLANK) ? 'BAREFLANK' : 'USER';
      print(`${who}_VERSION_MAJOR: ${r03}\n${who}_VERSION_MINOR: ${r04}\n${who}_VERSION_PATCH: ${r05}`);
    });
  return command;
}

/** Missing values are sent as zeros. @throws UsageError */
function registerValues(values: readonly string[]): WireRegisters {
  const numbers = checkEach(values, (value) => parseHexadecimal(value, 'register value'));
  if (numbers.length > carried.length)
    throw new UsageError(
      `vmcall registers: ${numbers.length} values are too many: ${carried.length} fit, for R02 to R12`,
      {
        details: {
          where: 'vmcall registers',
          found: `${numbers.length} values`,
          expected: `at most ${carried.length}`,
        },
      },
    );
  return Object.fromEntries(numbers.map((number, at) => [carried[at]!, hex(number)]));
}

function registers(): Command {
  const command = leaf('registers', 'send registers, print those that come back')
    .argument('[values...]', 'R02 to R12 (hexadecimal)')
    .action(async (values: readonly string[]) => {
      const given = registerValues(values);
      const answer = await send(command, { r00: hex(BigInt(VmcallOpcode.VMCALL_REGISTERS)), ...given });
      for (const name of carried) print(`${name}: ${answer[name]}`);
    });
  return command;
}

function unformattedText(): Command {
  const command = leaf('unformatted', 'send a text, print the answer')
    .argument('<text>')
    .action(async (text: string) => {
      const answer = await sendData(command, VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED, Buffer.from(text));
      print(textAnswer(answer));
    });
  return command;
}

function checkJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw new UsageError(
      `vmcall string json: this is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function jsonText(): Command {
  const command = leaf('json', 'send JSON, print the answer')
    .argument('<json>')
    .action(async (text: string) => {
      const answer = await sendData(command, VmcallDataType.VMCALL_DATA_STRING_JSON, Buffer.from(checkJson(text)));
      print(jsonAnswer(answer));
    });
  return command;
}

function readInput(path: string): Uint8Array {
  // The data may come from a pipe. A device would be read for ever.
  const flaw = fileFlaw(path);
  if (flaw !== undefined && flaw.found !== 'a pipe') throw new FileError(`${path} cannot be read: ${flaw.sentence}`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FileError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function writeOutput(path: string, answer: Uint8Array): void {
  try {
    const file = openOutput(path);
    try {
      writeFileSync(file, answer);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new FileError(`${path} cannot be written: ${reasonOfOutput(error)}`);
  }
}

function binary(): Command {
  const command = leaf('unformatted', 'send the bytes of a file, write the answer to another')
    .argument('<ifile>')
    .argument('<ofile>')
    .action(async (input: string, output: string) => {
      const answer = await sendData(command, VmcallDataType.VMCALL_DATA_BINARY_UNFORMATTED, readInput(input));
      writeOutput(output, answer);
    });
  return command;
}

function event(): Command {
  const command = leaf('event', 'send an event')
    .argument('<index>', 'hexadecimal')
    .action(async (text: string) => {
      await send(command, { r00: hex(BigInt(VmcallOpcode.VMCALL_EVENT)), r02: hex(parseHexadecimal(text, 'event')) });
      print('success');
    });
  return command;
}

function unittest(): Command {
  const command = leaf('unittest', 'run a self test inside the VMM')
    .argument('<id>', 'hexadecimal; bit 63 set for those of users')
    .action(async (text: string) => {
      const id = parseHexadecimal(text, 'unittest');
      await send(command, { r00: hex(BigInt(VmcallOpcode.VMCALL_UNITTEST)), r02: hex(id) });
      print(`${hex(id)}: ${colours.green('passed')}`);
    });
  return command;
}

/** A command that only has subcommands. Without one it lists them. */
function group(name: string, description: string, ...commands: readonly Command[]): Command {
  const command = new Command(name).description(description);
  for (const each of commands) command.addCommand(each);
  return command;
}

/** The command `bfm vmcall`: calls the running VMM, as its driver does. */
export function vmcallCommand(): Command {
  return group(
    'vmcall',
    'call the running VMM',
    versions(),
    registers(),
    group('string', 'send a string', unformattedText(), jsonText()),
    group('data', 'send binary data', binary()),
    event(),
    unittest(),
  );
}
