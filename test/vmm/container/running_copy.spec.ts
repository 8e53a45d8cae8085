// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondCopyError } from '../../../src/vmm/container/load_errors.js';
import '../../../src/vmm/container/running_copy.js';

describe('claimRunningCopy', () => {
  it('refuses a second copy of the framework and names both paths', async () => {
    // The query makes the loader evaluate the file again, as a copy in another node_modules folder would be.
    const second = new URL('../../../src/vmm/container/running_copy.js?second', import.meta.url).href;
    const error = await import(second).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(SecondCopyError);
    expect((error as Error).message).to.match(/running_copy\.js runs already.*running_copy\.js\?second/);
  });

  it('lets the running copy claim again', async () => {
    const { claimRunningCopy } = await import('../../../src/vmm/container/running_copy.js');
    const url = new URL('../../../src/vmm/container/running_copy.js', import.meta.url).href;
    expect(() => claimRunningCopy(url)).to.not.throw();
  });
});
