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
    [
      'load',
      {},
      /^load: its parameters are invalid: files: found nothing, expected a list; send a request as bfm does$/,
    ],
    ['load', null, /params: found null, expected an object/],
    // A number would be read from as an open file.
    ['load', { files: [5] }, /files\.0: found 5, expected a text/],
    ['dump', { vcpuid: {} }, /vcpuid: found an object, expected a text/],
    ['dump', { vcpuid: '-1' }, /vcpuid: found "-1", expected a number as text/],
    ['vmcall', { cpuid: 'x', registers: {} }, /cpuid: found "x", expected a number/],
    ['vmcall', { cpuid: 0, registers: { r00: 1 } }, /registers\.r00: found 1, expected a text/],
    ['vmcallData', { cpuid: 0, type: 1.5, data: '' }, /type: found 1\.5, expected a whole number/],
    ['vmcallData', { cpuid: 0, type: 1, data: '%' }, /data: found "%", expected a text in base64/],
  ] as const)
    it(`refuses ${method} with ${JSON.stringify(params)}, and says what is wrong`, () =>
      expect(() => checkedParameters(method, params)).to.throw(CommandError, message));
});
