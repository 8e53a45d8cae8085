// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ApicRegister } from '../../../../src/intrinsics/structures/apic_registers.js';
import { SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { apicGuest, virtualRegister, writeX2apic } from './apic_guest.js';

const x2apic = SecondaryControl.VirtualizeX2apicMode;
const read = (register: number): string[] => [`mov ecx, ${0x800 + (register >>> 4)}`, 'rdmsr'];
const { TaskPriority, LvtTimer } = ApicRegister;

describe('Virtualized x2APIC mode', () => {
  it('reads and writes the task priority in the virtual-APIC page, 64 bits of it', async () => {
    const machine = await apicGuest({
      code: [...read(TaskPriority), 'mov ebx, eax', 'mov esi, edx', ...writeX2apic(TaskPriority, 0x42)],
      secondary: x2apic,
      registers: { [TaskPriority]: 0x77, [TaskPriority + 4]: 0x99 },
    });
    expect([machine.register(3), machine.register(6)]).to.deep.equal([0x77n, 0x99n]);
    expect(virtualRegister(machine, TaskPriority)).to.equal(0x42);
  });

  it('leaves all other registers to the local APIC', async () => {
    const asked: number[] = [];
    await apicGuest({
      code: [...read(LvtTimer), ...writeX2apic(ApicRegister.EndOfInterrupt, 0)],
      secondary: x2apic,
      bus: { msrRead: (index) => (asked.push(index), 0), msrWrite: (index) => asked.push(index) > 0 },
    });
    expect(asked).to.deep.equal([0x832, 0x80b]);
  });

  it('reads every register from the page with "APIC-register virtualization", even one that does not exist', async () => {
    const machine = await apicGuest({
      code: [...read(LvtTimer), 'mov ebx, eax', ...read(0), 'mov esi, eax'],
      secondary: x2apic | SecondaryControl.ApicRegisterVirtualization,
      registers: { [LvtTimer]: 0x10020, 0: 3 },
    });
    expect([machine.register(3), machine.register(6)]).to.deep.equal([0x10020n, 3n]);
  });

  it('refuses reserved bits with #GP', async () => {
    const machine = await apicGuest({
      code: writeX2apic(TaskPriority, 0x100),
      handler: ['mov edi, 13', 'hlt'],
      secondary: x2apic,
    });
    expect([machine.register(7), virtualRegister(machine, TaskPriority)]).to.deep.equal([13n, 0]);
  });
});
