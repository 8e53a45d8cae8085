// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { executionState } from '../../../src/machine/report/execution_state.js';
import { returnAddresses } from '../../../src/machine/report/return_addresses.js';
import type { Pc } from '../../../src/machine/pc.js';
import { assemble } from '../../support/assembler.js';
import { madeUpLinux, TEXT } from '../symbols/made_up_linux.js';

const physicalText = 0x400000;
const stack = 0x300000;
/** Functions of the made-up kernel are 32 bytes apart. */
const functionAt = (index: number): number => 32 * index;

/** Puts code to the end of a function, so that its last instruction ends at a place. @returns the address behind it */
function codeBefore({ core }: Pc, place: number, code: string): bigint {
  const bytes = assemble([code], 64, physicalText + place);
  core.guestRam.set(bytes, physicalText + place - bytes.length);
  return TEXT + BigInt(place);
}

function stackOf(pc: Pc, values: readonly bigint[], pointer = stack) {
  pc.core.guestRam.set(new Uint8Array(BigUint64Array.from(values).buffer), stack);
  pc.core.block.set('RSP', BigInt(pointer));
  const processor = pc.processors[0]!;
  const state = executionState(processor);
  return returnAddresses(pc.symbols.own, pc.symbols.own.spaceOf(processor, state), state);
}

describe('returnAddresses', () => {
  it('are the values behind a CALL of any form, the innermost first', async () => {
    const pc = await madeUpLinux('6.1');
    const calls = [
      'call rax',
      'call r11',
      'call [rax + 8]',
      'call [rip + 0x100]',
      'call [rsp + 0x20]',
      'call [0x1234]',
      'call [r12 + 0x1000]',
    ];
    const values = calls.map((code, index) => codeBefore(pc, functionAt(100 + index) + 16, code));
    const found = stackOf(pc, [1n, ...values.flatMap((value) => [value, 0x1234n])]);
    expect(found.map(({ symbol }) => symbol)).to.deep.equal(
      calls.map((_, index) => `sys_function_${100 + index}+0x10`),
    );
    expect(found[0]!.address).to.equal(`0x${values[0]!.toString(16)}`);
  });

  it('are not values that are behind another instruction, or in no function with a name', async () => {
    const pc = await madeUpLinux('6.1');
    const behindOther = codeBefore(pc, functionAt(50) + 16, 'jmp rax');
    expect(stackOf(pc, [behindOther, TEXT - 1n, 0n, (1n << 64n) - 1n])).to.deep.equal([]);
  });

  it('are looked for in a bounded number of places', async () => {
    const pc = await madeUpLinux('6.1');
    const named = codeBefore(pc, functionAt(70) + 16, 'call rax');
    // Behind a CALL too, and in nothing that has a name.
    const nameless = BigInt(physicalText) + 0x10n;
    pc.core.guestRam.set(assemble(['call rax'], 64, 0), physicalText + 0x10 - 2);
    const after = (count: number) => stackOf(pc, [...Array<bigint>(count).fill(nameless), named]).length;
    expect([after(63), after(64)]).to.deep.equal([1, 0]);
  });

  it('of a CALL at the end of a function that never returns is in that function', async () => {
    const pc = await madeUpLinux('6.1');
    const value = codeBefore(pc, functionAt(61), 'call rax');
    expect(stackOf(pc, [value])[0]!.symbol).to.equal('sys_function_60+0x20');
  });

  it('are none if the stack is not aligned or not mapped', async () => {
    const pc = await madeUpLinux('6.1');
    const value = codeBefore(pc, functionAt(61), 'call rax');
    expect(stackOf(pc, [value], stack + 4)).to.deep.equal([]);
    expect(stackOf(pc, [value], 0x7f000000000)).to.deep.equal([]);
  });
});
