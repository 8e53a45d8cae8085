// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { hex } from '../../../src/intrinsics/texts/hex.js';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { CompiledDump } from '../../../src/bfm/compiled/compiled_dump.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { Pc } from '../../../src/machine/pc.js';
import { readSystemMap } from '../../../src/machine/symbols/system_map.js';
import { assemble } from '../../support/assembler.js';
import { compiledForms, forcedTier } from '../../support/compiled_tier.js';
import { plainRun } from '../recording/own_run.js';
import { coreModule } from '../../support/test_core.js';

const guest = assemble(
  [
    'mov rsp, 0x180000',
    'mov esi, 0x140000',
    'mov ecx, 3000',
    'again: call add',
    'dec ecx',
    'jnz again',
    'mov dx, 0xf4',
    'out dx, eax',
    'hlt',
    '.balign 64',
    'add: add [rsi], rcx',
    'ret',
  ],
  64,
  FLAT_IMAGE_ADDRESS,
);
const add = FLAT_IMAGE_ADDRESS + 64;

/** What a run with everything compiled shows of an address. */
async function dumpOf(place: bigint | string): Promise<{ readonly text: string; readonly hash: string }> {
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    com1: () => {},
    com2: () => {},
    compiledTier: forcedTier,
    symbols: [{ table: readSystemMap('names', `${add.toString(16).padStart(16, '0')} T add\n`), offset: undefined }],
  });
  pc.boot({ kernel: { name: 'guest', bytes: guest }, modules: [], append: '' });
  const dump = CompiledDump.watch(pc, typeof place === 'string' ? place : hex(place), compiledForms());
  while (pc.runQuantum(() => true, 500) === undefined);
  return { text: await dump.text(), hash: pc.stateHash() };
}

describe('CompiledDump', () => {
  it('shows each instruction of the region that begins at the address, its form, and what it became', async () => {
    const { text } = await dumpOf(BigInt(add));
    expect(text.split('\n')[0]).to.equal('the region that begins at 0x200040 holds 0x200040:');
    expect(text).to.match(/^0x200040 {2}add \[rsi\],rcx +│/m);
    expect(text).to.match(/^ {2}ADD<u64,.* alu +│/m);
    expect(text).to.match(/^0x200043 {2}ret +│/m);
    expect(text).to.match(/│ i64\.load offset=\d+ {2};; RCX$/m);
    expect(text).to.match(/is also in the regions that begin at 0x2000/);
  });

  it('finds a region by any byte of its instructions, and shows calls that it has inside', async () => {
    const { text } = await dumpOf(BigInt(FLAT_IMAGE_ADDRESS + 18));
    expect(text).to.match(/holds 0x200012:/);
    expect(text).to.match(/^0x200011 {2}call /m);
    expect(text).to.match(/^0x200040 {2}add /m);
  });

  it('finds a region by a name, and says if nothing has it', async () => {
    expect((await dumpOf('add')).text).to.equal((await dumpOf(BigInt(add))).text);
    expect((await dumpOf('sub')).text).to.match(/^"sub" is no name of the guest: /);
  });

  it('is a part of the report of a run', async () => {
    const request = plainRun('bench_alu', { dumpCompiled: '0x200009' });
    const { compiledRegion } = await new MachineRun(request, new RunControl(), () => {}).run();
    expect(compiledRegion).to.match(/holds 0x200009:\n[^]*0x200009 {2}add rax,rcx/);
  });

  it('says why there is no region, and which ones are near', async () => {
    const { text } = await dumpOf(BigInt(FLAT_IMAGE_ADDRESS + 0x800));
    expect(text).to.match(/^no compiled region holds 0x200800: it was not hot, or /);
    expect(text).to.match(/regions of its page begin at 0x200.*0x200040/);
    expect(text).to.match(/--tier forced/);
    expect((await dumpOf(0x7fff_0000_0000n)).text).not.to.match(/of its page/);
  });

  it('changes nothing in the run', async () => {
    const hashes = await Promise.all([dumpOf(BigInt(add)), dumpOf(0n)]);
    expect(hashes[0].hash).to.equal(hashes[1].hash);
  });
});
