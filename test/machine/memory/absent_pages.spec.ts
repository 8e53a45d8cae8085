// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { AbsentPages, type LaterPages } from '../../../src/machine/memory/absent_pages.js';
import { PAGE_BYTES, type PageContents } from '../../../src/machine/memory/page_contents.js';
import { Pc } from '../../../src/machine/pc.js';

const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));

/** A page full of one byte. */
const pageOf = (number: number, byte: number): PageContents => ({
  numbers: Uint32Array.of(number),
  bytes: new Uint8Array(PAGE_BYTES).fill(byte),
});

function make(later: LaterPages) {
  const memory = new Uint8Array(4 * PAGE_BYTES);
  const dirty = new Uint8Array(4);
  const absent = new AbsentPages(memory, new Uint8Array(4), dirty);
  absent.expect(later);
  return { memory, dirty, absent, bytes: () => [0, 1, 2, 3].map((page) => memory[page * PAGE_BYTES]) };
}

describe('AbsentPages', () => {
  it('loads a page once, when it is needed, and marks it written', () => {
    const loaded: number[] = [];
    const { absent, bytes, dirty } = make({
      numbers: Uint32Array.of(1, 3),
      load: (number) => (loaded.push(number), pageOf(number, number)),
    });
    absent.provide(0);
    expect(loaded).to.deep.equal([]);
    absent.provide(3);
    absent.provide(3);
    expect(loaded).to.deep.equal([3]);
    expect(bytes()).to.deep.equal([0, 0, 0, 3]);
    expect([...dirty]).to.deep.equal([0, 0, 0, 1]);
  });

  it('takes pages that come unasked or along with another one, and never overwrites one that is there', () => {
    const { absent, memory, bytes } = make({
      numbers: Uint32Array.of(0, 1, 2),
      load: () => ({ numbers: Uint32Array.of(0, 1), bytes: new Uint8Array(2 * PAGE_BYTES).fill(7) }),
    });
    absent.arrived(pageOf(0, 5));
    memory[0] = 6;
    absent.arrived(pageOf(0, 5));
    absent.provide(1);
    expect(bytes()).to.deep.equal([6, 7, 0, 0]);
    absent.arrived(pageOf(3, 9));
    expect(bytes(), 'a page that nobody expects').to.deep.equal([6, 7, 0, 0]);
  });

  it('loads each page of a range, and all of them for somebody who looks at the whole memory', () => {
    const loaded: number[] = [];
    const { absent } = make({
      numbers: Uint32Array.of(0, 1, 2, 3),
      load: (number) => (loaded.push(number), pageOf(number, number)),
    });
    absent.provideRange(PAGE_BYTES + 4095, 2 * PAGE_BYTES + 1);
    expect(loaded).to.deep.equal([1, 2]);
    absent.provideAll();
    expect(loaded).to.deep.equal([1, 2, 0, 3]);
  });

  it('says so if the page that was wanted does not come', () => {
    const { absent } = make({ numbers: Uint32Array.of(1), load: () => pageOf(0, 1) });
    expect(() => absent.provide(1)).to.throw('page 1 of the snapshot was not among the pages that came for it');
  });
});

describe('Pc.restore', () => {
  it('goes on in the same way whether pages are there or come when something needs them', async () => {
    const pcOf = (): Promise<Pc> => Pc.create({ coreModule, memoryBytes: 32 << 20, com1: () => {}, com2: () => {} });
    const kernel = { name: 'cpuid', bytes: readFileSync(join(buildFolder, 'guests/cpuid.bin')) };
    const first = await pcOf();
    first.boot({ kernel, modules: [], append: '20000' });
    for (let quantum = 0; quantum < 5; quantum++) first.runQuantum(() => true);
    const state = first.save();
    const byNumber = new Map(
      [...state.pages].flatMap(({ numbers, bytes }) =>
        [...numbers].map((number, i) => [number, bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES)] as const),
      ),
    );
    let loads = 0;
    const later: LaterPages = {
      numbers: Uint32Array.from(byNumber.keys()),
      load: (number) => (loads++, { numbers: Uint32Array.of(number), bytes: byNumber.get(number)! }),
    };
    const copy = await pcOf();
    copy.restore({ ...state, pages: [] }, later);
    expect(copy.save().pages, 'a copy of the copy').to.deep.equal(state.pages);
    loads = 0;
    const second = await pcOf();
    second.restore({ ...state, pages: [] }, later);
    for (const pc of [first, second]) while (pc.runQuantum(() => true) === undefined);
    expect(second.instructions).to.equal(first.instructions);
    expect(loads, 'pages that the run needed').to.be.within(1, byNumber.size - 1);
    expect(second.stateHash()).to.equal(first.stateHash());
    expect(loads, 'pages that the hash needed').to.equal(byNumber.size);
  });
});
