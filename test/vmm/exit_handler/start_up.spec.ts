// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { assemble } from '../../support/assembler.js';
import { runBare, runGuest } from '../machine_vmm.js';

/** Real-mode code that gets #UD at the reset vector, where there is no firmware, and where it keeps what it finds. */
const [handlerAt, result] = [0x7000, 0x8000];
const words = 40;

const save = (register: string, index: number): string => `mov dword ptr [${result + 4 * index}], ${register}`;
const registers = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const systemRegisters = ['cr0', 'cr2', 'cr3', 'cr4', 'dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'];
const selectors = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const handler = assemble(
  [
    ...registers.map(save),
    ...systemRegisters.flatMap((name, index) => [`mov eax, ${name}`, save('eax', 8 + index)]),
    ...selectors.flatMap((name, index) => [`mov ax, ${name}`, save('eax', 18 + index)]),
    // What #UD pushed: IP, CS and FLAGS.
    ...['pop ax', save('eax', 24), 'pop ax', save('eax', 25), 'pop ax', save('eax', 26)],
    ...[`sgdt [${result + 4 * 28}]`, `sidt [${result + 4 * 30}]`],
    ...['mov ecx, 0xc0000080', 'rdmsr', save('eax', 32), 'mov ecx, 0x174', 'rdmsr', save('eax', 33)],
    ...['mov ecx, 0x1d9', 'rdmsr', save('eax', 34)],
    ...['mov dx, 0x604', 'mov ax, 0x2000', 'out dx, ax', 'hlt'],
  ],
  16,
  handlerAt,
);
const interruptCommand = 0xfee00300;
const initToSelf = 0x4500;

/** A guest in 64-bit mode, its registers full, that sends its own processor INIT. */
const guest = [
  ...['lea rsi, [rip + code]', `mov edi, ${handlerAt}`, `mov ecx, ${handler.length}`, 'rep movsb'],
  // The interrupt vector table: #UD leads to the handler.
  `mov dword ptr [0x18], ${handlerAt}`,
  ...['mov eax, 0x12345678', 'mov cr2, rax', 'mov dr0, rax', 'mov dr1, rax', 'mov dr2, rax', 'mov dr3, rax'],
  ...[
    'mov eax, 0xffff4ff5',
    'mov dr6, rax',
    'mov eax, 0x700',
    'mov dr7, rax',
    'mov ecx, 0x174',
    'xor edx, edx',
    'mov eax, 8',
  ],
  ...['wrmsr', 'mov ecx, 0x1d9', 'mov eax, 1', 'wrmsr'],
  ...['rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'r8', 'r15'].map((name) => `mov ${name}, -1`),
  `mov edi, ${interruptCommand}`,
  'mov dword ptr [rdi + 0x10], 0',
  `mov dword ptr [rdi], ${initToSelf}`,
  'wait: jmp wait',
  `code: .byte ${[...handler].join()}`,
];

describe('INIT', () => {
  it('gives the bootstrap processor under the VMM the state that the bare machine has', async () => {
    const bare = await runBare(guest);
    const hosted = await runGuest(guest, []);
    const found = ({ word }: typeof bare): bigint[] =>
      Array.from({ length: words / 2 }, (_, index) => word(result + 8 * index));
    expect(bare.end.kind).to.equal('powered-off');
    expect(hosted.end).to.deep.equal(bare.end);
    expect(found(hosted)).to.deep.equal(found(bare));
    const [cr0, dr7] = [4 * 8, 4 * 17].map((at) => Number(bare.word(result + (at & ~7)) >> BigInt(8 * (at & 7))) >>> 0);
    expect(cr0).to.equal(0x10);
    expect(dr7).to.equal(0x400);
  });
});
