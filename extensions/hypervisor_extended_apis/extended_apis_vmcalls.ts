// SPDX-License-Identifier: LGPL-2.1-only
import { ExtendedApisCategory, VerifierIndex, VmcallContribution, VmcallError, VmcallOpcode } from 'bareflank';
import type { VmcallRegisters } from 'bareflank';
import { inject, injectable } from 'inversify';
import type { AccessLog } from './access_log.js';
import type { AccessTraps } from './access_traps.js';
import { ExtendedApis, type ExtendedApisIntelX64 } from './extended_apis.js';
import { VmcallPolicy } from './vmcall_policy.js';

/** One call: its index for the policy, and what it does. */
interface Call {
  readonly index: number;
  readonly run: (argument: Arguments) => unknown;
}

/** The arguments of a JSON command, or R04. */
type Arguments = Readonly<Record<string, unknown>>;

const success = ['success'];

function number(value: unknown, name: string): number {
  if (typeof value === 'number') return value;
  throw new VmcallError(`"${name}" wants a number, or "${name}_hex" a string of hexadecimal digits`);
}

function hexNumber(text: unknown, name: string): number {
  if (typeof text !== 'string' || !/^(0x)?[0-9a-f]+$/i.test(text))
    throw new VmcallError(`"${name}_hex" is no hexadecimal number`);
  return parseInt(text, 16);
}

/** The field `name_hex` in hexadecimal, else `name`. */
function numberOf(all: Arguments, name: string): number {
  return `${name}_hex` in all ? hexNumber(all[`${name}_hex`], name) : number(all[name], name);
}

function numbersOf(all: Arguments, name: string): number[] {
  const isHex = `${name}_hex` in all;
  const list = isHex ? all[`${name}_hex`] : all[name];
  if (!Array.isArray(list)) throw new VmcallError(`"${name}" wants a list`);
  return list.map((each: unknown) => (isHex ? hexNumber(each, name) : number(each, name)));
}

function flagOf(all: Arguments): boolean {
  if (typeof all.enabled === 'boolean') return all.enabled;
  throw new VmcallError('"enabled" wants true or false');
}

const done =
  (act: (all: Arguments) => void): Call['run'] =>
  (all) => {
    act(all);
    return success;
  };

/** The eight or nine commands of one kind of access. */
function accessCalls(
  kind: 'io' | 'rdmsr' | 'wrmsr',
  first: number,
  traps: AccessTraps,
  log: AccessLog,
): [string, Call][] {
  const key = kind === 'io' ? 'port' : 'msr';
  const steps: [string, Call['run']][] = [
    [`trap_on_${kind}_access`, done((all) => traps.trap(numberOf(all, key)))],
    [`trap_on_all_${kind}_accesses`, done(() => traps.trapAll())],
    [`pass_through_${kind}_access`, done((all) => traps.passThrough(numberOf(all, key)))],
    [`pass_through_all_${kind}_accesses`, done(() => traps.passThroughAll())],
    [`whitelist_${kind}_access`, done((all) => traps.whitelist(numbersOf(all, `${key}s`)))],
    [`blacklist_${kind}_access`, done((all) => traps.blacklist(numbersOf(all, `${key}s`)))],
    [`log_${kind}_access`, done((all) => log.enable(flagOf(all)))],
    [`clear_${kind}_access_log`, done(() => log.clear())],
    [`${kind}_access_log`, () => log.toJson()],
  ];
  return steps.map(([name, run], at) => [name, { index: first + at, run }]);
}

