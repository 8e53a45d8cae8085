// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/exit_reasons.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { descriptor } from '../../support/processor_setup.js';
import { handlers, log, readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';
import { At32, interruptGate, log32, poke, pokeEntry, protectedGuest, Select32 } from '../protected_guest.js';

/** CMOS: an index at port 70H, a byte of RAM at port 71H. */
const cmos = 0x71;
const buffer = 0x2c0000;
/** Traps the port and leaves each access to the base. */
const trapping = vcpuModule(({ bind }) =>
  bind(PortContribution).toConstantValue({
    name: 'trapping',
    ports: [cmos, cmos + 1, cmos + 2, cmos + 3],
    handlePortRead: () => undefined,
  }),
);

const setUp = ['mov dx, 0x71', 'mov al, 0x40', 'out 0x70, al', 'mov al, 0x5a', 'out 0x71, al'];
const logRegisters = ['rcx', 'rsi', 'rdi', 'rax'].flatMap(log);
const logBuffer = [0, 8, 16].flatMap((offset) => [`mov rax, [${buffer + offset}]`, ...log('rax')]);
const before64 = [
  ...handlers({ 1: 'debug', 12: 'fault', 13: 'fault', 14: 'page' }),
  'jmp start',
  'page: mov rax, cr2',
  ...log('rax'),
  'fault: pop rax',
  ...log('rax'),
  'mov rax, [rsp]',
  ...log('rax'),
  'mov [rsp], r14',
  'iretq',
  'debug: push rax',
  'mov rax, [rsp + 8]',
  ...log('rax'),
  'pop rax',
  'iretq',
  'start: nop',
  ...setUp,
  `mov edi, ${buffer}`,
  `mov esi, ${buffer}`,
  'mov ecx, 5',
];
const stepping = (...lines: string[]): string[] => [
  ...['pushfq', 'or qword ptr [rsp], 0x100', 'popfq'],
  ...lines,
  ...['pushfq', 'and qword ptr [rsp], ~0x100', 'popfq'],
];
const prefixed = (prefix: number | undefined, opcode: number, address?: number): string =>
  `.byte ${[...(address === undefined ? [] : [address]), ...(prefix === undefined ? [] : [prefix]), opcode].join(', ')}`;
const [rep, ins, outs, insd, outsw, address32] = [0xf3, 0x6c, 0x6e, 0x6d, 0x6f, 0x67];

const in64 = (...lines: string[]): readonly string[] => [...before64, ...lines, ...logRegisters, ...logBuffer];
const cases64: readonly (readonly [string, readonly string[], number])[] = [
  ['INSB', in64(prefixed(undefined, ins)), 0],
  ['REP INSB', in64(prefixed(rep, ins)), 4],
  ['INSD', in64(prefixed(undefined, insd)), 0],
  ['REP INSB downwards', in64('std', 'lea rdi, [rdi + 16]', prefixed(rep, ins), 'cld'), 4],
  ['INSB with a 32-bit address', in64('bts rdi, 40', prefixed(undefined, ins, address32)), 0],
  ['REP INSB without elements', in64('xor ecx, ecx', prefixed(rep, ins)), 0],
  ['OUTSB', in64(`mov byte ptr [${buffer}], 0x77`, prefixed(undefined, outs), 'in al, 0x71'), 0],
  ['REP OUTSB', in64(`mov dword ptr [${buffer}], 0x44332211`, prefixed(rep, outs), 'in al, 0x71'), 4],
  ['OUTSW with a prefix', in64(`.byte 0x66, ${outsw}`, 'in al, 0x71'), 0],
  ['single steps of REP INSB', in64(...stepping(prefixed(rep, ins), 'nop')), 4],
  [
    'INSB to where nothing is mapped',
    in64('lea r14, [rip + after]', 'movabs rdi, 0x700000001234', prefixed(undefined, ins), 'after: nop'),
    0,
  ],
  [
    'OUTSB from where nothing is mapped',
    in64('lea r14, [rip + after]', 'movabs rsi, 0x700000001234', prefixed(undefined, outs), 'after: nop'),
    0,
  ],
  [
    'INSB to an address that is not canonical',
    in64('lea r14, [rip + after]', 'movabs rdi, 0x8000000000000000', prefixed(undefined, ins), 'after: nop'),
    0,
  ],
];

const in32 = (...lines: string[]): Uint8Array =>
  protectedGuest([
    ...[12, 13].flatMap((vector) => interruptGate(vector, `fault_${vector}`)),
    'jmp start',
    ...[12, 13].flatMap((vector) => [
      `fault_${vector}: pop eax`,
      ...log32('eax'),
      `mov eax, ${vector}`,
      ...log32('eax'),
      'inc dword ptr [esp]',
      'iretd',
    ]),
    'start: nop',
    ...setUp,
    `mov edi, ${buffer}`,
    `mov esi, ${buffer}`,
    ...lines,
    ...['esi', 'edi', 'eax', `dword ptr [${buffer}]`, `dword ptr [${buffer + 0x1000}]`].flatMap(log32),
  ]);
/** A segment of 16 bytes at the buffer. */
const smallSegment = (rights: number): string[] => [
  ...pokeEntry(At32.gdt + Select32.small, descriptor(buffer, 0xf, rights)),
  `mov eax, ${Select32.small}`,
];
const cases32: readonly (readonly [string, Uint8Array])[] = [
  [
    'INSB to a segment with a base',
    in32(...smallSegment(0x4093), 'mov es, eax', 'mov edi, 15', prefixed(undefined, ins)),
  ],
  ['INSB beyond the limit', in32(...smallSegment(0x4093), 'mov es, eax', 'mov edi, 16', prefixed(undefined, ins))],
  ['INSB to a read-only segment', in32(...smallSegment(0x4091), 'mov es, eax', 'mov edi, 0', prefixed(undefined, ins))],
  ['INSB to a null segment', in32('xor eax, eax', 'mov es, eax', prefixed(undefined, ins))],
  [
    'OUTSB from a segment with a base',
    in32(
      ...smallSegment(0x4091),
      'mov ds, eax',
      'xor esi, esi',
      prefixed(undefined, outs),
      `mov eax, ${Select32.data}`,
      'mov ds, eax',
    ),
  ],
  [
    'OUTSB from FS',
    in32(
      ...smallSegment(0x4091),
      'mov fs, eax',
      poke(buffer, 0x99),
      'xor esi, esi',
      '.byte 0x64',
      prefixed(undefined, outs),
      'in al, 0x71',
    ),
  ],
  [
    'INSB with a 16-bit address',
    in32(
      ...pokeEntry(At32.gdt + Select32.small, descriptor(buffer, 0x1ffff, 0x4093)),
      `mov eax, ${Select32.small}`,
      'mov es, eax',
      'mov edi, 0x11000',
      prefixed(undefined, ins, address32),
    ),
  ],
];

describe('INS and OUTS of a port that an extension traps', () => {
  for (const [what, lines, iterations] of cases64) {
    it(`do what they do on the bare machine: ${what}`, async () => {
      const bare = await runBare(lines);
      const hosted = await runGuest(lines, [], [trapping]);
      expect(bare.end.kind).to.equal('powered-off');
      expect(hosted.end).to.deep.equal(bare.end);
      expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
      // Elements before the last one leave RIP, by which the machine counts what a VMM emulates.
      expect(bare.instructions - hosted.instructions).to.equal(iterations);
    });
  }
  for (const [what, guest] of cases32) {
    it(`do what they do in protected mode: ${what}`, async () => {
      const bare = await runBare(guest);
      const hosted = await runGuest(guest, [], [trapping]);
      expect(bare.end.kind).to.equal('powered-off');
      expect(hosted.end).to.deep.equal(bare.end);
      expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
      expect(hosted.instructions).to.equal(bare.instructions);
    });
  }
  it('are asked: each element exits', async () => {
    const { exits } = await runGuest(cases64[1]![1], [], [trapping]);
    expect(exits[ExitReason.IoInstruction]).to.equal(6);
  });
});
