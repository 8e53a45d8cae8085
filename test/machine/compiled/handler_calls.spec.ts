// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout/layout.js';
import { forcedTier, hotTier } from '../../support/compiled_tier.js';
import { flat, machine, run } from './flat_guests.js';

/** CR4.OSFXSR and CR4.OSXMMEXCPT; x87 as after power-on. */
const UNITS_ON = ['mov rax, cr4', 'or eax, 0x600', 'mov cr4, rax', 'fninit'];

/** Sets a gate of the IDT at 160000H to `handler`, and loads it. */
const gate = (vector: number, handler: string): string[] => [
  `lea rax, [rip + ${handler}]`,
  `mov edi, ${0x160000 + vector * 16}`,
  'mov [rdi], ax',
  'mov word ptr [rdi + 2], cs',
  'mov word ptr [rdi + 4], 0x8e00',
  'shr rax, 16',
  'mov [rdi + 6], ax',
  'shr rax, 16',
  'mov [rdi + 8], eax',
  'mov word ptr [rip + limit], 0xfff',
  'mov qword ptr [rip + limit + 2], 0x160000',
  'lidt [rip + limit]',
];

/** Guests whose hot loops have instructions without a template, by what these do. */
const guests: Readonly<Record<string, readonly string[]>> = {
  'that read and write registers, flags and memory': [
    ...UNITS_ON,
    'mov ecx, 20000',
    'mov esi, 0x140000',
    'mov dword ptr [rsi], 3',
    'again: cvtsi2sd xmm0, rcx',
    'mulsd xmm0, xmm0',
    'cvttsd2si rdx, xmm0',
    'add rbx, rdx',
    'mov eax, ecx',
    'xor edx, edx',
    'mov r8d, 7',
    'div r8d',
    'add ebx, edx',
    'comisd xmm0, xmm1',
    'jbe less',
    'movsd xmm1, xmm0',
    'inc ebx',
    'less: fild dword ptr [rsi]',
    'fadd st(0), st(0)',
    'fistp dword ptr [rsi + 4]',
    'add ebx, [rsi + 4]',
    'inc word ptr [rsi]',
    'cmp rcx, 5',
    'sqrtsd xmm2, xmm0',
    'adc ebx, 0',
    'dec ecx',
    'jnz again',
  ],
  'that fault': [
    'mov rsp, 0x180000',
    ...gate(0, 'divided'),
    'jmp begin',
    'limit: .zero 16',
    'divided: add ebx, 0x1000',
    'add qword ptr [rsp], 2',
    'iretq',
    'begin: mov ebp, 20000',
    'again: mov ecx, ebp',
    'and ecx, 7',
    'mov eax, ebp',
    'xor edx, edx',
    'lea r9, [rbp + rcx*2]',
    'div ecx',
    'add ebx, edx',
    'add rbx, r9',
    'dec ebp',
    'jnz again',
  ],
  'that change the instruction behind them': [
    ...UNITS_ON,
    'mov ebp, 20000',
    'mov esi, 0x140000',
    'again: mov [rsi], ebp',
    'fild dword ptr [rsi]',
    'fistp dword ptr [rip + changed + 2]',
    'changed: add ebx, 0x11223344',
    'dec ebp',
    'jnz again',
  ],
  'that end their blocks': [
    'mov rsp, 0x180000',
    'mov ebp, 20000',
    'again: inc ebx',
    'rdtsc',
    'add ebx, eax',
    'cli',
    'add ebx, 7',
    'pushf',
    'pop rax',
    'xor ebx, eax',
    'pause',
    'mov esi, 0x140000',
    'lea rdi, [rsi + rbp]',
    'mov ecx, 40',
    'rep movsb',
    'add ebx, edi',
    'lea rdi, [rsi + rbp + 4090]',
    'mov ecx, 3',
    'mov eax, ebx',
    'rep stosd',
    'mov eax, ds',
    'add ebx, ecx',
    'dec ebp',
    'jnz again',
  ],
  'that write code again and again, and end their blocks': [
    'mov ebp, 20000',
    'again: inc ebx',
    'lea rdi, [rip + changed + 2]',
    'mov eax, ebp',
    'mov ecx, 1',
    'rep stosd',
    'changed: add ebx, 0x11223344',
    'dec ebp',
    'jnz again',
  ],
  'that let interrupts in': [
    'mov rsp, 0x180000',
    ...gate(0x40, 'ticked'),
    'mov edi, 0xfee00000',
    'mov dword ptr [rdi + 0xf0], 0x1ff',
    'mov dword ptr [rdi + 0x3e0], 0xb',
    'mov dword ptr [rdi + 0x320], 0x20040',
    'mov dword ptr [rdi + 0x380], 777',
    'jmp begin',
    'limit: .zero 16',
    'ticked: add ebx, 0x1000',
    'xor ebx, [rsp]',
    'mov dword ptr [rdi + 0xb0], 0',
    'iretq',
    'begin: mov ebp, 60000',
    'again: inc ebx',
    'sti',
    'imul ebx, ebx, 3',
    'pushf',
    'pop rax',
    'cli',
    'add ebx, eax',
    'dec ebp',
    'jnz again',
  ],
  'that read a clock': [
    ...UNITS_ON,
    'mov edi, 0xfed00000',
    'mov dword ptr [rdi + 0x10], 1',
    'mov ebp, 20000',
    'mov esi, 0x140000',
    'again: inc ebx',
    'fild qword ptr [rdi + 0xf0]',
    'fistp qword ptr [rsi]',
    'add ebx, [rsi]',
    'dec ebp',
    'jnz again',
  ],
};