function callsOf(apis: ExtendedApisIntelX64, policy: VmcallPolicy): Map<string, Call> {
  const toggle = (on: () => void, off: () => void): Call['run'] => done((all) => (flagOf(all) ? on() : off()));
  return new Map<string, Call>([
    ['clear_denials', { index: VerifierIndex.clearDenials, run: done(() => policy.clearDenials()) }],
    ['dump_policy', { index: VerifierIndex.dumpPolicy, run: () => policy.dump() }],
    ['dump_denials', { index: VerifierIndex.dumpDenials, run: () => policy.denials }],
    [
      'enable_io_bitmaps',
      {
        index: VerifierIndex.enableIoBitmaps,
        run: toggle(
          () => apis.enableIoBitmaps(),
          () => apis.disableIoBitmaps(),
        ),
      },
    ],
    [
      'enable_vpid',
      {
        index: VerifierIndex.enableVpid,
        run: toggle(
          () => apis.enableVpid(),
          () => apis.disableVpid(),
        ),
      },
    ],
    [
      'enable_msr_bitmap',
      {
        index: VerifierIndex.enableMsrBitmap,
        run: toggle(
          () => apis.enableMsrBitmap(),
          () => apis.disableMsrBitmap(),
        ),
      },
    ],
    ...accessCalls('io', VerifierIndex.trapOnIoAccess, apis.ioAccess, apis.ioAccessLog),
    ...accessCalls('rdmsr', VerifierIndex.trapOnRdmsrAccess, apis.rdmsrAccess, apis.rdmsrAccessLog),
    ...accessCalls('wrmsr', VerifierIndex.trapOnWrmsrAccess, apis.wrmsrAccess, apis.wrmsrAccessLog),
  ]);
}

/** The commands behind the functions of R03, by category (R02); `true` and `false` are the argument "enabled". */
const functions: Readonly<Record<number, readonly (readonly [string, boolean?])[]>> = {
  [ExtendedApisCategory.eapis_cat__io_instruction]: [
    ['enable_io_bitmaps', true],
    ['enable_io_bitmaps', false],
    ['trap_on_io_access'],
    ['trap_on_all_io_accesses'],
    ['pass_through_io_access'],
    ['pass_through_all_io_accesses'],
  ],
  [ExtendedApisCategory.eapis_cat__vpid]: [
    ['enable_vpid', true],
    ['enable_vpid', false],
  ],
  [ExtendedApisCategory.eapis_cat__msr]: [
    ['enable_msr_bitmap', true],
    ['enable_msr_bitmap', false],
  ],
  [ExtendedApisCategory.eapis_cat__rdmsr]: accessFunctions('rdmsr'),
  [ExtendedApisCategory.eapis_cat__wrmsr]: accessFunctions('wrmsr'),
};

function accessFunctions(kind: string): readonly (readonly [string])[] {
  return [
    [`trap_on_${kind}_access`],
    [`trap_on_all_${kind}_accesses`],
    [`pass_through_${kind}_access`],
    [`pass_through_all_${kind}_accesses`],
  ];
}

/** The VMCALLs of extended_apis 1.1: registers by category and function, and JSON commands. */
@injectable()
export class ExtendedApisVmcalls implements VmcallContribution {
  @inject(ExtendedApis) protected readonly apis!: ExtendedApisIntelX64;
  @inject(VmcallPolicy) protected readonly policy!: VmcallPolicy;
  readonly name = 'eapis';
  readonly opcodes = [VmcallOpcode.VMCALL_REGISTERS];
  private calls: Map<string, Call> | undefined;

  handle(registers: VmcallRegisters): boolean {
    const those = functions[Number(registers.r02)];
    if (those === undefined) return false;
    const entry = those[Number(registers.r03) - 1];
    if (entry === undefined)
      throw new VmcallError(`unknown function ${registers.r03} of category 0x${registers.r02.toString(16)}`);
    const argument = Number(registers.r04);
    this.run(entry[0], { enabled: entry[1], port: argument, msr: argument });
    return true;
  }

  handleJson(command: unknown): unknown {
    const all = (command ?? {}) as Arguments;
    if (typeof all.command !== 'string' || !this.all().has(all.command)) return undefined;
    return this.run(all.command, all);
  }

  private run(name: string, all: Arguments): unknown {
    const call = this.all().get(name)!;
    this.policy.verify(call.index, name);
    return call.run(all);
  }

  private all(): Map<string, Call> {
    return (this.calls ??= callsOf(this.apis, this.policy));
  }
}
