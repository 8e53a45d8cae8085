// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { Pc } from '../../machine/pc.js';
import type { WritableRegister } from '../../machine/processor/processor_block.js';
import { generalRegisterNames } from '../../machine/processor/register_names.js';

const writable: readonly string[] = [...generalRegisterNames, 'RIP', 'RFLAGS'];

/** What an expression can change, by name only. */
export class ExplicitWrites {
  /**
   * @param isRecorded a replay could not repeat a write
   * @param begin called before each write, which it may refuse
   */
  constructor(
    private readonly pc: Pc,
    private readonly isRecorded: boolean,
    private readonly begin: () => void,
  ) {}

  /** Writes guest RAM at a physical address. @throws BareflankError */
  memory(address: number | bigint, bytes: ArrayLike<number>): void {
    this.refuseRecorded();
    const { guestRam } = this.pc.core;
    const from = BigInt(address);
    if (from < 0n || from + BigInt(bytes.length) > BigInt(guestRam.length))
      throw new BareflankError(`write.memory: guest RAM has ${guestRam.length} bytes, from address 0 on`);
    // First all, then none: code of the expression may be behind the bytes.
    guestRam.set(Uint8Array.from(bytes), Number(from));
  }

  /** Writes RAX … R15, RIP or RFLAGS of the software that a processor runs. @throws BareflankError */
  register(vcpu: number, name: string, value: number | bigint): void {
    this.refuseRecorded();
    if (this.pc.processors[vcpu] === undefined) throw new BareflankError(`write.register: there is no vcpu ${vcpu}`);
    if (!writable.includes(name)) throw new BareflankError(`write.register: ${name} is none of ${writable.join(', ')}`);
    this.pc.inspect(({ id, core }) => {
      if (id === vcpu) core.block.set(name as WritableRegister, BigInt.asUintN(64, BigInt(value)));
    });
  }

  private refuseRecorded(): void {
    this.begin();
    if (this.isRecorded)
      throw new BareflankError('write: the run is recorded, and a replay could not repeat the write');
  }
}
