// SPDX-License-Identifier: LGPL-2.1-only
import { changeRegisters, type ChangedRegister } from './changed_registers.js';
import type { DebuggedMachine } from './debugged_machine.js';
import type { GdbRegister } from './gdb_register.js';
import { gdbRegisters, registerBytes, registerValue } from './gdb_registers.js';
import { fromHex, parseHex, toHex } from './hex_bytes.js';
import { FAILED, OK, RECORDED, refused } from './packet_answers.js';

const ALL_BYTES = gdbRegisters.reduce((sum, { bits }) => sum + bits / 8, 0);

/** The packets g, G, p and P: the registers of a processor. GDB manual "Packets". */
export class RegisterPackets {
  constructor(private readonly machine: DebuggedMachine) {}

  /** g */
  readAll(processor: number): string {
    return this.look(processor, (read) =>
      gdbRegisters.map((register) => toHex(registerBytes(register, read(register)))).join(''),
    );
  }

  /** p. @param text the number of the register */
  read(processor: number, text: string): string {
    const register = gdbRegisters[Number(parseHex(text) ?? -1)];
    if (register === undefined) return FAILED;
    return this.look(processor, (read) => toHex(registerBytes(register, read(register))));
  }

  /** G. @param data of all registers, in their order */
  writeAll(processor: number, data: string): string {
    const bytes = fromHex(data);
    if (bytes?.length !== ALL_BYTES) return FAILED;
    let from = 0;
    const wanted = gdbRegisters.map((register) => {
      const to = from + register.bits / 8;
      const value = registerValue(bytes.subarray(from, to));
      from = to;
      return { register, value };
    });
    return this.change(processor, wanted);
  }

  /** P. @param text `number=data` */
  write(processor: number, text: string): string {
    const [number = '', data = ''] = text.split('=');
    const register = gdbRegisters[Number(parseHex(number) ?? -1)];
    const bytes = fromHex(data);
    if (register === undefined || bytes?.length !== register.bits / 8) return FAILED;
    return this.change(processor, [{ register, value: registerValue(bytes) }]);
  }

  private look(processor: number, look: (read: (register: GdbRegister) => bigint) => string): string {
    const { pc } = this.machine.session;
    return pc.inspect((each) => (each.id === processor ? look((register) => register.read(each)) : '')).join('');
  }

  private change(processor: number, wanted: readonly ChangedRegister[]): string {
    const { canChange, session } = this.machine;
    if (!canChange) return refused(RECORDED);
    const refusals = session.pc.inspect((each) => (each.id === processor ? changeRegisters(each, wanted) : undefined));
    const refusal = refusals[processor];
    return refusal === undefined ? OK : refused(refusal);
  }
}
