// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SitePorts } from '../../../src/site/machine/site_ports.js';

describe('SitePorts', () => {
  it('send what was printed in one message a port, when their owner says so', () => {
    const sent: [string, string][] = [];
    const ports = new SitePorts((kind, bytes) => sent.push([kind, Buffer.from(bytes).toString()]));
    for (const byte of Buffer.from('guest')) ports.console.push(byte);
    for (const byte of Buffer.from('vmm')) ports.vmm.push(byte);
    ports.console.flush();
    expect(sent).to.deep.equal([]);
    ports.sendAll();
    ports.sendAll();
    expect(sent).to.deep.equal([
      ['console', 'guest'],
      ['vmm', 'vmm'],
    ]);
  });

  it('keep what was typed until the machine takes it, up to 64 KiB', () => {
    const ports = new SitePorts(() => {});
    expect(ports.hasInput()).to.equal(false);
    ports.type([1, 2]);
    ports.type([3]);
    expect(ports.hasInput()).to.equal(true);
    expect(ports.takeInput()).to.deep.equal([1, 2, 3]);
    expect(ports.hasInput()).to.equal(false);
    ports.type(new Array<number>(70_000).fill(65));
    ports.type([66]);
    expect(ports.takeInput()).to.have.length(65_536).and.not.include(66);
  });
});
