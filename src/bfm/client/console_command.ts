// SPDX-License-Identifier: LGPL-2.1-only
import { Command } from 'commander';
import { machineName, takes } from './client_options.js';
import { ExitStatus } from '../failures/exit_status.js';
import { GuestConsole } from '../console/guest_console.js';
import { HostClient } from './host_client.js';
import { CONSOLE, DROPPED, ENDED, VMM } from '../host/host_protocol.js';
import { RawOutput } from '../console/raw_output.js';
import { parseTimeout } from '../run/run_options.js';
import { Terminal } from '../console/terminal.js';
import { TextMatcher } from '../../session/text_matcher.js';
import type { TextSink } from '../console/text_sink.js';
import { typeFrom } from '../console/type_from.js';
import { Typist } from '../console/typist.js';
import { UsageError } from '../failures/usage_error.js';
import { VmmLines } from '../console/vmm_lines.js';

/** Bytes of output that may wait here for a terminal or a pipe. */
const MOST_UNDER_WAY = 1 << 18;

interface ConsoleOptions {
  readonly until?: string;
  readonly timeout?: string;
}

/** The options, checked. */
interface CheckedOptions {
  readonly until: string | undefined;
  readonly seconds: number | undefined;
}

/** @throws UsageError */
function check({ until, timeout }: ConsoleOptions): CheckedOptions {
  if (until === '') throw new UsageError('--until wants a text');
  return { until, seconds: parseTimeout(timeout) };
}

const bytesOf = ({ data }: { data: string }): Uint8Array => Buffer.from(data, 'base64');

/** Shows the console until something ends it. @returns why. */
async function show(host: HostClient, { until, seconds }: CheckedOptions): Promise<ExitStatus> {
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const screen = new GuestConsole(process.stdout, isTerminal ? '\r\n' : '\n');
  const vmm = new VmmLines(
    isTerminal ? new RawOutput(process.stderr) : process.stderr,
    process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
  );
  const matcher = until === undefined ? undefined : new TextMatcher(until);
  let leave: (status: ExitStatus) => void = () => {};
  let isOver = false;
  const left = new Promise<ExitStatus>((resolve) => {
    leave = (status) => {
      isOver = true;
      resolve(status);
    };
  });
  const taking = limited(host);
  const output = (bytes: Uint8Array): void => {
    screen.write(bytes, taking(bytes.length));
    if (matcher !== undefined && [...bytes].some((byte) => matcher.push(byte))) leave(ExitStatus.Reached);
  };
  const ended = (detail: string): void => {
    screen.end();
    complain(`the guest has ended: ${detail}`);
    leave(matcher === undefined ? ExitStatus.Reached : ExitStatus.Error);
  };
  // The removal of a machine is announced first.
  const hostGone = (): void => {
    if (isOver) return;
    screen.end();
    complain("the machine's host went away: it was killed");
    leave(ExitStatus.Error);
  };
  host.on(CONSOLE, (params: { data: string }) => output(bytesOf(params)));
  host.on(VMM, (params: { data: string }) => {
    const bytes = bytesOf(params);
    vmm.write(bytes, taking(bytes.length));
  });
  host.on(DROPPED, ({ bytes }: { bytes: number }) => {
    screen.end();
    complain(`${bytes} bytes of output were dropped: they were not read in time`);
  });
  host.on(ENDED, ({ detail }: { detail: string }) => ended(detail));
  const timer = seconds === undefined ? undefined : setTimeout(() => leave(ExitStatus.Timeout), seconds * 1000);
  const release = takeInput(host, () => leave(ExitStatus.Reached));
  try {
    const { backlog, ending } = await host.attach();
    output(Buffer.from(backlog, 'base64'));
    if (ending !== undefined) ended(ending);
    void host.closed.then(hostGone);
    return await left;
  } finally {
    clearTimeout(timer);
    release();
    screen.end();
    vmm.end();
  }
}

/** stderr for our own lines, while the terminal may be raw. */
const errors = (): TextSink => (process.stdin.isRaw === true ? new RawOutput(process.stderr) : process.stderr);

function complain(text: string): void {
  errors().write(`bfm: ${text}\n`);
}

/** Reads from the host only as fast as this process writes. @returns a function that counts bytes and returns the callback for when they are written. */
function limited(host: HostClient): (bytes: number) => () => void {
  let underWay = 0;
  return (bytes) => {
    underWay += bytes;
    if (underWay > MOST_UNDER_WAY) host.pause();
    return () => {
      underWay -= bytes;
      if (underWay <= MOST_UNDER_WAY) host.resume();
    };
  };
}

/** Sends input to the guest. @returns a function that gives the input back. */
function takeInput(host: HostClient, onLeave: () => void): () => void {
  const { stdin } = process;
  const type = (bytes: Uint8Array): Promise<void> => host.type(bytes);
  if (stdin.isTTY !== true || process.stdout.isTTY !== true)
    return typeFrom(
      stdin,
      type,
      () => {},
      ({ message }) => complain(message),
    );
  const typist = new Typist(type, complain);
  const terminal = new Terminal(stdin, (bytes) => typist.type(bytes), onLeave);
  terminal.open();
  return () => terminal.close();
}

/** The command `bfm console`: attaches to the guest's console. @param done takes its exit status. */
export function consoleCommand(done: (status: ExitStatus) => void): Command {
  const command = new Command('console')
    .description("attach to the guest's console; Ctrl-A X leaves it")
    .option('--until <text>', 'leave once this text appears on the console')
    .option('--timeout <seconds>', 'leave after this time')
    .action(async (options: ConsoleOptions) => {
      const checked = check(options);
      const host = await HostClient.connect(machineName(command));
      try {
        done(await show(host, checked));
      } finally {
        host.close();
      }
    });
  return takes(command, 'machine');
}
