// SPDX-License-Identifier: LGPL-2.1-only
import type { VmcallRegisters } from '../../vmm/exit/vmcall_registers.js';
import type { DriverCommands } from './driver_commands.js';
import { CommandError } from './host_errors.js';
import { checkedParameters } from './host_parameters.js';
import type { HostRequests } from './host_protocol.js';

/** The methods of a host that call its machine's driver. Each may change what the guest or the VMM sees, so each is an event of the run. */
export type DriverMethod = 'load' | 'reload' | 'unload' | 'start' | 'stop' | 'vmcall' | 'vmcallData';

type Performers = {
  readonly [M in DriverMethod]: (
    commands: DriverCommands,
    params: HostRequests[M]['params'],
  ) => HostRequests[M]['result'] | Promise<HostRequests[M]['result']>;
};

function vmcall(
  commands: DriverCommands,
  { cpuid, registers }: HostRequests['vmcall']['params'],
): HostRequests['vmcall']['result'] {
  const given = Object.fromEntries(Object.entries(registers).map(([name, value]) => [name, BigInt(value)]));
  const answer = commands.vmcall(cpuid, given as Partial<VmcallRegisters>);
  const hexadecimal = ([name, value]: [string, bigint]): [string, string] => [name, `0x${value.toString(16)}`];
  return {
    registers: Object.fromEntries(Object.entries(answer as unknown as Record<string, bigint>).map(hexadecimal)),
  };
}

const performers: Performers = {
  async load(commands, { files, settings }) {
    await commands.load(files, settings);
    return null;
  },
  async reload(commands, { files = commands.moduleFiles }) {
    return commands.reload(files, await commands.prepareReload(files));
  },
  unload: (commands) => (commands.unload(), null),
  start: (commands) => (commands.start(), null),
  stop: (commands) => (commands.stop(), null),
  vmcall,
  vmcallData: (commands, { cpuid, type, data }) => ({
    data: Buffer.from(commands.vmcallData(cpuid, type, Buffer.from(data, 'base64'))).toString('base64'),
  }),
};

const isDriverMethod = (method: string): method is DriverMethod => Object.hasOwn(performers, method);

/** Calls the driver as a request or a recording says. @throws CommandError, or what the driver throws */
export async function performCall(commands: DriverCommands, method: string, params: unknown): Promise<unknown> {
  if (!isDriverMethod(method)) throw new CommandError(`${method} is no call of a driver`);
  const perform = performers[method] as (commands: DriverCommands, params: unknown) => unknown;
  return perform(commands, checkedParameters(method, params));
}
