// SPDX-License-Identifier: LGPL-2.1-only
import { inject, multiInject, optional } from 'inversify';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { extension } from '../container/extension.js';
import type { AskedContributions } from '../contributions/asked_contributions.js';
import { VmcallContribution } from '../contributions/vmcall_contribution.js';
import { VmcallError } from '../errors.js';
import { VmcallDataType, VmcallOpcode } from '../exit/vmcall_interface.js';
import { loadVmcallRegisters, storeVmcallRegisters, type VmcallRegisters } from '../exit/vmcall_registers.js';
import { GuestMemory } from '../memory_manager/guest_memory.js';
import { bfdebug } from '../output/output.js';
import { derived } from '../state/state.js';
import { ReloadWork } from '../reload/reload_work.js';
import { defaultSizes, Sizes } from '../sizes.js';
import { decodeUtf8, encodeUtf8, hex } from '../support/text.js';
import { runSelfTest } from '../vmcall/self_tests.js';
import { UserVersion } from '../vmcall/user_version.js';
import { askForJson, askForOpcode, isDenied, isUserMode, refuseUnknownCommand } from '../vmcall/vmcall_callers.js';
import { exchangeData, jsonOf } from '../vmcall/vmcall_data.js';
import { VmcallFailures } from '../vmcall/vmcall_failures.js';
import { resultOf } from '../vmcall/vmcall_result.js';
import { answerVersions } from '../vmcall/vmcall_versions.js';
import { ExitDispatcherIntelX64 } from './exit_dispatcher_intel_x64.js';

/** Bareflank's VMCALLs: a handler of each opcode, and of each type of data. Each may be overridden. */
@extension()
export abstract class VmcallHandlerIntelX64 extends ExitDispatcherIntelX64 {
  @inject(GuestMemory) protected readonly guestMemory!: GuestMemory;
  @inject(UserVersion) protected readonly userVersion!: UserVersion;
  @inject(VmcallFailures) @optional() protected readonly vmcallFailures: VmcallFailures | undefined;
  @inject(ReloadWork) protected readonly reloadWork!: ReloadWork;
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  @multiInject(VmcallContribution) @optional() protected readonly vmcallContributions: readonly VmcallContribution[] =
    [];
  @derived() private askedForVmcall!: AskedContributions<VmcallContribution>;

  override attach(): void {
    super.attach();
    this.askedForVmcall = this.asked(this.vmcallContributions);
  }

  /** Checks the magic number and calls the handler of the opcode; an exception becomes the result. A handler that injects a fault denies the VMCALL. */
  protected handleVmcall(): void {
    if (isDenied(this.exit, this.vmcallContributions)) {
      this.exit.inject(Vector.InvalidOpcode);
      return;
    }
    const registers = loadVmcallRegisters(this.exit.registers.values);
    const result = resultOf(this.exit, registers, this.vmcallFailures, () => this.handleVmcallOpcode(registers));
    if (!this.exit.hasInjected) this.completeVmcall(result, registers);
  }

  /** Answers a VMCALL: R01 = `result`, the other registers as they are, RIP after the instruction. May be called later than its handler. */
  protected completeVmcall(result: bigint, registers: VmcallRegisters): void {
    registers.r01 = result;
    storeVmcallRegisters(registers, this.exit.registers.values);
    this.exit.advance();
  }

  protected handleVmcallOpcode(registers: VmcallRegisters): void {
    const opcode = Number(registers.r00);
    if (askForOpcode(this.exit, this.askedForVmcall, registers)) return;
    if (isUserMode(this.exit) && opcode !== VmcallOpcode.VMCALL_DATA) {
      throw new VmcallError(`no contribution allows user mode to make VMCALL ${hex(registers.r00)}`);
    }
    switch (opcode) {
      case VmcallOpcode.VMCALL_VERSIONS:
        return this.handleVmcallVersions(registers);
      case VmcallOpcode.VMCALL_REGISTERS:
        return this.handleVmcallRegisters(registers);
      case VmcallOpcode.VMCALL_DATA:
        return this.handleVmcallData(registers);
      case VmcallOpcode.VMCALL_EVENT:
        return this.handleVmcallEvent(registers.r02);
      case VmcallOpcode.VMCALL_START:
        this.checkDriver('start');
        return this.handleVmcallStart();
      case VmcallOpcode.VMCALL_STOP:
        this.checkDriver('stop');
        return this.handleVmcallStop();
      case VmcallOpcode.VMCALL_RELOAD:
        this.checkDriver('reload');
        return this.reloadWork.run();
      case VmcallOpcode.VMCALL_UNITTEST:
        return this.handleVmcallUnittest(registers.r02);
      default:
        throw new VmcallError(`unknown vmcall opcode ${hex(registers.r00)}`);
    }
  }

