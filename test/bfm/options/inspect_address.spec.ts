// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { inspectAddress } from '../../../src/bfm/options/inspect_address.js';

describe('inspectAddress', () => {
  for (const [options, expected] of [
    [{}, undefined],
    [{ inspect: true }, { host: '127.0.0.1', port: 9229, waits: false }],
    [{ inspectBrk: true }, { host: '127.0.0.1', port: 9229, waits: true }],
    [{ inspect: '0' }, { host: '127.0.0.1', port: 0, waits: false }],
    [{ inspectBrk: 'localhost:65535' }, { host: '127.0.0.1', port: 65535, waits: true }],
    [{ inspect: '[::1]:80' }, { host: '::1', port: 80, waits: false }],
  ] as const)
    it(`takes ${JSON.stringify(options)}`, () => expect(inspectAddress(options)).to.deep.equal(expected));

  for (const [options, message] of [
    [{ inspect: true, inspectBrk: true }, /exclude each other/],
    [{ inspect: '0.0.0.0:9229' }, /^--inspect 0\.0\.0\.0:9229: .*an address of this computer/],
    [{ inspect: 'constructor:9229' }, /an address of this computer/],
    [{ inspectBrk: '65536' }, /^--inspect-brk 65536: .*'PORT' or 'HOST:PORT'/],
    [{ inspect: 'file.ts' }, /'PORT' or 'HOST:PORT'/],
    [{ inspect: '' }, /'PORT' or 'HOST:PORT'/],
  ] as const)
    it(`refuses ${JSON.stringify(options)}`, () => expect(() => inspectAddress(options)).to.throw(UsageError, message));
});
