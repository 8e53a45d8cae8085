// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { resolve } from 'node:path';
import {
  DEFAULT_TRACE_LIMIT,
  instrumentRequest,
  type InstrumentOptions,
} from '../../../src/bfm/instruments/instrument_options.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

const traceRequest = (options: InstrumentOptions) => instrumentRequest(options).trace;
const profileRequest = (options: InstrumentOptions) => instrumentRequest(options).profile;

describe('instrumentRequest, of --trace', () => {
  it('is none without --trace, and whole with it alone', () => {
    expect(traceRequest({})).to.equal(undefined);
    expect(traceRequest({ trace: 't.json' })).to.deep.equal({ file: resolve('t.json'), limit: DEFAULT_TRACE_LIMIT });
  });

  it('takes a limit and a filter', () => {
    const { limit, filter } = traceRequest({ trace: 't', traceLimit: '50', traceOnly: 'cpuid,console' })!;
    expect([limit, filter]).to.deep.equal([50, { kinds: ['console', 'exits'], reasons: ['cpuid'] }]);
  });

  it('refuses what it cannot do', () => {
    expect(() => traceRequest({ trace: '' })).to.throw(UsageError, '--trace');
    for (const traceLimit of ['0', '-1', 'x', '1e9', '99999999999'])
      expect(() => traceRequest({ trace: 't', traceLimit })).to.throw(UsageError, '--trace-limit');
    expect(() => traceRequest({ trace: 't', traceOnly: 'cpuidd' })).to.throw(UsageError, '--trace-only cpuidd');
    expect(() => traceRequest({ traceLimit: '5' })).to.throw(UsageError, '--trace-limit says what a trace has');
    expect(() => traceRequest({ traceOnly: 'cpuid' })).to.throw(UsageError, '--trace-only says what a trace has');
  });
});

describe('instrumentRequest, of --profile', () => {
  it('is none without --profile, and looks each 10 µs unless told otherwise', () => {
    expect(profileRequest({})).to.equal(undefined);
    expect(profileRequest({ profile: 'p' })).to.deep.equal({ file: resolve('p'), interval: 10_000 });
    expect(profileRequest({ profile: 'p', profileInterval: '0.5' })!.interval).to.equal(500);
  });

  it('refuses what it cannot do', () => {
    expect(() => profileRequest({ profile: '' })).to.throw(UsageError, '--profile');
    for (const profileInterval of ['0', '-1', 'x', '0.0001', '1000001'])
      expect(() => profileRequest({ profile: 'p', profileInterval })).to.throw(UsageError, '--profile-interval');
    expect(() => profileRequest({ profileInterval: '5' })).to.throw(UsageError, '--profile-interval says how often');
  });
});
