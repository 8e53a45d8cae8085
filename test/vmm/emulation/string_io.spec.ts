// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { descriptor } from '../../support/processor_setup.js';
import { catchFaults, log, readLog, stepping } from '../guest_programs.js';
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
  ...catchFaults([12, 13, 14], {
    gates: { 1: 'debug' },
    lines: [
      'debug: push rax',
      'mov rax, [rsp + 8]',
      ...log('rax'),
      // RF is 1 between two elements.
      'mov rax, [rsp + 24]',
      ...log('rax'),
      'or dword ptr [rsp + 24], 0x10000',
      'pop rax',
      'iretq',
    ],
  }),
  ...setUp,
  `mov edi, ${buffer}`,
  `mov esi, ${buffer}`,
  'mov ecx, 5',
];
const prefixed = (prefix: number | undefined, opcode: number, address?: number): string =>
  `.byte ${[...(address === undefined ? [] : [address]), ...(prefix === undefined ? [] : [prefix]), opcode].join(', ')}`;
const [rep, ins, outs, insd, outsw, address32] = [0xf3, 0x6c, 0x6e, 0x6d, 0x6f, 0x67];

const in64 = (...lines: string[]): readonly string[] => [...before64, ...lines, ...logRegisters, ...logBuffer];
const breakpoint = ['lea rax, [rip + here]', 'mov dr0, rax', 'mov eax, 0x402', 'mov dr7, rax'];
const portBreakpoint = [
  ...[
    'mov rax, cr4',
    'or rax, 8',
    'mov cr4, rax',
    'mov eax, 0x71',
    'mov dr1, rax',
    'mov eax, 0x200408',
    'mov dr7, rax',
  ],
];
const noBreakpoint = ['mov eax, 0x400', 'mov dr7, rax'];
const cases64: readonly (readonly [string, readonly string[]])[] = [
  ['INSB', in64(prefixed(undefined, ins))],
  ['REP INSB', in64(prefixed(rep, ins))],
  ['INSD', in64(prefixed(undefined, insd))],
  ['REP INSB downwards', in64('std', 'lea rdi, [rdi + 16]', prefixed(rep, ins), 'cld')],
  ['INSB with a 32-bit address', in64('bts rdi, 40', prefixed(undefined, ins, address32))],
  ['REP INSB without elements', in64('xor ecx, ecx', prefixed(rep, ins))],
  ['OUTSB', in64(`mov byte ptr [${buffer}], 0x77`, prefixed(undefined, outs), 'in al, 0x71')],
  ['REP OUTSB', in64(`mov dword ptr [${buffer}], 0x44332211`, prefixed(rep, outs), 'in al, 0x71')],
  ['OUTSW with a prefix', in64(`.byte 0x66, ${outsw}`, 'in al, 0x71')],
  ['single steps of REP INSB', in64(...stepping(prefixed(rep, ins), 'nop'))],
  ['REP INSB with a breakpoint on it', in64(...breakpoint, `here: ${prefixed(rep, ins)}`, ...noBreakpoint)],
  ['REP OUTSB with a breakpoint on it', in64(...breakpoint, `here: ${prefixed(rep, outs)}`, ...noBreakpoint)],
  ['REP OUTSB with a breakpoint on its port', in64(...portBreakpoint, prefixed(rep, outs), 'nop', ...noBreakpoint)],
  ['REP INSB with a breakpoint on its port', in64(...portBreakpoint, prefixed(rep, ins), 'nop', ...noBreakpoint)],
  [
    'single steps of REP OUTSB with a breakpoint on its port',
    in64(...portBreakpoint, ...stepping(prefixed(rep, outs), 'nop'), ...noBreakpoint),
  ],
  [
    'INSB to where nothing is mapped',
    in64('lea r14, [rip + after]', 'movabs rdi, 0x700000001234', prefixed(undefined, ins), 'after: nop'),
  ],
  [
    'OUTSB from where nothing is mapped',
    in64('lea r14, [rip + after]', 'movabs rsi, 0x700000001234', prefixed(undefined, outs), 'after: nop'),
  ],
  [
    'INSB to an address that is not canonical',
    in64('lea r14, [rip + after]', 'movabs rdi, 0x8000000000000000', prefixed(undefined, ins), 'after: nop'),
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
  for (const [what, lines] of cases64) {
    it(`do what they do on the bare machine: ${what}`, async () => {
      const bare = await runBare(lines);
      const hosted = await runGuest(lines, [], [trapping]);
      expect(bare.end.kind).to.equal('powered-off');
      expect(hosted.end).to.deep.equal(bare.end);
      expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
      expect(hosted.instructions).to.equal(bare.instructions);
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
