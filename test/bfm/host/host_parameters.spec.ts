// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CommandError } from '../../../src/bfm/host/host_errors.js';
import { checkedParameters } from '../../../src/bfm/host/host_parameters.js';

describe('checkedParameters', () => {
  for (const [method, params] of [
    ['load', { files: ['/x/a.modules'] }],
    ['dump', { vcpuid: '0xff' }],
    ['vmcall', { cpuid: -1, registers: { r00: '0x1' } }],
    ['vmcallData', { cpuid: 0, type: 2, data: 'eyJhIjoxfQ==' }],
    ['vmcallData', { cpuid: 0, type: 1, data: '' }],
    ['status', undefined],
  ] as const)
    it(`lets ${method} with ${JSON.stringify(params)} pass`, () =>
      expect(checkedParameters(method, params)).to.equal(params));

  for (const [method, params, message] of [
    ['load', {}, /^load: .*files: /],
    ['load', null, /^load: .*params: /],
    // A number would be read from as an open file.
    ['load', { files: [5] }, /files\.0: /],
    ['dump', { vcpuid: {} }, /vcpuid: /],
    ['dump', { vcpuid: '-1' }, /vcpuid: expected a number as text/],
    ['vmcall', { cpuid: 'x', registers: {} }, /cpuid: /],
    ['vmcall', { cpuid: 0, registers: { r00: 1 } }, /registers\.r00: /],
    ['vmcallData', { cpuid: 0, type: 1.5, data: '' }, /type: /],
    ['vmcallData', { cpuid: 0, type: 1, data: '%' }, /data: /],
  ] as const)
    it(`refuses ${method} with ${JSON.stringify(params)}, and says what is wrong`, () =>
      expect(() => checkedParameters(method, params)).to.throw(CommandError, message));
});
