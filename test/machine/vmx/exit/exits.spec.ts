// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InstructionInformation } from '../../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Guest, GuestMachine, type ExitRecord, type GuestOptions } from '../guest_machine.js';

const defaults = 0x04006172n | 0x80n | (1n << 25n) | (1n << 28n);
const primary = (bit: bigint): GuestOptions['fields'] => ({
  PrimaryProcessorBasedVmExecutionControls: defaults | (1n << bit),
});

/** Goes on after an instruction whose exit reports no length. */
const skip =
  (length: number) =>
  (exit: ExitRecord, machine: GuestMachine): boolean => {
    machine.setField('GuestRip', exit.rip + BigInt(length));
    return true;
  };

/** Runs code until HLT and returns its exits. */
async function exitsOf(
  options: GuestOptions | readonly string[],
): Promise<{ exits: readonly ExitRecord[]; machine: GuestMachine }> {
  const given = Array.isArray(options) ? { code: options as readonly string[] } : (options as GuestOptions);
  const machine = await GuestMachine.create({ ...given, code: [...given.code, 'hlt'] });
  const exits = machine.run();
  expect(machine.processor.death, 'the guest must reach its HLT').to.equal('the guest halted');
  return { exits, machine };
}

/** Expects one exit with these properties. */
async function expectExit(
  options: GuestOptions | readonly string[],
  wanted: Partial<ExitRecord>,
): Promise<GuestMachine> {
  const { exits, machine } = await exitsOf(options);
  expect(exits.length, JSON.stringify(exits.map((exit) => exit.reason))).to.equal(1);
  expect(exits[0]).to.include(wanted);
  return machine;
}

