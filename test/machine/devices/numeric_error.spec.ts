// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { NumericError } from '../../../src/machine/devices/numeric_error.js';
import { FakePlatform } from './fake_platform.js';

describe('NumericError', () => {
  it('drives IRQ 13 from FERR# until port F0h is written, and then IGNNE# while FERR# is asserted', () => {
    const platform = new FakePlatform();
    const line = platform.line();
    const device = new NumericError(platform.bus, line);
    expect([device.setError(true), line.level]).to.deep.equal([false, true]);
    platform.out(0xf0, 0);
    expect([line.level, device.setError(true)]).to.deep.equal([false, true]);
    expect([device.setError(false), line.edges]).to.deep.equal([false, 1]);
    expect([device.setError(true), line.edges]).to.deep.equal([false, 2]);
  });

  it('does nothing on a write to port F0h without an error', () => {
    const platform = new FakePlatform();
    const line = platform.line();
    const device = new NumericError(platform.bus, line);
    platform.out(0xf0, 0);
    expect([device.setError(true), line.level, platform.bus.readPort(0xf0, 1)]).to.deep.equal([false, true, 0xff]);
  });
});
