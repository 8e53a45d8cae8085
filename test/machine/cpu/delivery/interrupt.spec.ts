// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { ActivityState, InterruptibilityState } from '../../../../src/intrinsics/registers/registers.js';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { descriptor, gate32, gate64 } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';
import { eptFields, Guest, GuestMachine, identityEpt, type GuestOptions } from '../../vmx/guest_machine.js';

let acknowledged = 0x30;
const machine = await SystemMachine.make({
  acknowledgeInterrupt: () => {
    machine.cpu.setInterruptPending(false);
    return acknowledged;
  },
});
const RF = 0x10000;
const TF = 0x100;
const IF = 0x200;

/** Not-present gate. */
const absentGate: readonly [bigint, bigint] = [gate64(Select.code64, 0n)[0] & ~(1n << 47n), 0n];

describe('Interrupts and exceptions', () => {
  describe('in 64-bit mode', () => {
    it('push SS:RSP, RFLAGS, CS:RIP and the code on a stack aligned to 16', () => {
      machine.start();
      machine.set('RSP', At.kernelStackTop - 3);
      const end = machine.run64('xor eax, eax', 'mov ds, ax', 'mov eax, 0x58', 'mov ds, ax');
      expect(end).to.include({ vector: 13, code: 0x58, rip: At.kernelCode + 10 });
      expect(end.frame).to.include({ cs: Select.code64, rsp: At.kernelStackTop - 3, ss: Select.data });
      expect(Number(machine.get('RSP'))).to.equal(At.kernelStackTop - 16 - 48);
    });
    it('set RF in the frame of faults, not of traps', () => {
      machine.start();
      expect(machine.run64('ud2').frame.rflags & RF).to.equal(RF);
      machine.start();
      expect(machine.run64('int3').frame.rflags & RF).to.equal(0);
    });
    it('change to the stack of the TSS and to a null SS when the privilege changes', () => {
      machine.start({ cpl: 3 });
      const end = machine.run64('ud2');
      expect(end.frame).to.include({ cs: Select.userCode64, rsp: At.userStackTop, ss: Select.userData });
      expect(Number(machine.get('RSP'))).to.equal(At.ring0StackTop - 40);
      expect(machine.word('SS_SELECTOR')).to.equal(0);
      expect(machine.word('CPL')).to.equal(0);
    });
    it('use the interrupt stack table', () => {
      machine.start();
      machine.gate(6, gate64(Select.code64, BigInt(At.handlers + 6 * 16), 1));
      machine.run64('ud2');
      expect(Number(machine.get('RSP'))).to.equal(At.istStackTop - 40);
    });
    it('INT n needs a gate with DPL ≥ CPL: #GP(vector × 8 + 2)', () => {
      machine.start({ cpl: 3 });
      expect(machine.run64('int 0x40')).to.include({ vector: 13, code: 0x40 * 8 + 2, rip: At.userCode });
      machine.start({ cpl: 3 });
      machine.gate(0x40, gate64(Select.code64, BigInt(At.handlers + 0x40 * 16), 0, 3));
      expect(machine.run64('int 0x40')).to.include({ vector: 0x40, rip: At.userCode + 2 });
    });
    it('a gate that is not present is #NP(vector × 8 + 2), EXT = 1 for hardware exceptions', () => {
      machine.start();
      machine.gate(6, absentGate);
      expect(machine.run64('ud2')).to.include({ vector: 11, code: 6 * 8 + 3 });
      machine.start();
      machine.gate(0x40, absentGate);
      expect(machine.run64('int 0x40')).to.include({ vector: 11, code: 0x40 * 8 + 2 });
    });
    it('a vector beyond the limit is #GP', () => {
      machine.start();
      machine.u32[Layout.IDTR_LIMIT / 4] = 0x20 * 16 - 1;
      expect(machine.run64('int 0x20')).to.include({ vector: 13, code: 0x20 * 8 + 2 });
    });
    it('interrupt gates clear IF, trap gates do not', () => {
      machine.start({ rflags: IF | 2 });
      machine.run64('ud2');
      expect(machine.rflags() & IF).to.equal(0);
      machine.start({ rflags: IF | 2 });
      const [low, high] = gate64(Select.code64, BigInt(At.handlers + 6 * 16));
      machine.gate(6, [low | (1n << 40n), high]);
      machine.run64('ud2');
      expect(machine.rflags() & IF).to.equal(IF);
    });
  });

  describe('Double faults', () => {
    const bad = gate64(0x58, 0n); // names an empty descriptor: #GP while delivering
    /** Makes the delivery of `vector` fault with #GP. */
    const failing = (vector: number): void => machine.gate(vector, bad);
    it('come of two contributory exceptions', () => {
      machine.start();
      failing(0);
      expect(machine.run64('div ecx')).to.include({ vector: 8, code: 0 });
    });
    it('come of a page fault and a contributory exception', () => {
      machine.start();
      failing(14);
      machine.set('RBX', 0x600000);
      expect(machine.run64('mov eax, [rbx]')).to.include({ vector: 8, code: 0 });
    });
    it('do not come of a benign exception and a fault', () => {
      machine.start();
      failing(6);
      expect(machine.run64('ud2')).to.include({ vector: 13, code: 0x59 });
    });
    it('do not come of a contributory exception and a page fault', () => {
      machine.start();
      // The IDT ends at a page boundary after the gate of #NP: that of #GP, which the load of a bad selector needs, is not present.
      const at = 0x500000 - 13 * 16;
      machine.map(0x4ff000, At.pages, 3n);
      for (let offset = 0; offset < 13 * 16; offset += 8) {
        machine.poke64(At.pages + (at & 0xfff) + offset, machine.peek64(At.idt + offset));
      }
      machine.set('IDTR_BASE', at);
      machine.set('RBX', 0x0000800000000000n);
      machine.write(At.kernelCode, ['mov rax, [rbx]']);
      // #GP cannot be delivered for a page fault; that page fault cannot be delivered either, which is a double fault and runs its handler.
      expect(machine.go()).to.include({ vector: 8, code: 0 });
      expect(machine.get('CR2')).to.equal(0x500010n);
    });
    it('that cannot be delivered shut the processor down', () => {
      machine.start();
      machine.u32[Layout.IDTR_LIMIT / 4] = 0;
      machine.write(At.kernelCode, ['ud2']);
      expect(machine.run(100)).to.equal(StopReason.Shutdown);
      expect(Number(machine.get('RIP'))).to.equal(At.kernelCode);
    });
  });

  describe('External interrupts', () => {
    it('wait for IF, and for the instruction after STI', () => {
      machine.start();
      machine.cpu.setInterruptPending(true);
      const end = machine.run64('nop', 'sti', 'inc ebx', 'inc ebx');
      expect(end).to.include({ vector: acknowledged, rip: At.kernelCode + 4 });
      expect(machine.get('RBX')).to.equal(1n);
    });
    it('wait for the instruction after MOV SS', () => {
      machine.start({ rflags: 2 });
      machine.set('RAX', Select.data);
      machine.write(At.kernelCode, ['sti', 'mov ss, ax', 'inc ebx', 'inc ebx']);
      machine.run(2);
      machine.cpu.setInterruptPending(true);
      expect(machine.go()).to.include({ vector: acknowledged, rip: At.kernelCode + 6 });
      expect(machine.get('RBX')).to.equal(1n);
    });
    it('wake HLT; RIP in the frame is after it', () => {
      machine.start({ rflags: IF | 2 });
      machine.write(At.kernelCode, ['hlt']);
      expect(machine.run(10)).to.equal(StopReason.Idle);
      machine.cpu.setInterruptPending(true);
      acknowledged = 0x41;
      expect(machine.go()).to.include({ vector: 0x41, rip: At.kernelCode + 1 });
      acknowledged = 0x30;
    });
  });

  describe('NMIs', () => {
    it('are blocked from delivery to IRET', () => {
      machine.start();
      machine.write(At.handlers + 2 * 16, ['inc ebx', 'iretq']);
      machine.write(At.kernelCode, ['nop', 'inc ecx']);
      machine.cpu.nmi();
      machine.run(2);
      expect(machine.word('INTERRUPTIBILITY') & 8).to.equal(8);
      machine.cpu.nmi();
      machine.go();
      expect([machine.get('RBX'), machine.get('RCX')]).to.deep.equal([2n, 1n]);
      expect(machine.word('INTERRUPTIBILITY') & 8).to.equal(0);
    });
  });

  describe('Debug exceptions', () => {
    it('single-step traps after the instruction, with DR6.BS', () => {
      machine.start({ rflags: TF | 2 });
      expect(machine.run64('nop', 'nop')).to.include({ vector: 1, rip: At.kernelCode + 1 });
      expect(machine.get('DR6')).to.equal(0xffff4ff0n);
    });
    it('an instruction breakpoint faults before it; RF lets it pass', () => {
      machine.start();
      machine.set('DR0', At.kernelCode + 1);
      machine.set('DR7', 0x402);
      machine.stateChanged();
      expect(machine.run64('nop', 'inc ebx')).to.include({ vector: 1, rip: At.kernelCode + 1 });
      expect(machine.get('DR6')).to.equal(0xffff0ff1n);
      machine.start({ rflags: RF | 2 });
      machine.set('DR0', At.kernelCode);
      machine.set('DR7', 0x402);
      machine.stateChanged();
      expect(machine.run64('inc ebx').vector).to.equal(undefined);
      expect(machine.get('RBX')).to.equal(1n);
    });
    it('a data breakpoint traps after the write that meets its bytes', () => {
      machine.start();
      machine.set('DR1', At.pages + 4);
      machine.set('DR7', 0x400 | 8 | (0b1101 << 20));
      machine.cpu.flushTlb();
      machine.stateChanged();
      machine.set('RBX', At.pages);
      const end = machine.run64('mov [rbx], eax', 'mov eax, [rbx + 4]', 'mov [rbx + 6], ax', 'nop');
      expect(end).to.include({ vector: 1, rip: At.kernelCode + 9 });
      expect(machine.get('DR6') & 15n).to.equal(2n);
    });
    it('an I/O breakpoint traps after the access that meets its ports, with CR4.DE', () => {
      for (const [cr4, lines, vector] of [
        [8, ['in al, 0x21', 'out 0x22, al', 'nop'], 1],
        [8, ['in al, 0x20', 'out 0x23, al'], undefined],
        [0, ['out 0x22, al'], undefined],
      ] as const) {
        machine.start();
        machine.set('CR4', machine.get('CR4') | BigInt(cr4));
        machine.set('DR0', 0x22);
        machine.set('DR7', 0x401 | (0b0010 << 16));
        machine.stateChanged();
        const ending = machine.run64(...lines);
        expect(ending.vector).to.equal(vector);
        if (vector === 1) expect([ending.rip, machine.get('DR6') & 0xfn]).to.deep.equal([At.kernelCode + 4, 1n]);
      }
    });
    it('with IA32_DEBUGCTL.BTF come of taken branches only, and BTF is then 0', () => {
      machine.start();
      machine.set('DEBUGCTL', 2);
      machine.setRflags(0x102);
      machine.stateChanged();
      const { vector, rip } = machine.run64('nop', 'jc next', 'jnc over', 'nop', 'over: nop', 'next: nop');
      expect([vector, rip, machine.get('DEBUGCTL')]).to.deep.equal([1, At.kernelCode + 6, 0n]);
      expect(machine.get('DR6') & 0x4000n).to.equal(0x4000n);
    });
    const branches: [string, string[], number][] = [
      ['JMP to the next instruction', ['jmp next', 'next: nop'], 2],
      ['Jcc to the next instruction', ['jnc next', 'next: nop'], 2],
      ['an indirect JMP to the next instruction', ['lea rax, [rip + next]', 'jmp rax', 'next: nop'], 9],
      ['CALL of the next instruction', ['call next', 'next: nop'], 5],
      ['RET to the next instruction', ['lea rax, [rip + next]', 'push rax', 'ret', 'next: nop'], 9],
      ['JMP to itself', ['self: jmp self'], 0],
      ['LOOP to itself', ['mov ecx, 3', 'self: loop self'], 5],
    ];
    for (const [what, lines, at] of branches) {
      it(`with IA32_DEBUGCTL.BTF come of ${what}: it is taken`, () => {
        machine.start();
        machine.set('DEBUGCTL', 2);
        machine.setRflags(0x102);
        machine.stateChanged();
        expect(machine.run64(...lines, 'ud2')).to.include({ vector: 1, rip: At.kernelCode + at });
      });
    }
    it('with IA32_DEBUGCTL.BTF do not come from untaken branches, REP, or instructions that write RIP only to go on', () => {
      machine.start();
      machine.set('DEBUGCTL', 2);
      machine.setRflags(0x102);
      machine.stateChanged();
      const lines = [
        'jc away',
        'mov ecx, 1',
        'loop away',
        'mov ecx, 3',
        `mov edi, ${At.pages}`,
        'rep stosb',
        'cpuid',
        'mov rax, cr3',
        'mov cr3, rax',
      ];
      expect(machine.run64(...lines, 'ud2', 'away: nop').vector).to.equal(6);
    });
    it('general detect faults at MOV DR and clears GD', () => {
      machine.start();
      machine.set('DR7', 0x2400);
      expect(machine.run64('mov rax, dr0')).to.include({ vector: 1, rip: At.kernelCode });
      expect(machine.get('DR6') & 0x2000n).to.equal(0x2000n);
      expect(machine.get('DR7')).to.equal(0x400n);
    });
  });

  describe('in protected mode', () => {
    it('change stacks through SS0:ESP0', () => {
      machine.start({ bits: 32, cpl: 3 });
      const end = machine.run64('ud2');
      expect(end).to.include({ vector: 6, rip: At.userCode });
      expect(end.frame).to.include({ cs: Select.userCode32, rsp: At.userStackTop, ss: Select.userData });
      expect(Number(machine.get('RSP'))).to.equal(At.ring0StackTop - 20);
      expect(machine.word('SS_SELECTOR')).to.equal(Select.data);
    });
    it('a bad SS0 is #TS with its selector', () => {
      machine.start({ bits: 32, cpl: 3 });
      machine.poke32(At.tss + 8, Select.free);
      // the second fault needs a stack too: shutdown shows that #TS was followed by the same
      machine.write(At.userCode, ['ud2']);
      expect(machine.run(100)).to.equal(StopReason.Shutdown);
      expect(machine.word('FAULT_VECTOR')).to.equal(10);
    });
    it('IRET returns to the outer level and drops data segments it may not use', () => {
      machine.start({ bits: 32 });
      machine.write(At.userCode, ['mov ebx, 7', 'ud2'], 32);
      machine.run64(
        `push ${Select.userData}`,
        `push ${At.userStackTop}`,
        'push 2',
        `push ${Select.userCode32}`,
        `push ${At.userCode}`,
        'iretd',
      );
      expect(machine.get('RBX')).to.equal(7n);
      expect([machine.word('DS_SELECTOR'), machine.word('DS_RIGHTS') & 0x10000]).to.deep.equal([0, 0x10000]);
    });
    it('enter and leave virtual-8086 mode', () => {
      machine.start({ bits: 32 });
      machine.map(0, 0, 7n);
      machine.map(At.pages, At.pages, 7n);
      machine.write(At.pages, ['mov ax, cs', 'ud2'], 16);
      machine.run64(
        'push 0',
        'push 0',
        'push 0',
        'push 0',
        'push 0',
        `push 0x1000`,
        'push 0x20002',
        `push ${At.pages >> 4}`,
        'push 0',
        'iretd',
      );
      expect(machine.get('RAX') & 0xffffn).to.equal(BigInt(At.pages >> 4));
      const end = machine.ending();
      expect(end).to.include({ vector: 6, rip: 2 });
      expect(end.frame.rflags & 0x20000).to.equal(0x20000);
      expect(machine.word('MODE') & Constants.MODE_VM86).to.equal(0);
    });
    it('a task gate switches to the task of its TSS and back by IRET', () => {
      machine.start({ bits: 32 });
      const other = At.pages;
      machine.describe(Select.free, descriptor(other, 0x67, 0x89));
      machine.poke64(At.idt + 0x50 * 8, gate32(Select.free, 0));
      machine.poke(At.idt + 0x50 * 8 + 5, 0x85);
      for (const tss of [other, At.tss]) machine.poke32(tss + 0x1c, Number(machine.get('CR3')));
      machine.poke32(other + 0x20, At.handlers + 0x800);
      machine.poke32(other + 0x24, 2);
      machine.poke32(other + 0x38, At.istStackTop);
      for (const [offset, selector] of [
        [0x48, Select.data],
        [0x4c, Select.code32],
        [0x50, Select.data],
        [0x54, Select.data],
      ] as const) {
        machine.poke32(other + offset, selector);
      }
      machine.write(At.handlers + 0x800, ['inc ecx', 'iretd'], 32);
      machine.run64('mov ebx, 5', 'int 0x50', 'inc ebx');
      expect([machine.get('RBX'), machine.get('RCX')]).to.deep.equal([6n, 0n]);
      expect(machine.word('TR_SELECTOR')).to.equal(Select.tss);
      expect(machine.peek32(other + 0x2c), 'ECX of the other task').to.equal(1);
      expect(machine.get('CR0') & 8n, 'CR0.TS').to.equal(8n);
    });
  });

  describe('in real mode', () => {
    it('go through the table of far pointers and clear IF and TF', () => {
      machine.start({ bits: 16, rflags: IF | 2 });
      machine.poke32(0x21 * 4, 0x1000_0100);
      machine.write(0x10100, ['inc bx', 'iret'], 16);
      machine.run64('int 0x21', 'inc cx');
      expect([machine.get('RBX'), machine.get('RCX')]).to.deep.equal([1n, 1n]);
      expect(machine.rflags() & IF).to.equal(IF);
    });
    it('accesses beyond FFFFH raise vector 13', () => {
      machine.start({ bits: 16 });
      machine.poke32(13 * 4, 0x1000_0100);
      machine.write(0x10100, ['mov cx, 13'], 16);
      machine.set('RBX', 0xffff);
      machine.run64('mov ax, [bx]');
      expect(machine.get('RCX')).to.equal(13n);
    });
  });
});

