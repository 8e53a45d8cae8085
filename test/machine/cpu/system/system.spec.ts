// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MiscEnable } from '../../../../src/intrinsics/registers/msr_definitions.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { descriptor, Page, Rights } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine, type Ending } from '../../../support/system_machine.js';

const ports: string[] = [];
const machine = await SystemMachine.make({
  portRead: (port, size) => {
    ports.push(`in ${port.toString(16)} ${size} @${machine.cpu.instructionCount}`);
    return 0x12345678;
  },
  portWrite: (port, size, value) => {
    ports.push(`out ${port.toString(16)} ${size} ${value.toString(16)}`);
  },
  mmioRead: (address, size) => {
    ports.push(`read ${address.toString(16)} ${size} @${machine.cpu.instructionCount}`);
    return 0x11223344;
  },
  mmioWrite: (address, size, value) => {
    ports.push(`write ${address.toString(16)} ${size} ${value.toString(16)}`);
  },
});
const DB = 1;
const GP = 13;
const UD = 6;
const IF = 0x200;
const RF = 0x10000;
const sysretq = '.byte 0x48, 0x0f, 0x07';

beforeEach(() => ports.splice(0));

describe('Mode switches', () => {
  it('real mode to 32-bit protected mode to 64-bit mode, and instructions there', () => {
    machine.start();
    const root = Number(machine.get('CR3'));
    machine.start({ bits: 16 });
    // page tables as start() of 64-bit mode built them
    machine.poke64(root, BigInt(root + 0x1000) | 7n);
    machine.poke64(root + 0x1000, BigInt(root + 0x2000) | 7n);
    machine.poke64(root + 0x2000, 0x83n);
    machine.describe(Select.code64, descriptor(0, 0xffffffff, Rights.code64));
    machine.describe(Select.data, descriptor(0, 0xffffffff, Rights.data32));
    machine.describe(Select.code32, descriptor(0, 0xffffffff, Rights.code32));
    machine.poke(0x10800, 0xff, 0, At.gdt & 255, (At.gdt >> 8) & 255, At.gdt >> 16, 0);
    machine.write(
      0x10200,
      [
        `mov ax, ${Select.data}`,
        'mov ss, ax',
        'mov ds, ax',
        'mov eax, cr4',
        'or eax, 0x20',
        'mov cr4, eax',
        `mov eax, ${root}`,
        'mov cr3, eax',
        'mov ecx, 0xc0000080',
        'rdmsr',
        'or eax, 0x100',
        'wrmsr',
        'mov eax, cr0',
        'or eax, 0x80000000',
        'mov cr0, eax',
        'mov ecx, 0xc0000080',
        'rdmsr',
        'mov esi, eax',
        `push ${Select.code64}`,
        'push 0x10400',
        'retf',
      ],
      32,
    );
    machine.write(0x10400, ['mov rbx, 0x123456789abcdef0', 'add rbx, r8', 'lea rdi, [rip]'], 64);
    machine.set('R8', 1);
    // the last line is JMP 18H:10200H with an operand size of 32 bits
    const far = `.byte 0x66, 0xea, 0x00, 0x02, 0x01, 0x00, ${Select.code32}, 0x00`;
    machine.run64('lgdt [0x800]', 'mov eax, cr0', 'or al, 1', 'mov cr0, eax', 'mov esp, 0x18000', far);
    expect(machine.get('RBX')).to.equal(0x123456789abcdef1n);
    expect(machine.get('RSI')).to.equal(0xd00n); // LME, LMA, NXE
    expect(machine.get('CR0') & 0x80000001n).to.equal(0x80000001n);
  });
});

