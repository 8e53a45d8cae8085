// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Pc } from '../../../src/machine/pc.js';
import { SymbolTable } from '../../../src/machine/symbols/symbol_table.js';
import { layouts } from './kallsyms_image.js';
import { At, LINKED_TEXT, madeUpLinux, TEXT } from './made_up_linux.js';

describe('GuestSymbols', () => {
  for (const layout of layouts)
    it(`names code of a kernel that has moved itself, and of a module, like Linux ${layout}`, async () => {
      const symbols = (await madeUpLinux(layout)).symbols.own;
      expect(symbols.nameOf(At.inFunction)).to.equal('sys_function_300+0x4');
      expect(symbols.nameOf(TEXT)).to.equal('_text');
      expect(symbols.nameOf(At.moduleFunction + 2n)).to.equal('probe+0x2 [virtio_net]');
      expect(symbols.addressOf('sys_function_1')).to.equal(TEXT + 32n);
    });

  it('gives the same answers to many questions while the machine does not run', async () => {
    const { own } = (await madeUpLinux('7.0')).symbols;
    const find = own.whileStill();
    for (let address = TEXT - 64n; address < TEXT + 64n * 32n; address += 7n)
      for (const _ of ['first', 'again']) expect(find(address)).to.deep.equal(own.find(address));
    for (const address of [At.moduleFunction, At.nobody, 0x401000n])
      expect(find(address)).to.deep.equal(own.find(address));
  });

  it('has no name for addresses of processes, of no module, and beyond a gap', async () => {
    const symbols = (await madeUpLinux('6.1')).symbols.own;
    for (const address of [0n, 0x401000n, At.nobody, At.module - 1n, (1n << 64n) - 1n])
      expect(symbols.nameOf(address), address.toString(16)).to.equal(undefined);
  });

  it('knows nothing before a kernel has set the entry of SYSCALL, and all of it afterwards', async () => {
    const pc = await madeUpLinux('6.1');
    pc.core.block.set('LSTAR', 0n);
    expect(pc.symbols.own.nameOf(TEXT)).to.equal(undefined);
    pc.core.block.set('LSTAR', At.syscall);
    expect(pc.symbols.own.nameOf(TEXT)).to.equal('_text');
  });

  it('shows no control characters of names, which would act on the terminal', async () => {
    const { symbols } = await madeUpLinux('6.1');
    symbols.add([{ table: new SymbolTable([{ address: 0x401000n, name: 'e\x1b[31mvil\n' }]), offset: 0n }]);
    expect(symbols.own.nameOf(0x401002n)).to.equal('e�[31mvil�+0x2');
    expect(symbols.own.find(0x401000n)).to.deep.equal({ name: 'e�[31mvil�', offset: 0n });
    expect(symbols.own.addressOf('e\x1b[31mvil\n')).to.equal(0x401000n);
  });

  it('finds the tables of another kernel after the first one has gone', async () => {
    const pc = await madeUpLinux('6.1');
    expect(pc.symbols.own.nameOf(TEXT)).to.equal('_text');
    pc.core.guestRam.fill(0, 0x500000, 0x580000);
    expect(pc.symbols.own.nameOf(TEXT)).to.equal(undefined);
  });

  it("says why the kernel's code has no names", async () => {
    const pc = await madeUpLinux('6.1');
    const { own } = pc.symbols;
    expect(own.whyNone(), 'it has names').to.equal(undefined);
    pc.core.guestRam.fill(0, 0x500000, 0x580000);
    expect(own.whyNone()).to.match(/^IA32_LSTAR is 0xffffffff9a200100, and no tables of names of a Linux kernel/);
    pc.core.block.set('LSTAR', TEXT + 0x4000_0000n);
    expect(own.whyNone()).to.equal('IA32_LSTAR is 0xffffffffda200000, which is not mapped');
    pc.core.block.set('LSTAR', 0n);
    expect(own.whyNone()).to.match(/^no kernel has set IA32_LSTAR/);
    pc.core.block.set('RIP', TEXT);
    expect(pc.processorReports()[0]).to.include({ noSymbols: own.whyNone() });
    pc.core.block.set('RIP', 0x401000n);
    expect(pc.processorReports()[0], 'code of a process').not.to.have.property('noSymbols');
  });

  it('changes no byte of the machine: no accessed bit, no TLB, no register', async () => {
    const pc = await madeUpLinux('6.1');
    const before = Buffer.from(pc.core.u8);
    pc.symbols.own.nameOf(At.moduleFunction);
    pc.symbols.own.addressOf('nowhere');
    pc.processorReports();
    expect(before.equals(pc.core.u8)).to.equal(true);
  });

  it('ends with whatever a guest has in its list of modules', async () => {
    const pc = await madeUpLinux('6.1');
    const address = At.moduleFunction + 2n;
    const list = (next: bigint): void => pc.core.guestRam.set(new Uint8Array(BigUint64Array.of(next).buffer), 0x700008);
    for (const next of [At.module + 8n, 0n, At.module + 0x2ff8n, (1n << 64n) - 8n]) {
      list(next);
      expect(pc.symbols.own.nameOf(address), next.toString(16)).to.equal('probe+0x2 [virtio_net]');
    }
  });

  describe('with files', () => {
    const table = new SymbolTable([
      { address: LINKED_TEXT, name: '_text' },
      { address: LINKED_TEXT + 32n * 300n, name: 'name_of_the_file' },
    ]);
    const named = async (offset: bigint | undefined): Promise<(string | undefined)[]> => {
      const pc: Pc = await madeUpLinux('6.1', { symbols: [{ table, offset }] });
      return [pc.symbols.own.nameOf(At.inFunction), pc.symbols.own.nameOf(LINKED_TEXT + 32n * 300n + 4n)];
    };

    it("moves a kernel's file to where the kernel says that it is", async () => {
      expect(await named(undefined)).to.deep.equal(['name_of_the_file+0x4', undefined]);
    });

    it('moves a file by the offset that it was given with', async () => {
      expect(await named(0n)).to.deep.equal(['sys_function_300+0x4', 'name_of_the_file+0x4']);
      expect(await named(TEXT - LINKED_TEXT)).to.deep.equal(['name_of_the_file+0x4', undefined]);
    });
  });
});