describe('VM exits during the delivery of an event', () => {
  /** Runs a guest whose IDT page EPT does not map, up to the exit. */
  async function exitOf(code: readonly string[], fields: GuestOptions['fields'] = {}): Promise<GuestMachine> {
    const guest = await GuestMachine.create({
      code,
      fields: { ...eptFields(), ...fields },
      prepare: (made) => identityEpt(made, { [Guest.Idt]: 0 }),
      onExit: (_exit, { processor }) => {
        processor.die('exit');
        return true;
      },
    });
    const [exit] = guest.run();
    expect(exit).to.include({
      reason: ExitReason.EptViolation,
      physical: BigInt(Guest.Idt) + (exit!.physical & 0xfffn),
    });
    expect(exit!.vectoring >>> 31).to.equal(1);
    return guest;
  }
  const { BlockingByNmi } = InterruptibilityState;
  const singleStep = ['pushfq', 'or qword ptr [rsp], 0x100', 'popfq'];
  for (const [name, code, fields, interruptibility] of [
    ['an exception in the shadow of STI leaves no shadow', ['sti', 'ud2'], {}, 0],
    ['INT3 in the shadow of MOV SS leaves no shadow', ['mov eax, 0x10', 'mov ss, eax', 'int3'], {}, 0],
    ['an injected NMI blocks NMIs', ['nop'], { VmEntryInterruptionInformationField: 0x80000202n }, BlockingByNmi],
    ['a trap wakes from HLT', [...singleStep, 'hlt'], { PrimaryProcessorBasedVmExecutionControls: 0x96006172n }, 0],
    ['a trap behind STI leaves no shadow', [...singleStep, 'sti', 'nop'], {}, 0],
    [
      'an injected interrupt wakes from HLT',
      ['nop'],
      { GuestActivityState: 1n, GuestRflags: 0x202n, VmEntryInterruptionInformationField: 0x80000020n },
      0,
    ],
  ] as const) {
    it(name, async () => {
      const guest = await exitOf(code, fields);
      expect(guest.field('GuestInterruptibilityState')).to.equal(BigInt(interruptibility));
      expect(guest.field('GuestActivityState')).to.equal(BigInt(ActivityState.Active));
    });
  }
  it('a trap has written DR6, a page fault CR2', async () => {
    const trap = await exitOf([...singleStep, 'nop', 'nop']);
    expect(trap.core.u64[Layout.DR6 / 8]).to.equal(0xffff4ff0n);
    const fault = await exitOf(['mov rax, [0x40000000]']);
    expect(fault.core.u64[Layout.CR2 / 8]).to.equal(0x40000000n);
  });
});
