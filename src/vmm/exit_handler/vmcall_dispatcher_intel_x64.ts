// SPDX-License-Identifier: LGPL-2.1-only
import { inject, multiInject, optional } from 'inversify';
import { BAREFLANK_VERSION, UserVersion } from './user_version.js';
import { ErrorCode } from '../error_codes.js';
import {
  VMCALL_MAGIC,
  VMCALL_VERSION,
  VmcallDataType,
  VmcallOpcode,
  VmcallVersions,
} from '../exit/vmcall_interface.js';
import { Vector } from '../../intrinsics/exit_information.js';
import { Efer } from '../../intrinsics/registers.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { extension } from '../container/extension.js';
import { isHandled } from '../container/answers.js';
import { VmcallContribution } from '../contributions/vmcall_contribution.js';
import { OutOfMemoryError, VmcallError } from '../errors.js';
import { GuestMemory, type GuestAccess } from '../memory_manager/guest_memory.js';
import { bfdebug, bferror } from '../output/output.js';
import { defaultSizes, Sizes } from '../sizes.js';
import { decodeUtf8, encodeUtf8, hex } from '../support/text.js';
import { ExitDispatcherIntelX64 } from './exit_dispatcher_intel_x64.js';
import { runSelfTest } from './self_tests.js';
import { VmcallFailures } from './vmcall_failures.js';
import { loadVmcallRegisters, storeVmcallRegisters, type VmcallRegisters } from '../exit/vmcall_registers.js';