describe('Control registers', () => {
  const refused: readonly [string, bigint, string][] = [
    ['CR0.PG without PE', 0x80000010n, 'mov cr0, rax'],
    ['CR0.NW without CD', 0xa0000011n, 'mov cr0, rax'],
    ['upper half of CR0', 0x180000011n, 'mov cr0, rax'],
    ['CR0.PG = 0 in 64-bit mode', 0x11n, 'mov cr0, rax'],
    ['CR4.PAE = 0 in 64-bit mode', 0n, 'mov cr4, rax'],
    ['a reserved bit of CR4', 0x1020n, 'mov cr4, rax'],
    ['CR4.PKE, which is not announced', 0x400020n, 'mov cr4, rax'],
    ['a reserved bit of CR3', 1n << 45n, 'mov cr3, rax'],
    ['CR8 above 15', 16n, 'mov cr8, rax'],
    ['the upper half of DR7', 1n << 32n, 'mov dr7, rax'],
  ];
  for (const [name, value, instruction] of refused) {
    it(`${name} is #GP(0), and nothing changes`, () => {
      machine.start();
      machine.set('RAX', value);
      const before = ['CR0', 'CR3', 'CR4', 'DR7'].map((word) => machine.get(word as 'CR0'));
      expect(machine.run64(instruction)).to.include({ vector: GP, code: 0, rip: At.kernelCode });
      expect(['CR0', 'CR3', 'CR4', 'DR7'].map((word) => machine.get(word as 'CR0'))).to.deep.equal(before);
    });
  }
  it('need CPL 0', () => {
    for (const instruction of [
      'mov rax, cr0',
      'mov cr2, rax',
      'clts',
      'hlt',
      'invlpg [rax]',
      'rdmsr',
      'wrmsr',
      'lgdt [rax]',
      'ltr ax',
      'mov rax, dr0',
      'wbinvd',
      'swapgs',
    ]) {
      machine.start({ cpl: 3 });
      expect(machine.run64(instruction), instruction).to.include({ vector: GP, code: 0, rip: At.userCode });
    }
  });
  it('DR4 is DR6, or #UD with CR4.DE', () => {
    machine.start();
    machine.poke(At.kernelCode, 0x0f, 0x21, 0xe0, 0xf4);
    expect(machine.go().vector).to.equal(undefined);
    expect(machine.get('RAX')).to.equal(0xffff0ff0n);
    machine.start();
    machine.set('CR4', machine.get('CR4') | 8n);
    machine.poke(At.kernelCode, 0x0f, 0x21, 0xe0, 0xf4);
    expect(machine.go().vector).to.equal(UD);
  });
  it('#DB of general detect pushes RF, as faults do; #DB of an instruction breakpoint does not', () => {
    machine.start();
    machine.set('DR7', 0x2400);
    const detected = machine.run64('mov rax, dr0');
    expect(detected).to.include({ vector: DB, rip: At.kernelCode });
    expect(detected.frame.rflags & RF).to.equal(RF);
    machine.start();
    machine.set('DR0', At.kernelCode);
    machine.set('DR7', 0x401);
    machine.stateChanged();
    const met = machine.run64('nop');
    expect(met).to.include({ vector: DB, rip: At.kernelCode });
    expect(met.frame.rflags & RF).to.equal(0);
  });
  it('LMSW sets PE but does not clear it', () => {
    machine.start();
    machine.run64('xor eax, eax', 'lmsw ax', 'smsw rbx');
    expect(machine.get('RBX') & 0xfn).to.equal(1n);
  });
});

