// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { assemble, type CodeBits } from '../../../support/assembler.js';
import { createTestCore, type TestCore } from '../../../support/test_core.js';
import {
  CR0_PAGED,
  CR4_LONG,
  EFER_LONG,
  Page,
  PageTables,
  Rights,
  Segment,
  setSegment,
  setWord,
} from '../../../support/processor_setup.js';

const code = 0x10000;
/** A second linear address of the page at `code`. */
const alias = 0x90000;
const absent = 0x60000;
const stack = 0x58000;
const tables = 0x200000;
const handlers = 0x8000;

/** A core with code, data and stack mapped to themselves, `alias` to `code`, and one page absent. */
class CodeCore {
  private constructor(readonly core: TestCore) {}

  static async create(): Promise<CodeCore> {
    return new CodeCore(await createTestCore(16 << 20));
  }

  /** 64-bit or 32-bit code at CPL 0; every exception ends in a HLT. */
  enter(bits: CodeBits): void {
    const { core } = this;
    core.reset();
    core.bits = bits;
    const map = new PageTables(core, tables);
    core.u8.fill(0, Layout.RAM + tables, Layout.RAM + tables + 0x8000);
    for (let page = 0; page < 0x100000; page += 0x1000)
      map.map(BigInt(page), page, page === absent ? 0n : Page.present | Page.writable);
    map.map(BigInt(alias), code, Page.present | Page.writable);
    setWord(core, 'CR3', map.root);
    setWord(core, 'CR0', CR0_PAGED);
    setWord(core, 'CR4', CR4_LONG);
    setWord(core, 'EFER', EFER_LONG);
    setSegment(core, Segment.CS, 0x10, 0, 0xffffffff, bits === 64 ? Rights.code64 : Rights.code32);
    for (const index of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS])
      setSegment(core, index, 0x18, 0, 0xffffffff, Rights.data32);
    core.setRflags(2);
    setWord(core, 'RSP', stack);
    core.u32[Layout.ACTIVITY / 4] = 0;
    core.stateChanged();
  }

  poke(address: number, bytes: ArrayLike<number>): void {
    this.core.u8.set(bytes as Uint8Array, Layout.RAM + address);
    this.core.codeChanged(address, bytes.length);
  }

  /** Assembles to an address and returns the length. */
  put(address: number, ...lines: string[]): number {
    const bytes = assemble(lines, this.core.bits, address);
    this.poke(address, bytes);
    return bytes.length;
  }

  /** Runs from an address to a HLT, at most `budget` instructions. Returns the RIP after it. */
  go(address: number, budget = 100_000): bigint {
    setWord(this.core, 'RIP', address);
    this.core.u32[Layout.ACTIVITY / 4] = 0;
    this.core.stateChanged();
    this.core.run(budget);
    return this.core.u64[Layout.RIP / 8]!;
  }

  get rax(): bigint {
    return this.core.u64[Layout.RAX / 8]!;
  }
}