  protected handleVmcallVersions(registers: VmcallRegisters): void {
    answerVersions(registers, this.userVersion, (index) => this.handleUserVersions(index));
  }

  /** Versions that a user defined: indexes from 2^63. */
  protected handleUserVersions(_index: bigint): readonly number[] {
    return this.userVersion;
  }

  /** Default: logged, and the arguments come back. */
  protected handleVmcallRegisters(registers: VmcallRegisters): void {
    bfdebug`vmcall registers:`;
    for (const [name, value] of Object.entries(registers).slice(2)) bfdebug`${name}: ${hex(value as bigint)}`;
  }

  protected handleVmcallData(registers: VmcallRegisters): void {
    const { exit, guestMemory, sizes } = this;
    exchangeData({ exit, guestMemory, sizes }, registers, (type, data) => this.handleVmcallDataType(type, data));
  }

  protected handleVmcallDataType(type: number, data: Uint8Array): Uint8Array {
    if (isUserMode(this.exit) && type !== VmcallDataType.VMCALL_DATA_STRING_JSON) {
      throw new VmcallError(`user mode may send JSON commands only, not data of type ${type}`);
    }
    switch (type) {
      case VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED:
        return encodeUtf8(this.handleVmcallDataStringUnformatted(decodeUtf8(data)));
      case VmcallDataType.VMCALL_DATA_STRING_JSON:
        return encodeUtf8(jsonOf(this.answerVmcallJson(JSON.parse(decodeUtf8(data)))));
      case VmcallDataType.VMCALL_DATA_BINARY_UNFORMATTED:
        return this.handleVmcallDataBinaryUnformatted(data);
      default:
        throw new VmcallError(`unknown vmcall data type ${type}; 1 string, 2 JSON, 10 binary`);
    }
  }

  /** @returns the answer. By default the data are logged and echoed, as in the other two. */
  protected handleVmcallDataStringUnformatted(text: string): string {
    bfdebug`received in vmm: ${text}`;
    return text;
  }

  protected handleVmcallDataStringJson(value: unknown): unknown {
    refuseUnknownCommand(this.vmcallContributions, value);
    bfdebug`received in vmm: ${JSON.stringify(value)}`;
    return value;
  }

  protected handleVmcallDataBinaryUnformatted(data: Uint8Array): Uint8Array {
    bfdebug`received binary data in vmm: ${data.length} bytes`;
    return data;
  }

  protected handleVmcallEvent(index: bigint): void {
    bfdebug`vmcall event: ${hex(index)}`;
  }

  /** The driver's first call from a started processor. */
  protected handleVmcallStart(): void {
    // Nothing by default: for subclasses.
  }

  /** The driver's last call before it stops the processor. */
  protected handleVmcallStop(): void {
    // Nothing by default: for subclasses.
  }

  protected handleVmcallUnittest(id: bigint): void {
    if (id >= 1n << 63n) return this.handleUserUnittest(id);
    runSelfTest(Number(id));
  }

  /** Self tests that a user defined: ids from 2^63. */
  protected handleUserUnittest(id: bigint): void {
    throw new VmcallError(`unknown unittest ${hex(id)}`);
  }

  private answerVmcallJson(command: unknown): unknown {
    const answer = askForJson(this.exit, this.askedForVmcall, command);
    return answer === undefined ? this.handleVmcallDataStringJson(command) : answer;
  }

  /** By VMCALLs start, stop and reload, the driver acts on this processor. A guest cannot. */
  private checkDriver(what: string): void {
    if (this.processor.isDriverContext()) return;
    throw new VmcallError(`VMCALL ${what} is the driver's: it was made outside the driver's context`);
  }
}