describe('Model-specific registers', () => {
  it('that do not exist raise #GP(0)', () => {
    machine.start();
    expect(machine.run64('mov ecx, 0x12345', 'rdmsr')).to.include({ vector: GP, code: 0 });
  });
  it('that belong to features which CPUID does not announce raise #GP(0)', () => {
    // ACPI: IA32_CLOCK_MODULATION, IA32_THERM_INTERRUPT, IA32_THERM_STATUS
    for (const address of [0x19a, 0x19b, 0x19c]) {
      for (const access of ['rdmsr', 'wrmsr']) {
        machine.start();
        expect(machine.run64(`mov ecx, ${address}`, 'xor eax, eax', 'xor edx, edx', access)).to.include({
          vector: GP,
          code: 0,
        });
      }
    }
  });
  it('takes a microcode update and shows none: IA32_BIOS_UPDT_TRIG can only be written', () => {
    machine.start();
    expect(machine.run64('mov ecx, 0x79', 'mov eax, 0x1000', 'mov edx, 0xffff8880', 'wrmsr').vector).to.equal(
      undefined,
    );
    machine.start();
    expect(machine.run64('mov ecx, 0x79', 'rdmsr')).to.include({ vector: GP, code: 0 });
  });
  it('raises #GP for a reserved bit of IA32_MISC_ENABLE, and keeps its read-only bits', () => {
    const defined = (1n << 34n) | BigInt(0x00c51889);
    machine.start();
    const before = machine.get('MISC_ENABLE');
    for (let bit = 0n; bit < 64n; bit++) {
      machine.start();
      const value = 1n << bit;
      const write = ['mov ecx, 0x1a0', `mov eax, ${value & 0xffffffffn}`, `mov edx, ${value >> 32n}`, 'wrmsr'];
      const { vector } = machine.run64(...write, 'rdmsr');
      expect(vector, `bit ${bit}`).to.equal((value & defined) === 0n ? GP : undefined);
      if (vector !== undefined) continue;
      const readOnly = BigInt(MiscEnable.BranchTraceStorageUnavailable | MiscEnable.PebsUnavailable);
      expect(machine.get('MISC_ENABLE'), `bit ${bit}`).to.equal(readOnly | value);
    }
    machine.set('MISC_ENABLE', before);
  });
  it('WRMSR of MISC_FEATURE_ENABLES takes the value that it has, and #GP(0) for bits it does not have', () => {
    machine.start();
    const write = ['mov ecx, 0x140', 'rdmsr', 'wrmsr'];
    expect(machine.run64(...write).vector).to.equal(undefined);
    machine.start();
    expect(machine.run64(...write, 'mov eax, 1', 'wrmsr')).to.include({ vector: GP, code: 0 });
  });
  it('WRMSR of IA32_DEBUGCTL is #GP(0) for what needs the debug store, which CPUID does not announce', () => {
    for (const bit of [0x40, 0x80, 0x100]) {
      machine.start();
      expect(machine.run64('mov ecx, 0x1d9', `mov eax, ${bit}`, 'xor edx, edx', 'wrmsr').vector).to.equal(GP);
    }
  });
  it('IA32_EFER: LME cannot change while paging is on, reserved bits raise #GP', () => {
    for (const value of [0x401, 0xd03]) {
      machine.start();
      machine.set('RAX', value);
      expect(machine.run64('mov ecx, 0xc0000080', 'xor edx, edx', 'wrmsr').vector).to.equal(GP);
    }
  });
  it('that hold addresses want canonical ones', () => {
    machine.start();
    expect(machine.run64('mov ecx, 0xc0000082', 'xor eax, eax', 'mov edx, 0x8000', 'wrmsr').vector).to.equal(GP);
  });
  it('IA32_TIME_STAMP_COUNTER counts instructions; a write moves IA32_TSC_ADJUST', () => {
    machine.start();
    machine.run64(
      'rdtsc',
      'mov ebx, eax',
      'nop',
      'nop',
      'rdtsc',
      'sub eax, ebx',
      'mov edi, eax',
      'mov ecx, 0x10',
      'xor edx, edx',
      'mov eax, 1000',
      'wrmsr',
      'rdtsc',
    );
    expect(machine.get('RDI')).to.equal(4n);
    expect(machine.get('RAX')).to.equal(1001n);
    expect(machine.get('TSC_ADJUST')).to.not.equal(0n);
  });
});

/** Runs 16-bit code in virtual-8086 mode. */
function inVirtual8086(...lines: readonly string[]): Ending {
  machine.start({ bits: 32 });
  machine.map(At.pages, At.pages, Page.present | Page.writable | Page.user);
  machine.write(At.pages, lines, 16);
  const frame = [0, 0, 0, 0, 0, 0x1000, 0x20002, At.pages >> 4, 0];
  return machine.run64(...frame.map((value) => `push ${value}`), 'iretd');
}

describe('CLAC and STAC', () => {
  for (const line of ['.byte 0x0f, 0x01, 0xca', '.byte 0x0f, 0x01, 0xcb']) {
    it(`are #UD at CPL 3, in virtual-8086 mode too: ${line}`, () => {
      for (const bits of [64, 32] as const) {
        machine.start({ bits, cpl: 3 });
        expect([bits, machine.run64(line).vector]).to.deep.equal([bits, UD]);
      }
      expect(inVirtual8086(line).vector).to.equal(UD);
    });
  }
});

describe('CPUID', () => {
  it('gives the vendor, and for leaves beyond the highest that of the highest', () => {
    machine.start();
    machine.run64(
      'xor eax, eax',
      'cpuid',
      'mov esi, ebx',
      'mov eax, 0x16',
      'cpuid',
      'mov edi, eax',
      'mov eax, 0x7fffffff',
      'cpuid',
    );
    expect([machine.get('RSI'), machine.get('RDI'), machine.get('RAX')]).to.deep.equal([0x756e6547n, 1000n, 1000n]);
  });
  it('OSXSAVE follows CR4', () => {
    machine.start();
    machine.run64(
      'mov eax, 1',
      'cpuid',
      'mov esi, ecx',
      'mov rax, cr4',
      'bts rax, 18',
      'mov cr4, rax',
      'mov eax, 1',
      'cpuid',
    );
    expect([machine.get('RSI') & 0x8000000n, machine.get('RCX') & 0x8000000n]).to.deep.equal([0n, 0x8000000n]);
  });
  it('has no hypervisor bit', () => {
    machine.start();
    machine.run64('mov eax, 1', 'cpuid');
    expect(machine.get('RCX') >> 31n).to.equal(0n);
  });
});

