// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl, SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { Vector } from '../../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { InvpcidType } from '../../../../src/intrinsics/registers/paging.js';
import { Cr0, Cr4 } from '../../../../src/intrinsics/registers/registers.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { Page } from '../../../support/processor_setup.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();

const pcid = 5n;
const global = 0x100n;
/** A page, where it leads to first, and where its entry leads to later. */
const [page, old, next] = [At.pages, At.pages + 0x1000, At.pages + 0x2000];
const otherPage = page + 0x8000;
const descriptor = At.pages + 0x4000;
const keeps = 1n << 63n;
const readPage = `mov rax, [${page}]`;
/** Our assembler takes a bare address for one relative to RIP, so addresses are in registers. */
const readOther = 'mov rcx, [rdi]';
const invpcid = 'invpcid rbx, [rsi]';
const gp = { vector: Vector.GeneralProtection, code: 0 };

/** A processor with PCIDs on, in `pcid`, with two pages whose translations are cached and whose entries have changed since. */
function startStale(flags = 0n): void {
  machine.start();
  machine.set('CR4', machine.get('CR4') | BigInt(Cr4.PcidEnableBit));
  machine.set('CR3', machine.get('CR3') | pcid);
  machine.stateChanged();
  machine.set('RDI', otherPage);
  machine.poke64(old, 1n);
  machine.poke64(next, 2n);
  for (const each of [page, otherPage]) machine.map(each, old, Page.present | flags);
  machine.write(At.kernelCode, [readPage, readOther]);
  machine.run(2);
  expect([machine.get('RAX'), machine.get('RCX')]).to.deep.equal([1n, 1n]);
  for (const each of [page, otherPage]) machine.map(each, next, Page.present | flags);
  machine.set('RIP', At.kernelCode + 0x100);
}
/** INVPCID's operands. */
function operands(type: number | bigint, first: bigint, linear = 0n): void {
  machine.set('RBX', type);
  machine.set('RSI', descriptor);
  machine.poke64(descriptor, first);
  machine.poke64(descriptor + 8, linear);
}
/** Executes some lines, and says which of the two pages are translated again. */
function translatedAgain(...lines: string[]): [page: boolean, other: boolean] {
  expect(machine.run64(...lines, readPage, readOther).vector).to.equal(undefined);
  const values = [machine.get('RAX'), machine.get('RCX')] as const;
  for (const value of values) expect(value).to.be.oneOf([1n, 2n]);
  return [values[0] === 2n, values[1] === 2n];
}

describe('PCIDs', () => {
  it('are turned on in IA-32e mode only, while the PCID is 0', () => {
    const setPcide = (a: string): string[] => [`mov ${a}, cr4`, `or ${a}, ${Cr4.PcidEnableBit}`, `mov cr4, ${a}`];
    machine.start();
    expect(machine.run64(...setPcide('rax')).vector).to.equal(undefined);
    machine.start();
    machine.set('CR3', machine.get('CR3') | 8n);
    expect(machine.run64(...setPcide('rax'))).to.include(gp);
    machine.start({ bits: 32, paging: 'pae' });
    expect(machine.run64(...setPcide('eax'))).to.include(gp);
  });

  it('keep CR0.PG from being cleared', () => {
    startStale();
    const clearPg = ['mov rax, cr0', `btr rax, ${Math.log2(Cr0.Paging)}`, 'mov cr0, rax'];
    expect(machine.run64(...clearPg)).to.include(gp);
  });

  it('allow bit 63 in MOV to CR3, which reads as 0; without them it is reserved', () => {
    startStale();
    const cr3 = machine.get('CR3');
    machine.set('RAX', cr3 | keeps);
    expect(machine.run64('mov cr3, rax').vector).to.equal(undefined);
    expect(machine.get('CR3')).to.equal(cr3);
    machine.start();
    machine.set('RAX', machine.get('CR3') | keeps);
    expect(machine.run64('mov cr3, rax')).to.include(gp);
  });

  it('do not keep an old translation over MOV to CR3 that forbids it, except of global pages', () => {
    startStale();
    expect(translatedAgain('mov rax, cr3', 'mov cr3, rax')).to.deep.equal([true, true]);
    startStale(global);
    expect(translatedAgain('mov rax, cr3', 'mov cr3, rax')).to.deep.equal([false, false]);
    startStale(global);
    const clearPcide = ['mov rax, cr4', `btr rax, ${Math.log2(Cr4.PcidEnableBit)}`, 'mov cr4, rax'];
    expect(translatedAgain(...clearPcide), 'PCIDE is cleared').to.deep.equal([true, true]);
  });
});

