// SPDX-License-Identifier: LGPL-2.1-only
import { Const, Keystone, loadKeystone } from 'keystone-wasm';

await loadKeystone();

const modes = { 16: Const.KS_MODE_16, 32: Const.KS_MODE_32, 64: Const.KS_MODE_64 } as const;
const assemblers = new Map<number, Keystone>();

/** Width of the code segment. */
export type CodeBits = keyof typeof modes;

/**
 * Assembles Intel-syntax text (numbers as 1234, 0x12 or 12h; labels as `name:`).
 * @param address linear address of the first byte, for branches and RIP-relative operands.
 * @throws Error that names the first line that does not assemble.
 */
export function assemble(lines: readonly string[], bits: CodeBits = 64, address = 0): Uint8Array {
  let assembler = assemblers.get(bits);
  if (!assembler) assemblers.set(bits, (assembler = new Keystone(Const.KS_ARCH_X86, modes[bits])));
  try {
    return assembler.asm(lines.join('\n'), { address });
  } catch (error) {
    const bad = lines.find((line) => !assembles(assembler, line));
    throw new Error(`${bits}-bit code does not assemble: ${bad ?? lines.join('; ')}`, { cause: error });
  }
}

function assembles(assembler: Keystone, line: string): boolean {
  try {
    assembler.asm(line);
    return true;
  } catch {
    return false;
  }
}