describe('VM exits of real guest code', () => {
  it('and the VM entries after them end address-range monitoring: MWAIT does not wait', async () => {
    const { machine } = await exitsOf({
      code: [
        `mov eax, ${Guest.Stack - 0x800}`,
        'xor ecx, ecx',
        '.byte 0x0f, 0x01, 0xc8',
        'cpuid',
        'xor ecx, ecx',
        '.byte 0x0f, 0x01, 0xc9',
      ],
      // As if the host had executed MONITOR.
      onExit: (_, { core }) => core.block.set('MONITOR_ADDRESS', 0n),
    });
    expect(machine.core.block.get('MONITOR_ADDRESS')).to.equal(0xffffffffffffffffn);
  });

  describe('by instructions that always leave', () => {
    for (const [code, reason, length] of [
      ['cpuid', ExitReason.Cpuid, 2],
      ['invd', ExitReason.Invd, 2],
      ['xsetbv', ExitReason.Xsetbv, 3],
      ['vmcall', ExitReason.Vmcall, 3],
      ['vmlaunch', ExitReason.Vmlaunch, 3],
      ['vmresume', ExitReason.Vmresume, 3],
      ['vmxoff', ExitReason.Vmxoff, 3],
      ['vmclear qword ptr [rax]', ExitReason.Vmclear, 4],
      ['vmptrld qword ptr [rax]', ExitReason.Vmptrld, 3],
      ['vmptrst qword ptr [rax]', ExitReason.Vmptrst, 3],
      ['vmxon qword ptr [rax]', ExitReason.Vmxon, 4],
      ['vmread rax, rcx', ExitReason.Vmread, 3],
      ['vmwrite rax, rcx', ExitReason.Vmwrite, 3],
      // INVEPT RAX, [RCX] and INVVPID RAX, [RCX]: the assembler does not take their operands.
      ['.byte 0x66, 0x0f, 0x38, 0x80, 0x01', ExitReason.Invept, 5],
      ['.byte 0x66, 0x0f, 0x38, 0x81, 0x01', ExitReason.Invvpid, 5],
    ] as const) {
      it(code, async () => {
        const setup = code === 'xsetbv' ? { code: [code], fields: { GuestCr4: 0x42020n } } : { code: [code] };
        await expectExit(setup, { reason, length, rip: BigInt(Guest.Code), interruption: 0, vectoring: 0 });
      });
    }
  });

  describe('by primary controls', () => {
    for (const [code, bit, reason, qualification] of [
      ['rdtsc', 12n, ExitReason.Rdtsc, 0n],
      ['rdpmc', 11n, ExitReason.Rdpmc, 0n],
      ['invlpg [rax + 0x123]', 9n, ExitReason.Invlpg, 0x123n],
      ['mov cr3, rbx', 15n, ExitReason.ControlRegisterAccesses, 0x303n],
      ['mov rdx, cr3', 16n, ExitReason.ControlRegisterAccesses, 0x213n],
      ['mov cr8, rcx', 19n, ExitReason.ControlRegisterAccesses, 0x108n],
      ['mov r9, cr8', 20n, ExitReason.ControlRegisterAccesses, 0x918n],
      ['mov rsi, dr7', 23n, ExitReason.MovDr, 0x617n],
      ['mov dr3, rdi', 23n, ExitReason.MovDr, 0x703n],
      ['pause', 30n, ExitReason.Pause, 0n],
    ] as const) {
      it(code, async () => {
        await expectExit({ code: [code], fields: primary(bit)! }, { reason, qualification });
      });
    }

    it('leave nothing when they are 0', async () => {
      const { exits } = await exitsOf([
        'rdtsc',
        'invlpg [rax]',
        'mov rdx, cr3',
        'mov cr3, rdx',
        'mov rsi, dr7',
        'pause',
        'wbinvd',
        'sgdt [rsp - 16]',
      ]);
      expect(exits).to.deep.equal([]);
    });

    it('do not leave for CR3 targets', async () => {
      const fields = { ...primary(15n), Cr3TargetCount: 2n, Cr3TargetValue1: BigInt(Guest.Pml4) };
      const { exits } = await exitsOf({ code: [`mov rax, ${Guest.Pml4}`, 'mov cr3, rax'], fields });
      expect(exits).to.deep.equal([]);
    });
  });

  describe('by secondary controls', () => {
    const secondary = (bits: bigint): GuestOptions['fields'] => ({
      PrimaryProcessorBasedVmExecutionControls: defaults | 0x80000000n,
      SecondaryProcessorBasedVmExecutionControls: bits,
    });
    it('WBINVD', async () => {
      await expectExit({ code: ['wbinvd'], fields: secondary(0x40n)! }, { reason: ExitReason.Wbinvd, length: 2 });
    });
    for (const [code, reason, instruction] of [
      ['sgdt [rax]', ExitReason.AccessToGdtrOrIdtr, 0],
      ['sidt [rax]', ExitReason.AccessToGdtrOrIdtr, 1],
      ['lgdt [rax]', ExitReason.AccessToGdtrOrIdtr, 2],
      ['lidt [rax]', ExitReason.AccessToGdtrOrIdtr, 3],
      ['sldt ax', ExitReason.AccessToLdtrOrTr, 0],
      ['str ax', ExitReason.AccessToLdtrOrTr, 1],
      ['lldt ax', ExitReason.AccessToLdtrOrTr, 2],
      ['ltr ax', ExitReason.AccessToLdtrOrTr, 3],
    ] as const) {
      it(code, async () => {
        const { exits } = await exitsOf({ code: [code], fields: secondary(4n)! });
        expect(exits.map((exit) => [exit.reason, (exit.information >>> 28) & 3])).to.deep.equal([
          [reason, instruction],
        ]);
      });
    }
    describe('with the operands in instruction information, and the displacement as qualification', () => {
      const noIndex = InstructionInformation.IndexInvalid;
      const noBase = InstructionInformation.BaseInvalid;
      const { ds, ss, fs } = { ds: 3 << 15, ss: 2 << 15, fs: 4 << 15 };
      const index = (number: number): number => number << 18;
      const base = (number: number): number => number << 23;
      const second = (number: number): number => number << 28;
      const [address16, address32, address64] = [0 << 7, 1 << 7, 2 << 7];
      const wide = InstructionInformation.OperandSize;
      const register = InstructionInformation.RegisterForm;
      const [rcx, rbx, rsp, rbp, rsi, rdi, r9] = [1, 3, 4, 5, 6, 7, 9];
      const compatibility = { GuestCsAccessRights: 0xc09bn };
      for (const [code, information, qualification, fields] of [
        ['sgdt [rbx + rsi*4 + 0x12345]', 2 | address64 | wide | ds | index(rsi) | base(rbx), 0x12345n],
        ['sidt [rsp - 16]', address64 | wide | ss | noIndex | base(rsp) | second(1), -16n],
        ['lidt fs:[rbp + 8]', address64 | wide | fs | noIndex | base(rbp) | second(3), 8n],
        ['sgdt [ebx]', address32 | wide | ds | noIndex | base(rbx), 0n],
        ['sgdt [rip + 0x10]', address64 | wide | ds | noIndex | noBase, BigInt(Guest.Code) + 7n + 0x10n],
        ['str rcx', register | (rcx << 3) | second(1), 0n],
        ['lldt [r9]', address64 | ds | noIndex | base(r9) | second(2), 0n],
        ['.byte 0x67, 0x0f, 0x01, 0x04 # sgdt [si]', address16 | wide | ds | noIndex | base(rsi), 0n, compatibility],
        [
          '.byte 0x67, 0x0f, 0x01, 0x45, 0xfe # sgdt [di - 2]',
          address16 | wide | ds | noIndex | base(rdi),
          -2n,
          compatibility,
        ],
        [
          '.byte 0x67, 0x0f, 0x01, 0x03 # sgdt [bp + di]',
          address16 | wide | ss | index(rdi) | base(rbp),
          0n,
          compatibility,
        ],
        [
          '.byte 0x67, 0x0f, 0x01, 0x06, 0xf0, 0xff # sgdt [0xfff0]',
          address16 | wide | ds | noIndex | noBase,
          -16n,
          compatibility,
        ],
      ] as const) {
        const [assembly, comment] = code.split(' # ') as [string, string?];
        it(comment ?? code, async () => {
          const options = { code: [assembly], bits: fields ? (32 as const) : (64 as const) };
          const { exits } = await exitsOf({ ...options, fields: { ...secondary(4n), ...fields } });
          expect(exits).to.have.length(1);
          expect((exits[0]!.information >>> 0).toString(16)).to.equal((information >>> 0).toString(16));
          expect(exits[0]!.qualification).to.equal(BigInt.asUintN(64, qualification));
        });
      }
    });
    it('RDTSCP is #UD without its control and leaves with RDTSC exiting', async () => {
      const fields = { ExceptionBitmap: 0x40n };
      await expectExit({ code: ['rdtscp'], fields, onExit: skip(3) }, { reason: 0, interruption: 0x80000306 });
      await expectExit(
        {
          code: ['rdtscp'],
          fields: { ...secondary(8n), PrimaryProcessorBasedVmExecutionControls: defaults | 0x80001000n },
        },
        { reason: ExitReason.Rdtscp, length: 3 },
      );
    });
  });

  describe('by I/O', () => {
    const trap = (port: number) => (machine: GuestMachine) =>
      machine.write8((port < 0x8000 ? Guest.BitmapA : Guest.BitmapB) + ((port & 0x7fff) >> 3), 1 << (port & 7));

    it('of a port in bitmap A or B, with size, direction, operand kind in the qualification', async () => {
      await expectExit(
        { code: ['out 0x80, al'], prepare: trap(0x80) },
        { reason: ExitReason.IoInstruction, qualification: 0x800040n, length: 2 },
      );
      await expectExit(
        { code: ['mov dx, 0x9000', 'in eax, dx'], prepare: trap(0x9002) },
        { reason: ExitReason.IoInstruction, qualification: 0x9000000bn, length: 1 },
      );
    });
    it('not of others', async () => {
      const { exits } = await exitsOf({ code: ['out 0x81, al', 'in al, 0x7f'], prepare: trap(0x80) });
      expect(exits).to.deep.equal([]);
    });
    it('of every port with unconditional I/O exiting and no bitmaps', async () => {
      const fields = { PrimaryProcessorBasedVmExecutionControls: 0x04006172n | 0x80n | (1n << 24n) | (1n << 28n) };
      await expectExit(
        { code: ['mov dx, 0x3f8', 'out dx, ax'], fields },
        { reason: ExitReason.IoInstruction, qualification: 0x3f80001n },
      );
    });
    it('of strings, with the address in linear address and instruction information', async () => {
      const { exits } = await exitsOf({
        code: [`mov rdi, ${Guest.Data}`, 'mov ecx, 3', 'mov dx, 0x60', 'rep insb'],
        prepare: trap(0x60),
      });
      expect(exits[0]).to.include({
        reason: ExitReason.IoInstruction,
        qualification: 0x600038n,
        linear: BigInt(Guest.Data),
      });
      expect((exits[0]!.information >>> 7) & 7, '64-bit address').to.equal(2);
    });
  });

  describe('by MSR bitmaps', () => {
    it('of a low MSR that is read and a high one that is written', async () => {
      const prepare = (machine: GuestMachine): void => {
        machine.write8(Guest.MsrBitmap + (0x174 >> 3), 1 << (0x174 & 7));
        machine.write8(Guest.MsrBitmap + 0xc00 + (0x81 >> 3), 1 << (0x81 & 7));
      };
      const { exits } = await exitsOf({
        code: ['mov ecx, 0x174', 'rdmsr', 'wrmsr', 'mov ecx, 0xc0000081', 'rdmsr', 'wrmsr'],
        prepare,
      });
      expect(exits.map((exit) => exit.reason)).to.deep.equal([ExitReason.Rdmsr, ExitReason.Wrmsr]);
    });
    it('of an MSR outside both ranges', async () => {
      await expectExit({ code: ['mov ecx, 0x40000000', 'rdmsr'] }, { reason: ExitReason.Rdmsr, length: 2 });
    });
    it('of every MSR without bitmaps', async () => {
      const fields = { PrimaryProcessorBasedVmExecutionControls: 0x04006172n | 0x80n };
      await expectExit({ code: ['mov ecx, 0x10', 'rdmsr'], fields }, { reason: ExitReason.Rdmsr });
    });
  });

  describe('by CR0 and CR4 masks', () => {
    const fields = {
      Cr0GuestHostMask: 0x8n | 0x20n,
      Cr0ReadShadow: 0x0n,
      Cr4GuestHostMask: 0x2000n,
      Cr4ReadShadow: 0n,
    };

    it('show the shadow, and leave when a masked bit would differ from it', async () => {
      const machine = await expectExit(
        { code: ['mov rbx, cr0', 'mov rsi, cr4', 'mov rax, rbx', 'or rax, 8', 'mov cr0, rax'], fields },
        { reason: ExitReason.ControlRegisterAccesses, qualification: 0n },
      );
      expect(machine.register(3)).to.equal(0x80000011n);
      expect(machine.register(6)).to.equal(0x20n);
    });
    it('let the guest write the bits that are its own', async () => {
      const { exits, machine } = await exitsOf({
        code: ['mov rax, cr0', 'or rax, 2', 'mov cr0, rax', 'mov rbx, cr4', 'or rbx, 0x80', 'mov cr4, rbx'],
        fields,
      });
      expect(exits).to.deep.equal([]);
      expect(machine.field('GuestCr0')).to.equal(0x80000033n);
      expect(machine.field('GuestCr4')).to.equal(0x20a0n);
    });
    it('of CLTS and LMSW', async () => {
      await expectExit(
        { code: ['clts'], fields: { ...fields, Cr0ReadShadow: 8n } },
        { reason: ExitReason.ControlRegisterAccesses, qualification: 0x20n },
      );
      await expectExit(
        { code: ['mov ax, 9', 'lmsw ax'], fields },
        { reason: ExitReason.ControlRegisterAccesses, qualification: 0x90030n },
      );
    });
  });

  describe('by exceptions', () => {
    it('of the exception bitmap, with error code and CR2 untouched', async () => {
      const { exits, machine } = await exitsOf({
        code: ['mov ebx, 0x1234567', 'mov rax, [rbx]'],
        fields: { ExceptionBitmap: 0x4000n },
        onExit: skip(3),
      });
      expect(exits.length).to.equal(1);
      expect(exits[0]).to.include({
        reason: 0,
        interruption: 0x80000b0e,
        errorCode: 0,
        qualification: 0x1234567n,
        rip: BigInt(Guest.Code + 5),
      });
      expect(machine.core.u64[Layout.CR2 >>> 3]).to.equal(0n);
    });
    it('filter page faults by error code', async () => {
      // Mask 2, match 2: only writes leave.
      const fields = { ExceptionBitmap: 0x4000n, PageFaultErrorCodeMask: 2n, PageFaultErrorCodeMatch: 2n };
      const code = ['mov rbx, 0x1234567', 'mov rax, [rbx]', 'mov [rbx], rax'];
      // The handler steps over the 3-byte load.
      const handler = ['add rsp, 8', 'add qword ptr [rsp], 3', 'iretq'];
      const { exits } = await exitsOf({ code, handler, fields, onExit: skip(3) });
      expect(exits.map((exit) => exit.errorCode)).to.deep.equal([2]);
    });
    it('of INT3 and INT n do not need the bitmap to be delivered', async () => {
      const { exits, machine } = await exitsOf({ code: ['int3', 'int 0x80'], handler: ['inc r15', 'iretq'] });
      expect(exits).to.deep.equal([]);
      expect(machine.register(15)).to.equal(2n);
    });
    it('of INT3 as a software exception with its length', async () => {
      await expectExit(
        { code: ['int3'], fields: { ExceptionBitmap: 8n } },
        { reason: 0, interruption: 0x80000603, length: 1 },
      );
    });
    it('inside the delivery of another event report the first one', async () => {
      // #UD whose gate is not present: #NP(0x33 with EXT) while #UD is delivered.
      const prepare = (machine: GuestMachine): void => machine.write64(Guest.Idt + 16 * 6, 0n);
      const { exits } = await exitsOf({
        code: ['ud2'],
        prepare,
        fields: { ExceptionBitmap: 1n << 13n },
        onExit: (_, machine) => {
          machine.setField('GuestRip', BigInt(Guest.Code + 2));
          return true;
        },
      });
      expect(exits.length).to.equal(1);
      expect(exits[0]).to.include({ reason: 0, interruption: 0x80000b0d, vectoring: 0x80000306, errorCode: 0x33 });
    });
    it('end in a triple fault without an IDT', async () => {
      const machine = await GuestMachine.create({
        code: ['ud2'],
        fields: { GuestIdtrLimit: 0n },
        onExit: (_, { processor }) => processor.die('seen'),
      });
      machine.run();
      expect(machine.exits[0]).to.include({ reason: ExitReason.TripleFault, interruption: 0, rip: BigInt(Guest.Code) });
    });
  });

  describe('by interrupts and windows', () => {
    const interrupting = (machine: GuestMachine): void => machine.core.setInterruptPending(true);

    it('of an external interrupt, whatever IF is, once', async () => {
      const machine = await GuestMachine.create({
        code: ['nop', 'nop', 'hlt'],
        fields: { PinBasedVmExecutionControls: 0x17n, VmExitControls: 0x36dffn | 0x8200n },
        bus: { acknowledgeInterrupt: () => 0x41 },
        prepare: interrupting,
        onExit: (_, { core }) => {
          core.setInterruptPending(false);
          return true;
        },
      });
      machine.run();
      expect(machine.exits.length).to.equal(1);
      expect(machine.exits[0]).to.include({
        reason: ExitReason.ExternalInterrupt,
        interruption: 0x80000041,
        length: 0,
      });
    });
    it('leave a halted guest in its activity state', async () => {
      const machine = await GuestMachine.create({
        code: ['hlt'],
        fields: {
          PinBasedVmExecutionControls: 0x17n,
          PrimaryProcessorBasedVmExecutionControls: defaults & ~0x80n,
        },
        prepare: interrupting,
        onExit: (_, { processor }) => processor.die('seen'),
      });
      machine.run();
      machine.run();
      expect(machine.exits[0]!.reason).to.equal(ExitReason.ExternalInterrupt);
    });
    it('of the interrupt window: only once IF is 1 and its shadow is over', async () => {
      const machine = await GuestMachine.create({
        code: ['nop', 'sti', 'nop', 'nop', 'hlt'],
        fields: primary(2n)!,
        onExit: (_, { setField }) => {
          void setField;
          machine.setField('PrimaryProcessorBasedVmExecutionControls', defaults);
          return true;
        },
      });
      machine.run();
      expect(machine.exits.map((exit) => [exit.reason, exit.rip])).to.deep.equal([
        [ExitReason.InterruptWindow, BigInt(Guest.Code + 3)],
      ]);
    });
    it('of an NMI, and of the NMI window after IRET', async () => {
      const fields = { PinBasedVmExecutionControls: 0x3en, ...primary(22n) };
      const machine = await GuestMachine.create({
        code: ['nop', 'push 0x10', 'push rsp', 'pushfq', 'push 8', `push ${Guest.Code + 0x100}`, 'iretq'],
        fields: { ...fields, GuestInterruptibilityState: 8n },
        prepare: (made) => made.write8(Guest.Code + 0x100, 0xf4),
        onExit: (exit) => {
          if (exit.reason === ExitReason.NmiWindow)
            machine.setField('PrimaryProcessorBasedVmExecutionControls', defaults);
          return true;
        },
      });
      machine.core.nmi();
      machine.run();
      expect(machine.exits.map((exit) => exit.reason)).to.deep.equal([
        ExitReason.ExceptionOrNonMaskableInterrupt,
        ExitReason.NmiWindow,
      ]);
      expect(machine.exits[0]!.interruption).to.equal(0x80000202);
    });
  });

  describe('by MTF and the preemption timer', () => {
    it('after each instruction with the monitor trap flag', async () => {
      const { exits } = await exitsOf({ code: ['nop', 'inc rax', 'nop'], fields: primary(27n)!, onExit: () => true });
      expect(exits.map((exit) => [exit.reason, exit.rip])).to.deep.equal(
        [1, 4, 5].map((offset) => [ExitReason.MonitorTrapFlag, BigInt(Guest.Code + offset)]),
      );
    });
    it('before the first instruction when it is injected', async () => {
      const { exits } = await exitsOf({
        code: ['nop'],
        fields: { VmEntryInterruptionInformationField: 0x80000700n },
        onExit: () => true,
      });
      expect(exits.map((exit) => [exit.reason, exit.rip])).to.deep.equal([
        [ExitReason.MonitorTrapFlag, BigInt(Guest.Code)],
      ]);
    });
    it('when four instructions ran for each tick that the timer was given', async () => {
      const machine = await GuestMachine.create({
        code: ['again: inc rax', 'jmp again'],
        fields: { PinBasedVmExecutionControls: 0x56n, VmxPreemptionTimerValue: 1000n },
        onExit: (_, { processor }) => processor.die('seen'),
      });
      const before = machine.core.instructionCount;
      machine.run(100_000);
      expect(machine.exits[0]).to.include({
        reason: ExitReason.VmxPreemptionTimerExpired,
        length: 0,
        qualification: 0n,
      });
      expect(machine.register(0)).to.equal(2000n);
      expect(machine.core.instructionCount - before).to.be.within(4000, 4001);
    });
    it('at once when it is 0', async () => {
      const machine = await GuestMachine.create({
        code: ['hlt'],
        fields: { PinBasedVmExecutionControls: 0x56n, VmxPreemptionTimerValue: 0n },
        onExit: (_, { processor }) => processor.die('seen'),
      });
      machine.run();
      expect(machine.exits[0]).to.include({ reason: ExitReason.VmxPreemptionTimerExpired, rip: BigInt(Guest.Code) });
    });
  });

  describe('after the hypervisor changed a field', () => {
    /** The field at the second exit of a guest that undoes, in between, what the hypervisor wrote at the first. */
    async function undone(
      field: 'GuestFsBase' | 'GuestCr4' | 'GuestIa32SysenterEsp',
      wrong: bigint,
      undo: readonly string[],
    ): Promise<readonly bigint[]> {
      const seen: bigint[] = [];
      await exitsOf({
        code: ['cpuid', ...undo, 'cpuid'],
        onExit: (exit, machine) => {
          if (exit.reason !== ExitReason.Cpuid) return;
          seen.push(machine.field(field));
          if (seen.length === 1) machine.setField(field, wrong);
        },
      });
      return seen;
    }

    it('saves what the guest put back to its former value', async () => {
      const msr = (address: number): string[] => [`mov ecx, ${address}`, 'mov eax, 0', 'mov edx, 0', 'wrmsr'];
      const cases = await Promise.all([
        undone('GuestFsBase', 0x5000n, msr(0xc0000100)),
        undone('GuestIa32SysenterEsp', 0x5000n, msr(0x175)),
        undone('GuestCr4', 0x20a0n, ['mov rax, 0x2020', 'mov cr4, rax']),
      ]);
      for (const [before, after] of cases) expect(after).to.equal(before);
      expect(cases.map(([before]) => before)).to.deep.equal([0n, 0n, 0x2020n]);
    });
  });
});