describe('Decoded code', () => {
  let machine: CodeCore;
  before(async () => {
    machine = await CodeCore.create();
  });
  beforeEach(() => machine.enter(64));

  describe('that is changed', () => {
    it('by the instruction before it, in the same block, is executed as changed', () => {
      // mov byte [rip], 5 writes the immediate of the mov eax after it (C6 05 disp32 imm8 is 7 bytes; the immediate is one byte on)
      machine.poke(code, [0xc6, 0x05, 1, 0, 0, 0, 5, 0xb8, 1, 0, 0, 0, 0xf4]);
      machine.go(code);
      expect(machine.rax).to.equal(5n);
    });

    it('in each turn of a loop that its own page holds, counts every change', () => {
      const loop = 'again: inc byte ptr [rip + patch]';
      // the loop adds an immediate that it increments itself: 1 + 2 + … + 10
      machine.put(
        code,
        'xor eax, eax',
        'mov ecx, 10',
        loop,
        'patch0: add eax, 0',
        'dec ecx',
        'jnz again',
        'hlt',
        '.set patch, patch0 + 2',
      );
      machine.go(code);
      expect(machine.rax).to.equal(55n);
    });

    it('by the last instruction before a block that was linked to it, is executed as changed', () => {
      machine.put(
        code,
        'mov ecx, 4',
        'lea r8, [rip + second + 1]',
        'lea rdi, [rsp - 64]',
        'xor eax, eax',
        'jmp second',
        'first: cmp ecx, 2',
        'cmove rdi, r8',
        'mov dword ptr [rdi], 5',
        'second: mov ebx, 1',
        'add eax, ebx',
        'dec ecx',
        'jnz first',
        'hlt',
      );
      machine.go(code);
      expect(machine.rax).to.equal(1n + 1n + 5n + 5n);
    });

    it('through another linear address of its page, is executed as changed', () => {
      const target = code + 0x800;
      machine.put(target, 'mov eax, 1', 'ret');
      machine.put(code, `mov rbx, ${target}`, 'call rbx', `mov byte ptr [${alias + 0x801}], 9`, 'call rbx', 'hlt');
      machine.go(code);
      expect(machine.rax).to.equal(9n);
    });

    it('by a string instruction, is executed as changed', () => {
      const target = code + 0x800;
      machine.put(target, 'mov eax, 1', 'ret');
      machine.put(
        code,
        `mov rbx, ${target}`,
        'call rbx',
        `mov edi, ${target + 1}`,
        'mov ecx, 4',
        'mov al, 7',
        'rep stosb',
        'call rbx',
        'hlt',
      );
      machine.go(code);
      expect(machine.rax).to.equal(0x07070707n);
    });

    it('by a device, is executed as changed', () => {
      machine.put(code, 'mov eax, 1', 'hlt');
      machine.go(code);
      machine.put(code, 'mov eax, 2', 'hlt');
      machine.go(code);
      expect(machine.rax).to.equal(2n);
    });

    it('by the return address that CALL pushes into its own block, is executed as changed', () => {
      // the stack is in the code page: the return address 1001Eh lands on a MOV EAX of the target
      const target = code + 0x40;
      machine.put(target, 'mov eax, 0x11111111', 'hlt');
      machine.put(code, `mov rsp, ${target + 1 + 8}`, `call ${target}`);
      machine.go(code);
      expect(machine.rax & 0xffffffffn).to.equal(
        BigInt(code + assembleLength(['mov rsp, ' + (target + 9), `call ${target}`])),
      );
    });
  });

  describe('in a page with data', () => {
    it('stays valid when bytes far from it are written', () => {
      machine.put(
        code,
        'mov ecx, 1000',
        'again: mov byte ptr [rip + 0x700], cl',
        'add rax, rcx',
        'dec ecx',
        'jnz again',
        'hlt',
      );
      setWord(machine.core, 'RAX', 0);
      const generation = machine.core.u32[Layout.RECORD_GENERATION / 4];
      const before = machine.core.u32[Layout.RECORD_NEXT / 4]!;
      machine.go(code);
      expect(machine.rax).to.equal(500500n);
      expect(machine.core.u32[Layout.RECORD_GENERATION / 4]).to.equal(generation);
      expect(machine.core.u32[Layout.RECORD_NEXT / 4]! - before).to.be.below(0x8000);
    });
  });

  describe('that crosses a page', () => {
    const at = code + 0xffe;
    it('is executed, again and again', () => {
      machine.put(at, 'mov eax, 0x12345678', 'ret');
      machine.put(code, 'mov ecx, 3', `again: call ${at}`, 'add rbx, rax', 'dec ecx', 'jnz again', 'hlt');
      setWord(machine.core, 'RBX', 0);
      machine.go(code);
      expect(machine.core.u64[Layout.RBX / 8]).to.equal(3n * 0x12345678n);
    });

    it('is executed as changed when its second page is written', () => {
      machine.put(at, 'mov eax, 1', 'ret');
      machine.put(code, `call ${at}`, `mov byte ptr [${at + 2}], 3`, `call ${at}`, 'hlt');
      machine.go(code);
      expect(machine.rax).to.equal(0x301n);
    });

    it('faults with the address of the second page when that is absent', () => {
      for (let vector = 0; vector < 32; vector++) machine.poke(handlers + vector * 16, [0xf4]);
      machine.put(absent - 2, 'nop', 'nop');
      machine.poke(absent - 1, [0xb8]);
      machine.go(absent - 2, 1);
      const { core } = machine;
      expect(core.u64[Layout.RIP / 8]).to.equal(BigInt(absent - 1));
      core.run(1); // the fault; there is no IDT, so the machine shuts down with CR2 set
      expect(core.u64[Layout.CR2 / 8]).to.equal(BigInt(absent));
    });

    it('executes one that only its prefixes and opcode put at the end of a page', () => {
      machine.put(code + 0xffd, 'mov eax, ebx', 'inc eax', 'hlt');
      setWord(machine.core, 'RBX', 41);
      machine.go(code + 0xffd);
      expect(machine.rax).to.equal(42n);
    });
  });

  it('is kept apart by code size: the same bytes mean two things', () => {
    // 48 FF C0: INC RAX in 64-bit mode; DEC EAX, INC EAX in 32-bit mode
    const bytes = [0x48, 0xff, 0xc0, 0xf4];
    machine.poke(code, bytes);
    setWord(machine.core, 'RAX', 5);
    machine.go(code);
    expect(machine.rax).to.equal(6n);
    machine.enter(32);
    setWord(machine.core, 'RAX', 5);
    machine.go(code);
    expect(machine.rax).to.equal(5n);
    machine.enter(64);
    setWord(machine.core, 'RAX', 5);
    machine.go(code);
    expect(machine.rax).to.equal(6n);
  });

  it('is thrown away, and decoded again, when its space is used up', () => {
    const { core } = machine;
    machine.put(code, 'mov eax, 1', `call ${code + 0x1000}`, `call ${code + 0x2000}`, 'add eax, 100', 'hlt');
    machine.put(code + 0x1000, 'add eax, 10', 'ret');
    machine.put(code + 0x2000, 'add eax, 20', 'ret');
    machine.go(code);
    const generation = core.u32[Layout.RECORD_GENERATION / 4]!;
    machine.put(code + 0x2000, 'add eax, 30', 'ret');
    core.u32[Layout.RECORD_NEXT / 4] = Layout.RECORDS_END - 0x4000;
    machine.go(code);
    expect(machine.rax).to.equal(141n);
    expect(core.u32[Layout.RECORD_GENERATION / 4]).to.equal(generation + 1);
  });
});

