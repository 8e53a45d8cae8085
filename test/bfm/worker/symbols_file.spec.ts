// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { readSymbols } from '../../../src/bfm/worker/symbols_file.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { SymbolFileError } from '../../../src/machine/symbols/symbol_file_error.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { recordedRun } from '../recording/own_run.js';

const folder = temporaryFolder();
const address = FLAT_IMAGE_ADDRESS.toString(16).padStart(16, '0');
const file = folder.write('guest.map', `${address} T guest_entry\n`);

describe('readSymbols', () => {
  it('reads the names of a file, and the offset', () => {
    const { table, offset } = readSymbols({ file, offset: '-16' });
    expect([table.addressOf('guest_entry'), offset]).to.deep.equal([BigInt(FLAT_IMAGE_ADDRESS), -16n]);
    expect(readSymbols({ file }).offset).to.equal(undefined);
  });

  it('names the file that has none', () => {
    expect(() => readSymbols({ file: folder.write('other', 'hello\n') })).to.throw(SymbolFileError, 'other, line 1');
  });
});

describe('Symbols, in an extension', () => {
  const module = folder.write(
    'naming.ts',
    `import { Exit, ExitContribution, ExitReason, ReportContribution, Symbols, Vmcs, vcpuModule } from 'bareflank';
     import { inject, injectable } from 'inversify';
     @injectable()
     class Naming implements ExitContribution, ReportContribution {
       @inject(Symbols) readonly symbols!: Symbols;
       @inject(Vmcs) readonly vmcs!: Vmcs;
       readonly name = 'naming';
       readonly reasons = [ExitReason.Cpuid];
       private first = '';
       handleExit(): boolean {
         this.first ||= (this.symbols.nameOf(this.vmcs.guestRip.get()) ?? 'no name').replace(/[+].*/, '');
         return false;
       }
       report() {
         return { first: this.first, address: this.symbols.addressOf('guest_entry') ?? 'none' };
       }
     }
     export default vcpuModule(({ bind }) => {
       bind(Naming).toSelf();
       bind(ExitContribution).toService(Naming);
       bind(ReportContribution).toService(Naming);
     });`,
  );
  const path = (name: string): string => join(folder.path, name);

  it('know the names of the files, in a run and in its replay', async () => {
    const { extensions } = await recordedRun(path('named'), { modules: [module], symbols: [{ file }] });
    expect(extensions!.naming).to.deep.equal({ first: 'guest_entry', address: String(FLAT_IMAGE_ADDRESS) });
    const replayed = await new ReplayRun(
      { recording: path('named'), until: [], checkpoints: 1 << 20 },
      new RunControl(),
      () => {},
    ).run();
    expect([replayed.outcome, replayed.extensions]).to.deep.equal(['replayed', extensions]);
  });

  it('are none without files, in a guest that is not Linux', async () => {
    const { extensions } = await recordedRun(path('nameless'), { modules: [module] });
    expect(extensions!.naming).to.deep.equal({ first: 'no name', address: 'none' });
  });
});