/** @throws VmcallError for an answer that JSON cannot express: a function, a bigint, a circle. */
function jsonOf(answer: unknown): string {
  let reason: string = typeof answer;
  try {
    const text = JSON.stringify(answer) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  throw new VmcallError(`the handler of a JSON command returned what is no JSON (${reason})`);
}

/** VMCALLs of version 1: by opcode, and data by type. Each handler may be overridden. */
@extension()
export abstract class VmcallDispatcherIntelX64 extends ExitDispatcherIntelX64 {
  @inject(GuestMemory) protected readonly guestMemory!: GuestMemory;
  @inject(UserVersion) protected readonly userVersion!: UserVersion;
  @inject(VmcallFailures) @optional() protected readonly vmcallFailures: VmcallFailures | undefined;
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  @multiInject(VmcallContribution) @optional() protected readonly vmcallContributions: readonly VmcallContribution[] =
    [];

  /** Checks the magic number and calls the handler of the opcode; an exception becomes the result. A handler that injects a fault denies the VMCALL. */
  protected handleVmcall(): void {
    if (this.isUserMode() && this.callableContributions().length === 0) {
      this.exit.inject(Vector.InvalidOpcode);
      return;
    }
    const registers = loadVmcallRegisters(this.exit.registers.values);
    let result: bigint = ErrorCode.BF_VMCALL_SUCCESS;
    try {
      if (registers.r01 !== VMCALL_MAGIC) {
        throw new VmcallError(`invalid magic ${hex(registers.r01)} in R01 (RDX), wanted ${hex(VMCALL_MAGIC)}`);
      }
      this.handleVmcallOpcode(registers);
    } catch (error) {
      result = error instanceof OutOfMemoryError ? ErrorCode.BF_BAD_ALLOC : ErrorCode.BF_VMCALL_FAILURE;
      const message = error instanceof Error ? error.message : String(error);
      this.vmcallFailures?.note(this.exit.vcpuid, { message, error });
      bferror`vmcall ${hex(registers.r00)}: ${message}`;
    }
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
    for (const contribution of this.callableContributions()) {
      if (!contribution.opcodes.includes(opcode)) continue;
      if (isHandled(contribution.handleVmcall(registers, this.exit), contribution, 'handleVmcall')) return;
    }
    if (this.isUserMode() && opcode !== VmcallOpcode.VMCALL_DATA) {
      throw new VmcallError(`no contribution lets user mode make VMCALL ${hex(registers.r00)}`);
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
      case VmcallOpcode.VMCALL_UNITTEST:
        return this.handleVmcallUnittest(registers.r02);
      default:
        throw new VmcallError(`unknown vmcall opcode ${hex(registers.r00)}`);
    }
  }

  protected handleVmcallVersions(registers: VmcallRegisters): void {
    const answer = (version: readonly number[]): void => {
      [registers.r03, registers.r04, registers.r05] = version.map(BigInt) as [bigint, bigint, bigint];
    };
    if (registers.r02 === BigInt(VmcallVersions.VMCALL_VERSION_PROTOCOL)) answer([VMCALL_VERSION, 0, 0]);
    else if (registers.r02 === BigInt(VmcallVersions.VMCALL_VERSION_BAREFLANK)) answer(BAREFLANK_VERSION);
    else if (registers.r02 === BigInt(VmcallVersions.VMCALL_VERSION_USER)) answer(this.userVersion);
    else if (registers.r02 >= 1n << 63n) answer(this.handleUserVersions(registers.r02));
    else throw new VmcallError(`unknown version index ${hex(registers.r02)}; 0 protocol, 1 Bareflank, 10 user`);
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
    const { vmcs } = this.exit;
    checkBuffer('in', registers.r05, registers.r06, this.sizes.vmcallInBuffer);
    checkBuffer('out', registers.r08, registers.r09, this.sizes.vmcallOutBuffer);
    if (registers.r09 < registers.r06) {
      throw new VmcallError(
        `the out buffer of ${registers.r09} bytes is smaller than the in buffer of ${registers.r06}`,
      );
    }
    if ((vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) === 0) {
      throw new VmcallError(
        'a VMCALL with data wants a guest in IA-32e mode: its addresses are those of 4-level paging',
      );
    }
    const cr3 = vmcs.read(VmcsField.GuestCr3);
    const pat = vmcs.read(VmcsField.GuestIa32Pat);
    // The VMM must not do for user mode what user mode's page table forbids.
    const access = (what: 'read' | 'write'): GuestAccess | undefined =>
      this.isUserMode() ? `user ${what}` : undefined;
    const input = this.guestMemory.mapVirtual(registers.r05, cr3, Number(registers.r06), pat, access('read'));
    try {
      const output = this.guestMemory.mapVirtual(registers.r08, cr3, Number(registers.r09), pat, access('write'));
      try {
        const answer = this.handleVmcallDataType(Number(registers.r04), input.read());
        if (answer.length > output.size) {
          throw new VmcallError(
            `an answer of ${answer.length} bytes does not fit into the out buffer of ${output.size}`,
          );
        }
        output.write(answer);
        registers.r07 = registers.r04;
        registers.r09 = BigInt(answer.length);
      } finally {
        output.release();
      }
    } finally {
      input.release();
    }
  }

  protected handleVmcallDataType(type: number, data: Uint8Array): Uint8Array {
    if (this.isUserMode() && type !== VmcallDataType.VMCALL_DATA_STRING_JSON) {
      throw new VmcallError(`user mode may send JSON commands only, not data of type ${type}`);
    }
    switch (type) {
      case VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED:
        return encodeUtf8(this.handleVmcallDataStringUnformatted(decodeUtf8(data)));
      case VmcallDataType.VMCALL_DATA_STRING_JSON:
        return encodeUtf8(jsonOf(this.answerJson(JSON.parse(decodeUtf8(data)))));
      case VmcallDataType.VMCALL_DATA_BINARY_UNFORMATTED:
        return this.handleVmcallDataBinaryUnformatted(data);
      default:
        throw new VmcallError(`unknown vmcall data type ${type}; 1 string, 2 JSON, 10 binary`);
    }
  }

  private isUserMode(): boolean {
    return this.exit.privilegeLevel() !== 0;
  }

  /** The contributions that the caller's privilege level may call. */
  private callableContributions(): readonly VmcallContribution[] {
    if (!this.isUserMode()) return this.vmcallContributions;
    return this.vmcallContributions.filter(({ allowsUserMode }) => allowsUserMode === true);
  }

  /** By VMCALLs start and stop, the driver starts and stops this processor. A guest cannot. */
  private checkDriver(what: string): void {
    if (this.processor.isDriverContext()) return;
    throw new VmcallError(`VMCALL ${what} is the driver's: it was made outside the driver's context`);
  }

  private answerJson(command: unknown): unknown {
    for (const contribution of this.callableContributions()) {
      const answer = contribution.handleVmcallJson?.(command);
      if (answer !== undefined) return answer;
    }
    if (this.isUserMode()) throw new VmcallError('no contribution lets user mode send this JSON command');
    return this.handleVmcallDataStringJson(command);
  }

  /** @returns the answer. By default the data are logged and echoed, as in the other two. */
  protected handleVmcallDataStringUnformatted(text: string): string {
    bfdebug`received in vmm: ${text}`;
    return text;
  }

  protected handleVmcallDataStringJson(value: unknown): unknown {
    this.refuseUnknownCommand(value);
    bfdebug`received in vmm: ${JSON.stringify(value)}`;
    return value;
  }

  /** An echo would look like success to a user who mistyped an extension's command. */
  private refuseUnknownCommand(value: unknown): void {
    const command = (value as { command?: unknown } | null)?.command;
    const names = this.vmcallContributions
      .filter(({ handleVmcallJson }) => handleVmcallJson !== undefined)
      .map(({ name }) => name);
    if (command === undefined || names.length === 0) return;
    throw new VmcallError(`unknown JSON command ${JSON.stringify(command)}; none of ${names.join(', ')} knows it`);
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
}

function checkBuffer(name: string, address: bigint, size: bigint, limit: number): void {
  if (address === 0n || size === 0n)
    throw new VmcallError(`the ${name} buffer has address ${hex(address)} and size ${size}; neither may be 0`);
  if (size > BigInt(limit)) throw new VmcallError(`the ${name} buffer has ${size} bytes; at most ${limit}`);
}