describe('run', () => {
  let machine: CodeCore;
  before(async () => {
    machine = await CodeCore.create();
  });
  beforeEach(() => {
    machine.enter(64);
    machine.put(
      code,
      'xor eax, eax',
      'xor ebx, ebx',
      'mov ecx, 50',
      'again: add rax, rcx',
      'call f',
      'test cl, 1',
      'jz skip',
      'inc rbx',
      'skip: dec ecx',
      'jnz again',
      'hlt',
      'f: push rax',
      'xor rax, 3',
      'pop rdx',
      'ret',
    );
  });

  /** Registers, RIP and flags after exactly that many instructions, in pieces of `piece`. */
  function after(instructions: number, piece: number): string {
    const { core } = machine;
    for (let index = 0; index < 16; index++) if (index !== 4) core.u64[Layout.RAX / 8 + index] = 0n;
    setWord(core, 'RSP', stack);
    setWord(core, 'RIP', code);
    core.u32[Layout.ACTIVITY / 4] = 0;
    core.setRflags(2);
    core.stateChanged();
    const from = core.cpu.instructionCount;
    for (let done = 0; done < instructions; done += piece) core.run(Math.min(piece, instructions - done));
    expect(core.cpu.instructionCount - from).to.equal(instructions);
    return [...core.u64.subarray(Layout.RAX / 8, Layout.RIP / 8 + 1), core.rflags()].map(String).join(' ');
  }

  for (const count of [1, 2, 7, 63, 64, 65, 100, 129, 400]) {
    it(`executes exactly ${count} instructions, whole or one by one or in pieces`, () => {
      const single = after(count, 1);
      expect(after(count, count)).to.equal(single);
      expect(after(count, 7)).to.equal(single);
      expect(after(count, 70)).to.equal(single);
    });
  }

  it('executes exactly as many instructions as the budget has at its end, whichever blocks have room there', () => {
    const wanted = Array.from({ length: 130 }, (_, count) => after(count + 1, 1));
    for (const piece of [2, 3, 4, 5, 6, 8, 11, 40, 64, 65])
      expect(wanted.map((_, count) => after(count + 1, piece))).to.deep.equal(wanted);
  });

  it('stops at once, with the count exact, at an instruction that halts', () => {
    const { core } = machine;
    machine.put(code, 'nop', 'nop', 'hlt', 'nop');
    const from = core.cpu.instructionCount;
    machine.go(code, 10_000);
    expect(core.cpu.instructionCount - from).to.equal(3);
    expect(core.u32[Layout.ACTIVITY / 4]).to.equal(1);
    expect(core.u32[Layout.DECODE_MODE / 4]! & Constants.DECODE_CODE).to.equal(Constants.DECODE_CODE64);
  });
});

function assembleLength(lines: string[]): number {
  return assemble(lines, 64, code).length;
}
