// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { warnOnce } from '../../../src/vmm/output/warning_once.js';
import { captureOutput } from '../capture_output.js';

describe('warnOnce', () => {
  it('gives each warning once, and keeps in data which it has given', () => {
    const given = { heat: false, noise: false };
    const text = captureOutput(() => {
      for (const times of [1, 2]) warnOnce(given, 'heat', `it is hot, ${times}`);
      warnOnce({ ...given }, 'heat', 'after a restore');
      warnOnce({ ...given }, 'noise', 'it is loud');
    });
    expect(text)
      .to.match(/it is hot, 1\n.*it is loud\n$/)
      .and.not.match(/hot, 2|after a restore/);
    expect(given).to.deep.equal({ heat: true, noise: false });
  });
});
