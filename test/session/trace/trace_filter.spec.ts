// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseTraceFilter } from '../../../src/session/trace/trace_filter.js';

const parse = (text: string) => parseTraceFilter(text, (name) => name === 'cpuid' || name === 'rdmsr');

describe('parseTraceFilter', () => {
  it('takes kinds of events', () => {
    expect(parse('guest, idle')).to.deep.equal({ kinds: ['guest', 'idle'] });
  });

  it('takes exit reasons, which are exits', () => {
    expect(parse('cpuid,rdmsr')).to.deep.equal({ kinds: ['exits'], reasons: ['cpuid', 'rdmsr'] });
    expect(parse('exits,cpuid,console')).to.deep.equal({ kinds: ['exits', 'console'], reasons: ['cpuid'] });
  });

  it('returns the first word that is neither', () => {
    expect(parse('guest,cpuidd,x')).to.equal('cpuidd');
    expect(parse('')).to.equal('');
  });
});
