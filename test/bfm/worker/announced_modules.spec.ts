// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { announced } from '../../../src/bfm/worker/announced_modules.js';
import type { ModuleSource } from '../../../src/driver/module_source.js';

describe('announced', () => {
  it('says which module is being loaded, before it is, and when it has been', async () => {
    const events: string[] = [];
    const source: ModuleSource = {
      identify: (file) => `/real/${file}`,
      readList: () => ['a.ts'],
      load: (name) => (events.push(`load ${name}`), Promise.resolve({ modules: [], hash: '' })),
    };
    const result = announced(source, (what) => events.push(what));
    expect([result.identify('a.ts'), result.readList('x')]).to.deep.equal(['/real/a.ts', ['a.ts']]);
    expect((await result.load('/real/a.ts')).modules).to.deep.equal([]);
    expect(events).to.deep.equal(['the loading of module /real/a.ts', 'load /real/a.ts', 'the loading of the modules']);
  });
});
