// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { base, hiddenBases, segmentLines, selector } from '../../../src/bfm/gdb/gdb_segments.js';
import type { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { raceGuest } from '../../machine/race_guest.js';
import { sessionOf } from './gdb_client.js';

describe('The segment registers', () => {
  let processor: LogicalProcessor;
  before(async () => {
    [processor] = (await sessionOf(raceGuest(1, 1))).pc.processors as [LogicalProcessor];
    processor.core.block.set('TR', { selector: 0x28, base: 0x1234_5678_9000n, limit: 0x67, rights: 0x8b });
  });

  it('have a base each, those of FS and GS under the names that GDB knows', () => {
    const all = [...hiddenBases, base('FS'), base('GS')];
    expect(all.map(({ name }) => name).sort()).to.deep.equal(
      ['cs', 'ds', 'es', 'fs', 'gs', 'ldtr', 'ss', 'tr'].map((name) => `${name}_base`),
    );
    const tr = hiddenBases.find(({ name }) => name === 'tr_base')!;
    expect(tr.read(processor)).to.equal(0x1234_5678_9000n);
    expect(tr.write).to.be.a('string');
  });

  it('keep what a load of the selector would lose', () => {
    const tr = selector('TR', 'system');
    const back = tr.keep!(processor);
    processor.core.block.set('TR', { selector: 8, base: 0n, limit: 0, rights: 0x8b });
    back();
    expect(processor.core.block.get('TR')).to.include({ selector: 0x28, base: 0x1234_5678_9000n });
  });

  it('are shown with the meanings of their rights', () => {
    const lines = segmentLines(processor.core.block);
    expect(lines).to.have.length(11);
    expect(lines.find((line) => line.startsWith('TR'))).to.equal(
      'TR    0x28    0x123456789000     0x67       0x8b: type = read_execute_accessed, present',
    );
    expect(lines.at(-1)).to.match(/^IDTR +0x\w+ +0x\w+$/);
  });
});