describe('Fast system calls', () => {
  it('SYSCALL and SYSRET', () => {
    machine.start({ cpl: 3, rflags: IF | 2 });
    machine.set('STAR', (BigInt(Select.userCode32 - 3) << 48n) | (BigInt(Select.code64) << 32n));
    machine.set('LSTAR', At.kernelCode);
    machine.set('FMASK', IF);
    machine.write(At.kernelCode, ['pushfq', 'pop rbx', sysretq], 64);
    const end = machine.run64('syscall', 'ud2');
    expect(end).to.include({ vector: UD, rip: At.userCode + 2 });
    expect(end.frame).to.include({ cs: Select.userCode64, ss: Select.userData });
    expect(machine.get('RBX') & BigInt(IF)).to.equal(0n);
    expect(end.frame.rflags & IF).to.equal(IF);
    expect(machine.get('RCX')).to.equal(BigInt(At.userCode + 2));
  });
  it('SYSRET to an address that is not canonical is #GP(0) at CPL 0', () => {
    machine.start();
    machine.set('RCX', 0x0000800000000000n);
    expect(machine.run64(sysretq)).to.include({ vector: GP, code: 0, rip: At.kernelCode });
  });
  it('SYSENTER, SYSEXIT and SYSCALL load selectors of 16 bits at the end of a table', () => {
    machine.start();
    machine.set('SYSENTER_CS', 0xfff8);
    machine.set('SYSENTER_EIP', At.kernelCode + 0x20);
    machine.write(At.kernelCode + 0x20, ['mov ebx, ss', 'hlt']);
    machine.run64('sysenter');
    expect(machine.get('RBX')).to.equal(0n);
    expect([machine.word('CS_SELECTOR'), machine.word('SS_SELECTOR')]).to.deep.equal([0xfff8, 0]);
    machine.start();
    machine.set('STAR', 0xfff8n << 32n);
    machine.set('LSTAR', At.kernelCode + 0x20);
    machine.write(At.kernelCode + 0x20, ['hlt']);
    machine.run64('syscall');
    expect([machine.word('CS_SELECTOR'), machine.word('SS_SELECTOR')]).to.deep.equal([0xfff8, 0]);
    machine.start();
    machine.set('SYSENTER_CS', 0xfff8);
    machine.set('RDX', At.userCode);
    machine.set('RCX', At.userStackTop);
    machine.write(At.userCode, ['ud2']);
    expect(machine.run64('.byte 0x48, 0x0f, 0x35').frame).to.include({ cs: 0x1b, ss: 0x23 });
  });
  it('SYSENTER and SYSEXIT', () => {
    machine.start({ bits: 32, cpl: 3 });
    // SYSEXIT wants user segments 16 and 24 bytes after the kernel's code segment
    machine.describe(0x60, descriptor(0, 0xffffffff, Rights.code32));
    machine.set('SYSENTER_CS', 0x60);
    machine.set('SYSENTER_ESP', At.kernelStackTop);
    machine.set('SYSENTER_EIP', At.kernelCode);
    machine.set('RDX', At.userCode + 2);
    machine.set('RCX', At.userStackTop - 16);
    machine.write(At.kernelCode, ['mov ebx, esp', 'sysexit'], 32);
    const end = machine.run64('sysenter', 'ud2');
    expect(end).to.include({ vector: UD, rip: At.userCode + 2 });
    expect(machine.get('RBX')).to.equal(BigInt(At.kernelStackTop));
    expect(end.frame).to.include({ cs: 0x73, ss: 0x7b, rsp: At.userStackTop - 16 });
  });
});

