// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ApicRegister } from '../../../../src/intrinsics/structures/apic_registers.js';
import { SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { ApicAccessType } from '../../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { eptFields, Guest, identityEpt } from '../../vmx/guest_machine.js';
import { ApicPage, apicGuest, countingHandler, dwordAt, seen, virtualRegister } from './apic_guest.js';

const accesses = SecondaryControl.VirtualizeApicAccesses;
const allRegisters = accesses | SecondaryControl.ApicRegisterVirtualization;
const interrupts = accesses | SecondaryControl.VirtualInterruptDelivery;
const at = (register: number): string => `[${ApicPage.Access + register}]`;
const qualification = (register: number, type: number): bigint => BigInt(register | (type << 12));
const { Read, Write, InstructionFetch, EventDelivery, GuestPhysicalExecution } = ApicAccessType;
/** Bytes of a MOV between a register and an address. */
const moveBytes = 6;

describe('The APIC-access page', () => {
  it('shows the virtual task priority; a write keeps its low byte', async () => {
    const machine = await apicGuest({
      code: [`mov ebx, ${at(0x80)}`, `mov dword ptr ${at(0x80)}, 0x12345678`],
      secondary: accesses,
      registers: { 0x80: 0x60 },
    });
    expect(machine.exits).to.deep.equal([]);
    expect(machine.register(3)).to.equal(0x60n);
    expect(virtualRegister(machine, 0x80)).to.equal(0x78);
    expect(dwordAt(machine, ApicPage.Access + 0x80)).to.equal(0);
  });

  it('causes VM exits for all other registers, which say how long the instruction is', async () => {
    const machine = await apicGuest({
      code: ['nop', `mov ebx, ${at(0x300)}`, 'nop', `mov ${at(0x20)}, ebx`, 'nop'],
      secondary: accesses,
    });
    expect(seen(machine)).to.deep.equal([
      [ExitReason.ApicAccess, qualification(0x300, Read), 1],
      [ExitReason.ApicAccess, qualification(0x20, Write), 2 + moveBytes],
    ]);
    expect(machine.exits.map(({ length }) => length)).to.deep.equal([moveBytes, moveBytes]);
  });

  it('causes VM exits for accesses beyond the first four bytes of a register', async () => {
    const machine = await apicGuest({
      code: [
        `mov ecx, ${ApicPage.Access}`,
        ...['rbx, [rcx+0x80]', 'bl, [rcx+0x84]', 'bx, [rcx+0x83]', 'bl, [rcx+0x83]'].map(
          (operands) => `mov ${operands}`,
        ),
      ],
      secondary: accesses,
    });
    expect(seen(machine).map(([, value]) => value)).to.deep.equal(
      [0x80, 0x84, 0x83].map((offset) => qualification(offset, Read)),
    );
  });

  it('causes VM exits for fetches and for the delivery of events', async () => {
    const fetch = await apicGuest({
      code: [`mov eax, ${ApicPage.Access + 0x80}`, 'jmp rax'],
      secondary: accesses,
      onExit: (_exit, made) => {
        made.setField('GuestRip', BigInt(Guest.Handler));
        return true;
      },
    });
    expect(fetch.exits[0]).to.include({ qualification: qualification(0x80, InstructionFetch) });
    const delivery = await apicGuest({
      code: ['ud2'],
      secondary: accesses,
      fields: { GuestRsp: BigInt(ApicPage.Access + 0x90) },
      onExit: (_exit, made) => {
        made.setField('GuestRip', BigInt(Guest.Handler));
        return true;
      },
    });
    expect(delivery.exits[0]).to.include({
      reason: ExitReason.ApicAccess,
      qualification: qualification(0x88, EventDelivery),
      vectoring: 0x80000306,
    });
  });

  it('causes VM exits if a page table of the guest is in it', async () => {
    const machine = await apicGuest({
      code: ['mov rax, [0x600000]'],
      secondary: accesses | SecondaryControl.EnableEpt,
      fields: {
        EptPointer: eptFields().EptPointer!,
      },
      prepare: (made) => {
        identityEpt(made);
        made.write64(Guest.Pd + 8 * 3, BigInt(ApicPage.Access) | 7n);
      },
    });
    expect(machine.exits[0]).to.include({
      reason: ExitReason.ApicAccess,
      qualification: qualification(0, GuestPhysicalExecution),
    });
  });

  it('is a page like any other without the control', async () => {
    const machine = await apicGuest({ code: [`mov dword ptr ${at(0x80)}, 5`] });
    expect([dwordAt(machine, ApicPage.Access + 0x80), virtualRegister(machine, 0x80)]).to.deep.equal([5, 0]);
  });
});

describe('APIC-register virtualization', () => {
  it('reads from the virtual-APIC page', async () => {
    const machine = await apicGuest({
      code: [`mov ebx, ${at(ApicRegister.Version)}`, `mov edx, ${at(ApicRegister.InService + 0x70)}`],
      secondary: allRegisters,
      registers: { [ApicRegister.Version]: 0x50014, [ApicRegister.InService + 0x70]: 9 },
    });
    expect(machine.exits).to.deep.equal([]);
    expect([machine.register(3), machine.register(2)]).to.deep.equal([0x50014n, 9n]);
  });

  it('leaves behind a write, whose value is in the page', async () => {
    const machine = await apicGuest({
      code: ['nop', `mov dword ptr ${at(ApicRegister.LvtTimer)}, 0x200ef`, 'nop'],
      secondary: allRegisters,
    });
    expect(seen(machine)).to.deep.equal([[ExitReason.ApicWrite, BigInt(ApicRegister.LvtTimer), 1 + moveBytes + 4]]);
    expect(virtualRegister(machine, ApicRegister.LvtTimer)).to.equal(0x200ef);
  });

  it('needs no VM exit for the upper half of the interrupt command, of which it keeps the destination', async () => {
    const machine = await apicGuest({
      code: [`mov dword ptr ${at(ApicRegister.InterruptCommandHigh)}, 0x12345678`],
      secondary: allRegisters,
    });
    expect(machine.exits).to.deep.equal([]);
    expect(virtualRegister(machine, ApicRegister.InterruptCommandHigh)).to.equal(0x12000000);
  });

  it('does not cover the current count, and no write to the version', async () => {
    const machine = await apicGuest({
      code: [`mov ebx, ${at(0x390)}`, `mov ${at(ApicRegister.Version)}, ebx`],
      secondary: allRegisters,
    });
    expect(seen(machine).map(([, value]) => value)).to.deep.equal([
      qualification(0x390, Read),
      qualification(ApicRegister.Version, Write),
    ]);
  });

  it('reads and writes for an instruction that does both', async () => {
    const machine = await apicGuest({
      code: [`or dword ptr ${at(ApicRegister.SpuriousInterruptVector)}, 0x100`],
      secondary: allRegisters,
      registers: { [ApicRegister.SpuriousInterruptVector]: 0xff },
    });
    expect(seen(machine).map(([reason]) => reason)).to.deep.equal([ExitReason.ApicWrite]);
    expect(virtualRegister(machine, ApicRegister.SpuriousInterruptVector)).to.equal(0x1ff);
  });
});

describe('Virtual interrupts by the APIC-access page', () => {
  it('are self-IPIs of the interrupt command, and end by a write of EOI', async () => {
    const machine = await apicGuest({
      code: [`mov dword ptr ${at(ApicRegister.InterruptCommandLow)}, 0x40041`, 'nop'],
      handler: ['inc rsi', `mov dword ptr ${at(ApicRegister.EndOfInterrupt)}, 1`, 'iretq'],
      secondary: interrupts,
    });
    expect(machine.exits).to.deep.equal([]);
    expect(machine.register(6)).to.equal(1n);
    expect(machine.field('GuestInterruptStatus')).to.equal(0n);
    expect(virtualRegister(machine, ApicRegister.EndOfInterrupt)).to.equal(0);
  });

  for (const [what, command] of [
    ['to another processor', 0x41],
    ['level-triggered', 0x48041],
    ['an NMI', 0x40441],
    ['of a reserved vector', 0x4000f],
  ] as const) {
    it(`leave if the command is ${what}`, async () => {
      const machine = await apicGuest({
        code: [`mov dword ptr ${at(ApicRegister.InterruptCommandLow)}, ${command}`],
        handler: countingHandler,
        secondary: interrupts,
      });
      expect(seen(machine).map(([reason, value]) => [reason, value])).to.deep.equal([
        [ExitReason.ApicWrite, BigInt(ApicRegister.InterruptCommandLow)],
      ]);
    });
  }
});
