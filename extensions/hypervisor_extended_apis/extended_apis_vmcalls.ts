// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError, derived } from 'bareflank';
import { VmcallContribution, VmcallError, VmcallOpcode } from 'bareflank';
import type { VmcallRegisters } from 'bareflank';
import { inject, injectable } from 'inversify';
import type { AccessLog } from './access_log.js';
import type { AccessTraps } from './access_traps.js';
import { ExtendedApis, type ExtendedApisIntelX64 } from './extended_apis.js';
import {
  flagOf,
  msrArgument,
  nearestName,
  numberOf,
  numbersOf,
  portArgument,
  type Arguments,
} from './vmcall_arguments.js';
import { VmcallPolicy } from './vmcall_policy.js';
import { ExtendedApisCategory, VerifierIndex } from './verifier.js';

/** One call: its index for the policy, and what it does. */
interface Call {
  readonly index: number;
  /** The argument that the policy gets. */
  readonly argument: (all: Arguments) => unknown;
  readonly run: (argument: unknown) => unknown;
}

const success = ['success'];

/** A call that answers `["success"]`. Its argument is checked before the policy is asked and before anything changes. */
function call<T>(index: number, argument: (all: Arguments) => T, act: (argument: T) => void): Call {
  return {
    index,
    argument,
    run: (value) => {
      act(value as T);
      return success;
    },
  };
}

const nothing = (): undefined => undefined;

/** A call without an argument that answers something else. */
function query(index: number, run: () => unknown): Call {
  return { index, argument: nothing, run };
}

/** The nine commands of one kind of access, in the order of their indexes. */
function accessCalls(
  kind: 'io' | 'rdmsr' | 'wrmsr',
  first: number,
  traps: AccessTraps,
  log: AccessLog,
): [string, Call][] {
  const key = kind === 'io' ? portArgument : msrArgument;
  const one = (all: Arguments): number => numberOf(all, key);
  const list = (all: Arguments): number[] => numbersOf(all, key);
  return [
    [`trap_on_${kind}_access`, call(first, one, (each) => traps.trap(each))],
    [`trap_on_all_${kind}_accesses`, call(first + 1, nothing, () => traps.trapAll())],
    [`pass_through_${kind}_access`, call(first + 2, one, (each) => traps.passThrough(each))],
    [`pass_through_all_${kind}_accesses`, call(first + 3, nothing, () => traps.passThroughAll())],
    [`whitelist_${kind}_access`, call(first + 4, list, (keys) => traps.whitelist(keys))],
    [`blacklist_${kind}_access`, call(first + 5, list, (keys) => traps.blacklist(keys))],
    [`log_${kind}_access`, call(first + 6, flagOf, (on) => log.enable(on))],
    [`clear_${kind}_access_log`, call(first + 7, nothing, () => log.clear())],
    [`${kind}_access_log`, query(first + 8, () => log.toJson())],
  ];
}

function callsOf(apis: ExtendedApisIntelX64, policy: VmcallPolicy): Map<string, Call> {
  const toggle = (index: number, on: () => void, off: () => void): Call =>
    call(index, flagOf, (isOn) => (isOn ? on() : off()));
  const { enableIoBitmaps, enableVpid, enableMsrBitmap } = VerifierIndex;
  const io = toggle(
    enableIoBitmaps,
    () => apis.enableIoBitmaps(),
    () => apis.disableIoBitmaps(),
  );
  const vpid = toggle(
    enableVpid,
    () => apis.enableVpid(),
    () => apis.disableVpid(),
  );
  const msr = toggle(
    enableMsrBitmap,
    () => apis.enableMsrBitmap(),
    () => apis.disableMsrBitmap(),
  );
  return new Map<string, Call>([
    ['clear_denials', call(VerifierIndex.clearDenials, nothing, () => policy.clearDenials())],
    ['dump_policy', query(VerifierIndex.dumpPolicy, () => policy.dump())],
    ['dump_denials', query(VerifierIndex.dumpDenials, () => policy.denials)],
    ['enable_io_bitmaps', io],
    ['enable_vpid', vpid],
    ['enable_msr_bitmap', msr],
    ...accessCalls('io', VerifierIndex.trapOnIoAccess, apis.ioAccess, apis.ioAccessLog),
    ...accessCalls('rdmsr', VerifierIndex.trapOnRdmsrAccess, apis.rdmsrAccess, apis.rdmsrAccessLog),
    ...accessCalls('wrmsr', VerifierIndex.trapOnWrmsrAccess, apis.wrmsrAccess, apis.wrmsrAccessLog),
  ]);
}

/** The commands of the functions in R03, by category (R02); `true` and `false` are the argument "enabled". */
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
  readonly name = 'eapis-vmcalls';
  readonly opcodes = [VmcallOpcode.VMCALL_REGISTERS];
  @derived() private calls: Map<string, Call> | undefined;

  /** R02 category, R03 function, R04 port or MSR; other categories go to the next contribution. */
  handleVmcall(registers: VmcallRegisters): boolean {
    const those = functions[Number(registers.r02)];
    if (those === undefined) return false;
    const entry = those[Number(registers.r03) - 1];
    if (entry === undefined) {
      const category = `0x${registers.r02.toString(16)}`;
      throw new VmcallError(`unknown function ${registers.r03} of category ${category}; there are 1 … ${those.length}`);
    }
    this.run(entry[0], { enabled: entry[1], port: registers.r04, msr: registers.r04 });
    return true;
  }

  /** @throws VmcallError for a misspelt command of this extension. Other commands go to the next contribution. */
  handleVmcallJson(command: unknown): unknown {
    const name = (command as { command?: unknown } | null | undefined)?.command;
    if (typeof name !== 'string') return undefined;
    if (this.all().has(name)) return this.run(name, command as Arguments);
    const near = nearestName(name, [...this.all().keys()]);
    if (near !== undefined) throw new VmcallError(`unknown command "${name}"; is "${near}" meant?`);
    return undefined;
  }

  private run(name: string, all: Arguments): unknown {
    const entry = this.all().get(name)!;
    try {
      const argument = entry.argument(all);
      this.policy.verify(entry.index, name, argument);
      return entry.run(argument);
    } catch (error) {
      if (error instanceof BareflankError) throw new VmcallError(`${name}: ${error.message}`, { causedBy: error });
      throw error;
    }
  }

  private all(): Map<string, Call> {
    return (this.calls ??= callsOf(this.apis, this.policy));
  }
}