describe('HandlerCalls', () => {
  for (const [what, lines] of Object.entries(guests))
    it(`execute instructions ${what} as the interpreter does`, async () => {
      const image = flat(lines);
      const interpreted = await run(image);
      expect(interpreted.pc.debugExit, 'the guest came to its end').to.be.a('number');
      const forced = await run(image, forcedTier);
      expect(forced.state).to.deep.equal(interpreted.state);
      // a page whose code changes again and again is no longer compiled
      const least = /code|change/.test(what) ? 0 : 0.4;
      expect(forced.pc.compiledTier!.executed.instructions / forced.pc.instructions).to.be.within(least, 1);
    });

  it('keep control in the region, and say when it left because something was due', async () => {
    const calm = (await run(flat(guests['that read and write registers, flags and memory']!), forcedTier)).pc;
    const { entries, instructions, leaves } = calm.compiledTier!.executed;
    expect(instructions / calm.instructions).to.be.greaterThan(0.85);
    expect(instructions / entries).to.be.greaterThan(500);
    expect(leaves.due).to.equal(0);
    const reading = (await run(flat(guests['that read a clock']!), forcedTier)).pc.compiledTier!.executed;
    expect(reading.leaves.due).to.be.greaterThan(5000);
    expect(Object.values(reading.leaves).reduce((sum, each) => sum + each, 0)).to.equal(reading.entries);
  });

  it('stop at a watchpoint that an instruction meets, behind the instruction', async () => {
    const guest = flat([
      ...UNITS_ON,
      'mov ecx, 20000',
      'mov esi, 0x140000',
      'again: lea rdi, [rsi + rcx*8]',
      'fild qword ptr [rdi]',
      'fistp qword ptr [rdi + 8]',
      'add ebx, 3',
      'dec ecx',
      'jnz again',
    ]);
    const stopAt = async (tier?: typeof forcedTier): Promise<readonly unknown[]> => {
      const pc = await machine(guest, tier);
      while (pc.instructions < 60_000) pc.runQuantum(() => true, 10_000);
      const watchpoint = { space: 'linear', address: 0x140000n + 8n * 400n, bytes: 8, access: 'write' } as const;
      pc.stops.set({ breakpoints: [], watchpoints: [watchpoint], exits: [] });
      while (!pc.stops.isMet) pc.runQuantum(() => true, 10_000);
      return [pc.instructions, pc.stops.take(), pc.stateHash()];
    };
    expect(await stopAt(forcedTier)).to.deep.equal(await stopAt());
  });

  it('take no room in the record space where nothing is compiled', async () => {
    const guest = flat([
      'lea rax, [rip + again]',
      'mov edi, 0x140000',
      'mov [rdi], eax',
      'mov word ptr [rdi + 4], cs',
      // a region may not begin with CLI, and handlers do all that is behind it up to the far jump
      'again: cli',
      'fninit',
      'fninit',
      '.byte 0xff, 0x2c, 0x25, 0, 0, 0x14, 0',
    ]);
    const recordsOf = async (tier?: typeof hotTier): Promise<number> => {
      const pc = await machine(guest, tier);
      while (pc.instructions < 3_000_000) pc.runQuantum(() => true, 100_000);
      expect((pc.compiledTier?.statistics.emitMilliseconds ?? 1) > 0, 'the tier has tried').to.equal(true);
      expect(pc.compiledTier?.statistics.regions ?? 0).to.equal(0);
      return pc.core.u32[Layout.RECORD_NEXT / 4]!;
    };
    expect(await recordsOf(hotTier)).to.equal(await recordsOf());
  });
});
