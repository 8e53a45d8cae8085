// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FwCfg } from '../../../src/machine/devices/fw_cfg.js';
import { FakePlatform } from './fake_platform.js';

describe('FwCfg', () => {
  it('reports memory and processors', () => {
    const platform = new FakePlatform();
    new FwCfg(platform.bus, { memoryBytes: 0x20000000, processors: 4 });
    const read = (key: number, size: number): number => {
      platform.bus.writePort(0x510, 2, key);
      let value = 0;
      for (let i = 0; i < size; i++) value += platform.in(0x511) * 2 ** (8 * i);
      return value;
    };
    expect([read(0, 4), read(3, 8), read(5, 2)]).to.deep.equal([0x554d4551, 0x20000000, 4]);
  });

  it('begins an item again when it is selected, and reads zeros behind its end and for other items', () => {
    const platform = new FakePlatform();
    new FwCfg(platform.bus, { memoryBytes: 1 << 24, processors: 1 });
    const read = (key: number): number[] => {
      platform.bus.writePort(0x510, 2, key);
      return [1, 2, 3].map(() => platform.in(0x511));
    };
    expect([read(5), read(5), read(0x77)]).to.deep.equal([
      [1, 0, 0],
      [1, 0, 0],
      [0, 0, 0],
    ]);
  });
});
