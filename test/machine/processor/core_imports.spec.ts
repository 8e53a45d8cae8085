// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout/layout.js';
import { AbsentPages } from '../../../src/machine/memory/absent_pages.js';
import { coreImports, unwind } from '../../../src/machine/processor/core_imports.js';
import { emptyBus } from '../../support/test_core.js';

describe('coreImports', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const absent = new AbsentPages(new Uint8Array(4096), new Uint8Array(1), new Uint8Array(1));
  const msrs = { msrRead: (index: number) => (index === 0x1b ? 0xfee00900 : undefined), msrHigh: () => 7 };
  const imports = coreImports(memory, { ...emptyBus, ...msrs }, absent, () => {}) as Record<
    string,
    (...all: number[]) => number
  >;

  it('unwinds the core by one error that is made once', () => {
    expect(() => imports.raise!())
      .to.throw()
      .that.equals(unwind);
  });

  it('asks for the contents of a page that is absent', () => {
    absent.expect({
      numbers: Uint32Array.of(0),
      load: () => ({ numbers: Uint32Array.of(0), bytes: new Uint8Array(4096) }),
    });
    imports.pageWanted!(0);
    expect(absent.has(0)).to.equal(false);
  });

  it('puts an MSR of the bus into BUS_VALUE, and answers 0 for one that the bus does not have', () => {
    expect(imports.msrRead!(0x1b)).to.equal(1);
    expect([...new Uint32Array(memory.buffer, Layout.BUS_VALUE, 2)]).to.deep.equal([0xfee00900, 7]);
    expect(imports.msrRead!(0x1c)).to.equal(0);
  });
});
