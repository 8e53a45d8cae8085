// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SymbolTable } from '../../../src/machine/symbols/symbol_table.js';
import { At, LINKED_TEXT, madeUpLinux } from './made_up_linux.js';

describe('MachineSymbols', () => {
  it('tells the VMM only of the files with which the machine was made', async () => {
    const pc = await madeUpLinux('6.1');
    const table = new SymbolTable([
      { address: LINKED_TEXT, name: '_text' },
      { address: LINKED_TEXT + 32n * 300n, name: 'name_of_the_file' },
    ]);
    pc.symbols.add([{ table, offset: undefined }]);
    expect(pc.symbols.own.nameOf(At.inFunction)).to.equal('name_of_the_file+0x4');
    expect(pc.driverAccess.symbols.nameOf(At.inFunction)).to.equal('sys_function_300+0x4');
  });

  it('answers while a processor executes that has not come to the kernel yet', async () => {
    const pc = await madeUpLinux('6.1', { processors: 2 });
    expect(pc.inspect(() => pc.symbols.own.nameOf(At.inFunction))).to.deep.equal([
      'sys_function_300+0x4',
      'sys_function_300+0x4',
    ]);
  });
});