describe('I/O', () => {
  it('IN and OUT of all sizes, at the exact instruction', () => {
    machine.start();
    const before = machine.cpu.instructionCount;
    machine.run64('nop', 'in al, 0x60', 'mov edx, 0x1234', 'out dx, ax', 'in eax, dx');
    expect(ports).to.deep.equal([`in 60 1 @${before + 1}`, 'out 1234 2 78', `in 1234 4 @${before + 4}`]);
    expect(machine.get('RAX')).to.equal(0x12345678n);
  });
  it('follow the permission bitmap at CPL 3', () => {
    machine.start({ cpl: 3 });
    expect(machine.run64('in al, 0x60')).to.include({ vector: GP, code: 0 });
    machine.start({ cpl: 3 });
    machine.poke(At.tss + 0x66, 0x68, 0);
    machine.u32[Layout.TR_LIMIT / 4] = 0x68 + 0x2000; // the bitmap's bytes are 0: allowed
    expect(machine.run64('in al, 0x60', 'ud2').vector).to.equal(UD);
    machine.start({ cpl: 3, rflags: 0x3002 });
    expect(machine.run64('in al, 0x60', 'ud2').vector).to.equal(UD);
  });
  it('REP OUTSB and INSW move elements', () => {
    machine.start();
    machine.poke(At.pages, 1, 2, 3);
    machine.set('RSI', At.pages);
    machine.set('RDI', At.pages + 16);
    machine.run64('mov edx, 0x80', 'mov ecx, 3', 'rep outsb', 'mov ecx, 2', 'rep insw');
    expect(ports.map((line) => line.split(' @')[0])).to.deep.equal([
      'out 80 1 1',
      'out 80 1 2',
      'out 80 1 3',
      'in 80 2',
      'in 80 2',
    ]);
    expect(machine.peek32(At.pages + 16)).to.equal(0x56785678);
    expect([machine.get('RSI'), machine.get('RDI')]).to.deep.equal([BigInt(At.pages + 3), BigInt(At.pages + 20)]);
  });
  it('device memory is read and written in the middle of a block, at the exact instruction', () => {
    machine.start();
    machine.map(0x200000, 0xfee00000, 3n);
    machine.set('RBX', 0x200000);
    const before = machine.cpu.instructionCount;
    machine.run64('nop', 'mov eax, [rbx + 0x20]', 'nop', 'mov [rbx + 0x80], rax', 'or dword ptr [rbx + 0xf0], 1');
    expect(ports).to.deep.equal([
      `read fee00020 4 @${before + 1}`,
      'write fee00080 4 11223344',
      'write fee00084 4 0',
      `read fee000f0 4 @${before + 4}`,
      'write fee000f0 4 11223345',
    ]);
  });
});

describe('Self-modifying code', () => {
  it('is seen by the next instruction', () => {
    machine.start();
    // mov byte ptr [rip + 1], 7: the immediate of the MOV after it
    machine.run64('mov byte ptr [rip + 1], 7', 'mov al, 1');
    expect(machine.get('RAX')).to.equal(7n);
  });
  it('is seen in a loop', () => {
    machine.start();
    machine.run64('xor ecx, ecx', 'again: add eax, 1', 'inc byte ptr [rip - 7]', 'inc ecx', 'cmp ecx, 3', 'jne again');
    expect(machine.get('RCX')).to.equal(3n);
    expect(machine.get('RAX')).to.equal(1n + 2n + 3n);
  });
  it('that another mapping writes is seen', () => {
    machine.start();
    machine.map(0x200000, At.kernelCode, 3n);
    machine.set('RBX', 0x200000);
    machine.write(At.kernelCode + 0x100, ['add al, 1', 'ret']);
    machine.run64('call 0x10100', 'mov byte ptr [rbx + 0x101], 9', 'call 0x10100');
    expect(machine.get('RAX')).to.equal(10n);
  });
  it('that the bus wrote is seen after memoryWritten', () => {
    machine.start();
    machine.run64('mov al, 1');
    machine.poke(At.kernelCode + 1, 5);
    machine.codeChanged(At.kernelCode + 1, 1);
    machine.set('RIP', At.kernelCode);
    machine.u32[Layout.ACTIVITY / 4] = 0;
    machine.go();
    expect(machine.get('RAX')).to.equal(5n);
  });
});

describe('The budget', () => {
  it('is exact: N instructions, then Quantum, with RIP after them', () => {
    machine.start();
    machine.write(
      At.kernelCode,
      Array.from({ length: 200 }, () => 'inc eax'),
    );
    for (const n of [1, 7, 64, 100]) {
      const rax = machine.get('RAX');
      expect(machine.run(n)).to.equal(StopReason.Quantum);
      expect(machine.get('RAX') - rax).to.equal(BigInt(n));
      expect(machine.get('RIP')).to.equal(BigInt(At.kernelCode) + 2n * machine.get('RAX'));
    }
  });

  it('POPF with a 16-bit operand ignores CR4.PVI: IF and VIF stay, VIP does not matter', () => {
    for (const rflags of [2, 0x100002]) {
      machine.start({ bits: 32, cpl: 3, cr4: 0x12 });
      machine.setRflags(rflags);
      const end = machine.run64('.byte 0x66, 0x68, 0x02, 0x02', '.byte 0x66, 0x9d', 'ud2');
      expect(end).to.include({ vector: 6, rip: At.userCode + 6 });
      expect(end.frame.rflags & ~0x10000).to.equal(rflags);
    }
  });
});
