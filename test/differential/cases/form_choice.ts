// SPDX-License-Identifier: LGPL-2.1-only
import type { DecoderEntry, Form } from '../../../src/machine/generator/forms.js';
import { exclusionOf } from './excluded_forms.js';

/** A row of the instruction table with one operand size, address size, operand kind and repeat prefix, as code of one size encodes it. */
export interface FormChoice {
  readonly entry: DecoderEntry;
  readonly form: Form;
  /** ModRM.rm is memory. */
  readonly memory: boolean;
  /** 0 16 bits, 1 32 bits, 2 64 bits. */
  readonly size: number;
  /** Of addresses, or of the stack pointer: 0 16 bits, 1 32 bits, 2 64 bits. */
  readonly address: number;
  /** 0 none, 1 F3, 2 F2. */
  readonly rep: number;
  /** Size of the code that it is encoded for. */
  readonly bits: CodeBits;
}

/** Sizes of code. */
export type CodeBits = 16 | 32 | 64;

/** Forms of the table, split into those with cases and those without, each with a reason. */
export interface FormCoverage {
  readonly choices: readonly FormChoice[];
  /** Reason by form name, for forms that no choice reaches. */
  readonly excluded: ReadonlyMap<string, string>;
}

/** What Intel and AMD processors do differently, as documented, or undefined. */
function vendorDifference(entry: DecoderEntry, memory: boolean, size: number, bits: CodeBits): string | undefined {
  if (entry.row.opcode === '0F 0D' && entry.mod === 'register')
    return '0F 0D with a register is NOP on Intel processors, #UD on AMD ones';
  if (entry.row.semantics === 'MOVSXD' && memory && size === 0)
    return 'MOVSXD with prefix 66 reads 16 bits on Intel processors, 32 on AMD ones';
  if (/^(JMP|CALL)_FAR_MEMORY$/.test(entry.row.semantics) && size === 2 && bits === 64)
    return 'far pointers of 80 bits: AMD processors ignore REX.W';
  return undefined;
}

/** Why 16- and 32-bit code cannot encode a combination, or undefined. */
function impossibleInSegments(entry: DecoderEntry, size: number, address: number): string | undefined {
  if (entry.row.options.mode === 'only64') return 'exists in 64-bit mode only';
  if (entry.hasSizes && size === 2) return 'operand size 64: in 64-bit mode only';
  if (entry.hasAddresses && address === 2) return 'address size 64: in 64-bit mode only';
  if (entry.sizeRule === 'y' && entry.hasSizes && size === 0) return 'same as 32 bits';
  return undefined;
}

/** Why 64-bit user mode cannot encode a combination, or undefined. */
function impossible(entry: DecoderEntry, size: number, address: number): string | undefined {
  const { options } = entry.row;
  if (entry.hasAddresses && address === 0)
    return options.stack ? 'stack pointer of 16 bits: outside 64-bit mode' : 'address size 16: outside 64-bit mode';
  if (entry.hasAddresses && options.stack && address === 1) return 'stack pointer of 32 bits: outside 64-bit mode';
  if (!entry.hasSizes) return undefined;
  const direct = ['jcc', 'jmp', 'call'].includes(options.class ?? '');
  if ((direct || options.force64) && size === 0)
    return 'near branch with prefix 66: Intel processors ignore the prefix, AMD ones do not';
  if ((direct || options.force64) && size === 1) return 'operand size 32: outside 64-bit mode';
  if (options.default64 && size === 1) return 'operand size 32: outside 64-bit mode';
  if (entry.sizeRule === 'y' && size === 0) return 'same as 32 bits';
  return undefined;
}

/** One combination that a row has a form for. */
type Combination = Omit<FormChoice, 'entry' | 'bits'>;

/** All combinations of a row, in the order of DecoderEntry.forms. */
function* combinations(entry: DecoderEntry): Generator<Combination> {
  const memories = entry.hasKinds ? [false, true] : [entry.operands.some((operand) => operand.shape === 'memory')];
  const sizes = entry.hasSizes ? [0, 1, 2] : [2];
  const addresses = entry.hasAddresses ? [0, 1, 2] : [2];
  const reps = entry.hasReps ? [0, 1, 2] : [0];
  const counts = [memories.length, sizes.length, addresses.length, reps.length] as const;
  for (let index = 0; index < entry.forms.length; index++) {
    const form = entry.forms[index];
    const rep = index % counts[3];
    const address = Math.floor(index / counts[3]) % counts[2];
    const size = Math.floor(index / (counts[3] * counts[2])) % counts[1];
    const memory = Math.floor(index / (counts[3] * counts[2] * counts[1]));
    if (form)
      yield { form, memory: memories[memory]!, size: sizes[size]!, address: addresses[address]!, rep: reps[rep]! };
  }
}

/** Lists what can be generated. */
export function formCoverage(entries: readonly DecoderEntry[], bits: CodeBits = 64): FormCoverage {
  const choices: FormChoice[] = [];
  const excluded = new Map<string, string>();
  for (const entry of entries) {
    for (const combination of combinations(entry)) {
      const { memory, size, address } = combination;
      const reason =
        exclusionOf(entry, bits) ??
        vendorDifference(entry, memory, size, bits) ??
        (bits === 64 ? impossible(entry, size, address) : impossibleInSegments(entry, size, address));
      if (reason === undefined) choices.push({ entry, bits, ...combination });
      else excluded.set(combination.form.name, reason);
    }
  }
  for (const { form } of choices) excluded.delete(form.name);
  return { choices, excluded };
}