describe('INVPCID', () => {
  it('of an address invalidates the translations of that page and PCID', () => {
    startStale();
    operands(InvpcidType.IndividualAddress, pcid, BigInt(page) + 0x123n);
    expect(translatedAgain(invpcid)).to.deep.equal([true, false]);
    startStale();
    operands(InvpcidType.IndividualAddress, pcid + 1n, BigInt(page));
    expect(translatedAgain(invpcid), 'another PCID').to.deep.equal([false, false]);
  });

  it('of a PCID invalidates all translations of it, except of global pages', () => {
    startStale();
    operands(InvpcidType.SingleContext, pcid);
    expect(translatedAgain(invpcid)).to.deep.equal([true, true]);
    startStale();
    operands(InvpcidType.SingleContext, pcid + 1n);
    expect(translatedAgain(invpcid), 'another PCID').to.deep.equal([false, false]);
    startStale(global);
    operands(InvpcidType.SingleContext, pcid);
    expect(translatedAgain(invpcid), 'global').to.deep.equal([false, false]);
  });

  it('of all PCIDs invalidates everything, with or without global pages', () => {
    for (const [type, flags, again] of [
      [InvpcidType.AllContexts, 0n, true],
      [InvpcidType.AllContexts, global, true],
      [InvpcidType.AllContextsRetainingGlobals, 0n, true],
      [InvpcidType.AllContextsRetainingGlobals, global, false],
    ] as const) {
      startStale(flags);
      operands(type, 0n);
      expect(translatedAgain(invpcid), `type ${type}, flags ${flags}`).to.deep.equal([again, again]);
    }
  });

  describe('raises', () => {
    for (const [what, type, first, linear] of [
      ['a type above 3', 4, 0n, 0n],
      ['a type above 3 in 64 bits', 1n << 32n, 0n, 0n],
      ['a reserved bit of the descriptor', InvpcidType.AllContexts, 0x1000n, 0n],
      ['the highest bit of the descriptor', InvpcidType.AllContexts, 1n << 63n, 0n],
      ['an address that is not canonical', InvpcidType.IndividualAddress, pcid, 1n << 47n],
    ] as const) {
      it(`#GP(0) for ${what}`, () => {
        startStale();
        operands(type, first, linear);
        expect(machine.run64(invpcid)).to.include({ ...gp, rip: At.kernelCode + 0x100 });
      });
    }
    it('no fault for an address that is not canonical of the other types', () => {
      startStale();
      operands(InvpcidType.SingleContext, pcid, 1n << 47n);
      expect(machine.run64(invpcid).vector).to.equal(undefined);
    });
    it('#GP(0) for a PCID while CR4.PCIDE is 0, if the type names one', () => {
      for (const type of Object.values(InvpcidType)) {
        machine.start();
        operands(type, pcid);
        const isOfOne = type === InvpcidType.IndividualAddress || type === InvpcidType.SingleContext;
        expect(machine.run64(invpcid).vector, `type ${type}`).to.equal(isOfOne ? Vector.GeneralProtection : undefined);
      }
    });
    it('#GP(0) outside CPL 0, before it looks at its operand', () => {
      machine.start({ cpl: 3 });
      machine.set('RSI', 0x70000000);
      machine.write(At.userCode, [invpcid]);
      expect(machine.go()).to.include({ ...gp, rip: At.userCode });
    });
    it('#PF for its operand', () => {
      machine.start();
      machine.set('RSI', 0x70000000);
      expect(machine.run64(invpcid)).to.include({ vector: Vector.PageFault, cr2: 0x70000000 });
    });
  });

  it('takes a type of 32 bits outside 64-bit mode', () => {
    machine.start({ bits: 32 });
    operands((1n << 32n) | BigInt(InvpcidType.AllContexts), 0n);
    expect(machine.run64('invpcid ebx, [esi]').vector).to.equal(undefined);
  });

  describe('in non-root operation', () => {
    /** Runs it with these controls. @returns the stop reason. */
    function guest(primary: number, secondary: number, ...lines: string[]): StopReason {
      startStale();
      operands(4, 0n);
      machine.u32[Layout.VMX_MODE / 4] = 2;
      machine.u32[Layout.VMX_PRIMARY / 4] = primary;
      machine.u32[Layout.VMX_SECONDARY / 4] = secondary;
      machine.stateChanged();
      machine.write(At.kernelCode + 0x100, lines);
      return machine.run(1000);
    }
    afterEach(() => {
      for (const word of ['VMX_MODE', 'VMX_PRIMARY', 'VMX_SECONDARY'] as const) machine.u32[Layout[word] / 4] = 0;
    });

    it('is #UD without "enable INVPCID"', () => {
      expect(guest(PrimaryControl.InvlpgExiting, 0, invpcid)).to.equal(StopReason.Idle);
      expect(machine.ending().vector).to.equal(Vector.InvalidOpcode);
    });
    it('executes with "enable INVPCID"', () => {
      guest(0, SecondaryControl.EnableInvpcid, invpcid);
      expect(machine.ending().vector, 'it finds the type').to.equal(Vector.GeneralProtection);
    });
    it('exits with "INVLPG exiting" too, before it looks at its operands', () => {
      const lines = ['mov esi, 0x1000', 'invpcid rdi, [rdx + rsi * 4 + 0x70000010]'];
      expect(guest(PrimaryControl.InvlpgExiting, SecondaryControl.EnableInvpcid, ...lines)).to.equal(StopReason.VmExit);
      expect(machine.word('EXIT_REASON')).to.equal(ExitReason.Invpcid);
      expect(machine.get('EXIT_QUALIFICATION')).to.equal(0x70000010n);
      // scale 4, 64-bit addresses, DS, index RSI, base RDX, RDI
      const information = (2 | (2 << 7) | (3 << 15) | (6 << 18) | (2 << 23) | (7 << 28)) >>> 0;
      expect(machine.word('EXIT_INSTRUCTION_INFORMATION')).to.equal(information);
    });
  });
});
