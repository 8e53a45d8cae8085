// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { briefProcessorLines, processorLines, walkLines } from '../../../src/bfm/death/processor_lines.js';
import type { ProcessorReport } from '../../../src/machine/report/processor_report.js';

const walk = {
  of: 'RIP',
  linear: '0x1000',
  cr3: '0x30000',
  paging: '4-level paging',
  steps: [{ entry: 'PML4E', address: '0x30000', value: '0x0', text: 'PML4E at 0x30000 = 0x0: not present' }],
  stop: 'the PML4E is not present',
  guestPhysical: null,
  physical: null,
} as const;
const report: ProcessorReport = {
  processor: 3,
  mode: 'compatibility, 32-bit',
  cpl: 3,
  vmx: 'outside VMX operation',
  isInHandler: false,
  activity: 'active',
  instructions: 12,
  instruction: { cs: '0x23', rip: '0x1000', linear: '0x1000', physical: null, bits: 32, bytes: '' },
  registers: { RIP: '0x1000', RSP: '0x2000', RAX: '0xffffffffffffffff', CS: '0x23', 'IDTR.limit': '0xfff' },
  walk,
  lastExits: [],
};

describe('processorLines', () => {
  it('say what the processor was at, by lines of one length', () => {
    const lines = processorLines(report, null);
    expect(lines[0]).to.equal(
      'processor 3, compatibility, 32-bit, outside VMX operation, CPL 3, after 12 instructions',
    );
    expect(lines).to.include.members([
      'RIP 0000000000001000  RFL 0000000000000000  CS 23  SS 0',
      'RAX ffffffffffffffff  RCX 0000000000000000  RDX 0000000000000000  RBX 0000000000000000',
      'GDTR 0000000000000000 limit 0  IDTR 0000000000000000 limit fff  EFER 0',
      'no memory at RIP',
    ]);
  });

  it('say whose state it is, and whether the processor sleeps', () => {
    const head = (changed: Partial<ProcessorReport>): string => processorLines({ ...report, ...changed }, null)[0]!;
    expect(head({ isInHandler: true })).to.include(', guest at the VM exit that the VMM was handling, CPL 3');
    expect(head({ activity: 'halted' })).to.include('CPL 3, halted, after');
  });
});

describe('The names of a processor', () => {
  const named = {
    ...report,
    symbol: 'schedule+0x1a',
    stack: [{ address: '0xffffffff81000010', symbol: 'do_idle+0x10' }],
  };

  it('are of the instruction, and below it of its callers', () => {
    const lines = processorLines(named, null);
    const at = lines.indexOf('symbol at RIP: schedule+0x1a');
    expect(lines.slice(at, at + 4)).to.deep.equal([
      'symbol at RIP: schedule+0x1a',
      'no memory at RIP',
      'return addresses on the stack, old ones perhaps among them:',
      '  0xffffffff81000010 do_idle+0x10',
    ]);
    expect(briefProcessorLines(named, 'hlt').at(-1)).to.equal('instruction at RIP: no memory at RIP, in schedule+0x1a');
  });

  it('are missing for a reason, which is there in their place', () => {
    expect(processorLines({ ...report, noSymbols: 'IA32_LSTAR is not mapped' }, null)).to.include(
      'no symbol at RIP: IA32_LSTAR is not mapped; --symbols FILE gives names',
    );
  });
});

describe('A processor that waits for a start-up IPI', () => {
  const { walk: _, ...waiting } = report;

  it('has no code and no page walk, which would mean nothing', () => {
    expect(
      processorLines(waiting, null).filter((line) => /code|memory at RIP|instruction at|walk/.test(line)),
    ).to.deep.equal([]);
    expect(briefProcessorLines(waiting, null)).to.have.length(2);
  });
});

describe('walkLines', () => {
  it('end with the reason', () => {
    expect(walkLines(walk)).to.deep.equal([
      'page walk of 0x1000 (RIP), 4-level paging, CR3 0x30000:',
      '  PML4E at 0x30000 = 0x0: not present',
      '  the walk ends: the PML4E is not present',
    ]);
  });

  it('end with the address, and show EPT if it is in use', () => {
    const found = { ...walk, stop: null, guestPhysical: '0x5000', physical: '0x5000' };
    expect(walkLines(found).at(-1)).to.equal('  physical 0x5000');
    const step = { address: '0x9000', value: '0x7', text: 'PML4E (level 4) at 0x9000 = 0x7: rwx, table' };
    const ept = { pointer: '0x901e', guestPhysical: '0x5000', steps: [step], physical: '0x6000' };
    expect(walkLines({ ...found, ept, physical: '0x6000' }).slice(-3)).to.deep.equal([
      '  guest-physical 0x5000 by EPT pointer 0x901e:',
      '    PML4E (level 4) at 0x9000 = 0x7: rwx, table',
      '  guest-physical 0x5000, physical 0x6000',
    ]);
  });
});

describe('briefProcessorLines', () => {
  it('are three', () => {
    expect(briefProcessorLines(report, null)).to.deep.equal([
      'processor 3, compatibility, 32-bit, outside VMX operation, CPL 3, after 12 instructions',
      'RIP 0000000000001000  RSP 0000000000002000  CR3 0000000000000000  RFL 0',
      'instruction at RIP: no memory at RIP',
    ]);
    const known = { ...report, instruction: { ...report.instruction, bytes: 'f4' } };
    expect(briefProcessorLines(known, 'hlt').at(-1)).to.equal('instruction at RIP: hlt');
    expect(briefProcessorLines(known, null).at(-1)).to.equal('instruction at RIP: code f4');
  });
});
