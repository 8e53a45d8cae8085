// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { GuestConsole } from '../../../src/bfm/console/guest_console.js';
import { bytes, sink } from '../text_sinks.js';

describe('GuestConsole', () => {
  it('ends an open line, and only an open one', () => {
    const target = sink();
    const guest = new GuestConsole(target);
    guest.write(bytes('done\n'));
    guest.end();
    guest.write(bytes('Linux version'));
    guest.end();
    guest.end();
    expect(target.text).to.equal('done\nLinux version\n');
  });
});
