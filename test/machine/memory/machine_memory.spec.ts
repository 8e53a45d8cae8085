// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { WasmCore } from '../../../src/machine/processor/wasm_core.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { FuzzMachine, fuzzModes } from '../../fuzz/fuzz_machine.js';
import { randomSlot } from '../../fuzz/random_code.js';
import { SeededRandom } from '../../differential/cases/seeded_random.js';
import { coreModule, emptyBus } from '../../support/test_core.js';

const module = await coreModule();
const memoryBytes = 16 << 20;

describe('wipeMemory', () => {
  it('leaves nothing of a machine that ran with a VMM', async () => {
    const used = await FuzzMachine.create(fuzzModes[0]!);
    const random = new SeededRandom(7);
    used.fill(() => randomSlot(random, 64));
    await used.startVmm();
    used.run();
    const { memory } = used.pc.core;
    const again = WasmCore.createSync({ module, memoryBytes, bus: emptyBus, memory });
    const fresh = WasmCore.createSync({ module, memoryBytes, bus: emptyBus });
    expect(Buffer.from(again.u8.buffer).equals(Buffer.from(fresh.u8.buffer))).to.equal(true);
    expect(again.u64[Layout.RIP / 8]).to.equal(0xfff0n);
  });

  it('takes only memory of the right size', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    expect(() => WasmCore.createSync({ module, memoryBytes, bus: emptyBus, memory })).to.throw(
      RangeError,
      'memory of 65536 bytes to be used again: wanted 201326592 bytes',
    );
  });
});
