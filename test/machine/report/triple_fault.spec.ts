// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout/layout.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { tripleFault, tripleFaultText } from '../../../src/machine/report/triple_fault.js';
import { gate64 } from '../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../support/system_machine.js';

const machine = await SystemMachine.make();
const { cpu } = machine;
const unmapped = 0x600000;

/** The gate of a vector is not present. */
function failing(vector: number): void {
  machine.poke64(At.idt + vector * 16, gate64(Select.code64, 0n)[0] & ~(1n << 47n));
}
function dies(...code: string[]): void {
  machine.write(At.kernelCode, code);
  expect(machine.run(100)).to.equal(StopReason.Shutdown);
}

describe('tripleFault', () => {
  beforeEach(() => machine.start());

  it('names the page fault that began it, and what its delivery and that of #DF raised', () => {
    [14, 8].forEach(failing);
    machine.set('RBX', unmapped);
    dies('nop', 'mov [rbx], eax');
    expect(tripleFault(cpu)).to.deep.equal({
      rip: '0x10001',
      events: [
        { name: '#PF', vector: 14, errorCode: '0x2', cr2: '0x600000' },
        { name: '#NP', vector: 11, errorCode: '0x73', madeDoubleFault: true },
        { name: '#NP', vector: 11, errorCode: '0x43' },
      ],
    });
    expect(tripleFaultText(tripleFault(cpu)!)).to.deep.equal([
      'began with #PF (14), error code 0x2 (supervisor write, the page is not present), CR2 0x600000, at RIP 0x10001',
      'its delivery raised #NP (11), error code 0x73 (IDT entry 14)',
      'the delivery of #DF raised #NP (11), error code 0x43 (IDT entry 8)',
    ]);
  });

  it('keeps the first CR2 next to that of the page fault during its delivery', () => {
    machine.set('IDTR_BASE', unmapped);
    machine.set('RBX', 0x700000);
    dies('mov eax, [rbx]');
    const addresses = tripleFault(cpu)!.events.map(({ cr2 }) => cr2);
    expect(addresses).to.deep.equal(['0x700000', '0x6000e0', '0x600080']);
  });

  it('begins with a #UD though the #GP of its delivery is delivered in its stead', () => {
    machine.u32[Layout.IDTR_LIMIT / 4] = 0;
    dies('ud2');
    const { rip, events } = tripleFault(cpu)!;
    expect(rip).to.equal('0x10000');
    expect(events.map(({ name, errorCode }) => [name, errorCode])).to.deep.equal([
      ['#UD', undefined],
      ['#GP', '0x33'],
      ['#GP', '0x6b'],
      ['#GP', '0x43'],
    ]);
    expect(events.map(({ madeDoubleFault }) => madeDoubleFault === true)).to.deep.equal([false, false, true, false]);
  });

  it('distinguishes INT n from an exception', () => {
    machine.u32[Layout.IDTR_LIMIT / 4] = 0;
    dies('int 14');
    expect(tripleFault(cpu)!.events[0]).to.deep.equal({ name: 'INT', vector: 14 });
  });

  it('is none after a double fault that was delivered, nor after the next delivery', () => {
    failing(14);
    machine.set('RBX', unmapped);
    expect(machine.run64('mov eax, [rbx]')).to.include({ vector: 8 });
    expect(tripleFault(cpu)).to.equal(undefined);
    machine.start();
    machine.u32[Layout.IDTR_LIMIT / 4] = 0;
    dies('ud2');
    machine.start();
    expect(machine.run64('ud2')).to.include({ vector: 6 });
    expect(tripleFault(cpu)).to.equal(undefined);
  });
});
