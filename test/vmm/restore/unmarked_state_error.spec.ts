// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { UnmarkedStateError } from '../../../src/vmm/restore/unmarked_state_error.js';

const field = (name: string) => ({ where: 'vcpu 0', owner: 'Hook', field: name, why: 'changed from 0 to 1' });

describe('UnmarkedStateError', () => {
  it('names class, field and vCPU, and says what to do', () => {
    const { message, details } = new UnmarkedStateError([field('count')]);
    expect(message).to.match(
      /^the state of the VMM cannot be saved.*:\n {2}Hook\.count \(vcpu 0\) changed from 0 to 1\nmark a field @state\(\)/,
    );
    expect(details).to.deep.include({ where: 'Hook.count' });
  });

  it('names eight fields, and counts the others', () => {
    const { message, fields } = new UnmarkedStateError(Array.from({ length: 10 }, (_, at) => field(`f${at}`)));
    expect(message)
      .to.match(/Hook\.f7 .*\n {2}and 2 more\n/)
      .and.not.match(/f8/);
    expect(fields).to.have.length(10);
  });
});
