// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { WrittenPages } from '../../../../src/machine/memory/written_pages.js';
import { MemoryHash, digestToHex } from '../../../../src/machine/state_hash.js';
import { gate32, gate64, Page } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine, type Start } from '../../../support/system_machine.js';

/** The page that the guest writes to in many ways, and the one after it. */
const data = At.pages;
const vector = 0x80;
const handler = At.handlers + 0x900;
const budget = 20_000;

class Random {
  constructor(private seed: number) {}
  below(limit: number): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.seed / 2 ** 32) * limit);
  }
}

/** Lets the guest see its own page tables. */
function mapTables(machine: SystemMachine): void {
  for (let page = At.tables; page < At.tables + 0x8000; page += 0x1000)
    machine.map(page, page, Page.present | Page.writable);
}

/**
 * A guest that clears the accessed and dirty flags of the pages it writes to without INVLPG, as Linux does, writes to them by every way there is
 * (stores, pushes, strings, operands that are probed, frames of interrupts, descriptors), and adds up what the flags are then.
 */
function guest(machine: SystemMachine, start: Start): void {
  machine.start(start);
  const is64 = machine.bits === 64;
  mapTables(machine);
  const [a, c, di] = is64 ? ['rax', 'rcx', 'rdi'] : ['eax', 'ecx', 'edi'];
  const entries = [data, At.kernelStackTop - 0x1000, At.tss, At.gdt, At.kernelCode].map((page) =>
    machine.entryAddress(page),
  );
  if (is64) machine.gate(vector, gate64(Select.code64, BigInt(handler)));
  else machine.poke64(At.idt + vector * 8, gate32(Select.code32, handler));
  machine.poke(handler, ...(is64 ? [0x48] : []), 0xcf);
  machine.codeChanged(handler, 2);
  const writes = [
    `mov [${data}], ${a}`,
    `push ${a}`,
    `pop ${a}`,
    `mov ${di}, ${data + 0x100}`,
    'stosb',
    `mov ${c}, 5`,
    'rep stosd',
    `mov esi, ${data}`,
    `mov ${c}, 7`,
    '.byte 0xf3, 0xa5', // REP MOVSD
    `lock add dword ptr [${data + 8}], 3`,
    `cmpxchg8b [${data + 0x200}]`,
    `fnsave [${data + 0x300}]`,
    `sgdt [${data + 0x400}]`,
    `movups [${data + 0x500}], xmm0`,
    'call next',
    `next: pop ${c}`,
    `int ${vector}`,
    'mov ax, ds',
    'mov ds, ax',
    // the code's own page holds data as well
    `mov [${At.kernelCode + 0xff0}], ${a}`,
  ];
  const look = entries.flatMap((entry) => [
    `add ebx, [${entry}]`,
    'rol ebx, 3',
    `and dword ptr [${entry}], 0xffffff9f`,
  ]);
  machine.write(At.kernelCode, [`mov ebp, 100000`, 'again:', ...writes, ...look, 'dec ebp', 'jnz again'], machine.bits);
  machine.set('RSP', At.kernelStackTop);
}

/** Runs it in pieces of random length, and looks at the memory between them if asked. @returns everything that can be seen of the run. */
function run(machine: SystemMachine, start: Start, seed: number, looks: boolean): unknown[] {
  guest(machine, start);
  const { cpu } = machine;
  const hash = new MemoryHash(cpu.physicalWords, new WrittenPages(cpu, cpu.dirtyPages.length).consumer());
  const random = new Random(seed);
  for (let left = budget; left > 0;) {
    const piece = Math.min(left, 1 + random.below(400));
    machine.run(piece);
    left -= piece;
    if (looks) hash.digest();
  }
  const registers = ['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP', 'RSP', 'RIP'] as const;
  return [digestToHex(hash.digest()), ...registers.map((name) => machine.get(name)), cpu.instructionCount];
}

describe('A look at the memory between two writes', () => {
  for (const start of [{ bits: 64 }, { bits: 32 }, { bits: 32, paging: 'pae' }] as const) {
    it(`changes nothing of the run, however often: ${JSON.stringify(start)}`, async () => {
      for (let seed = 1; seed <= 5; seed++) {
        const undisturbed = run(await SystemMachine.make(), start, seed, false);
        expect(run(await SystemMachine.make(), start, seed, true)).to.deep.equal(undisturbed);
      }
    });
  }
  it('does not let the next write walk the page tables again', async () => {
    const machine = await SystemMachine.make();
    machine.start();
    mapTables(machine);
    machine.set('RAX', machine.entryAddress(data));
    const length = machine.write(At.kernelCode, [`mov byte ptr [${data}], 1`, 'and byte ptr [rax], 0x9f']);
    machine.write(At.kernelCode + length, [`mov byte ptr [${data}], 2`]);
    machine.run(2);
    const pages = machine.cpu.dirtyPages;
    pages.fill(0);
    machine.cpu.dirtyCleared();
    machine.go();
    expect(machine.entry(data) & 0x60n).to.equal(0n);
    expect(pages[data >> 12], 'the page is marked dirty again').to.equal(1);
    expect(machine.u8[Layout.RAM + data]).to.equal(2);
  });
});
