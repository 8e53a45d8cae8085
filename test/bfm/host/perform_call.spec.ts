// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { DriverCommands } from '../../../src/bfm/host/driver_commands.js';
import { CommandError } from '../../../src/bfm/host/host_errors.js';
import { performCall } from '../../../src/bfm/host/perform_call.js';

/** Commands that write down what they are told. */
function commands() {
  const told: unknown[] = [];
  const fake = {
    load: (...all: unknown[]) => void told.push(['load', ...all]),
    unload: () => void told.push('unload'),
    start: () => void told.push('start'),
    stop: () => void told.push('stop'),
    vmcall: (...all: unknown[]) => (told.push(['vmcall', ...all]), { r01: 0n, r02: 255n }),
    vmcallData: (...all: unknown[]) => (told.push(['vmcallData', ...all]), Uint8Array.of(1, 2)),
  };
  return { told, commands: fake as unknown as DriverCommands };
}

describe('performCall', () => {
  it('calls the driver with what came as JSON, and answers in JSON', async () => {
    const { told, commands: one } = commands();
    expect(await performCall(one, 'load', { files: ['a'], settings: { x: '1' } })).to.equal(null);
    for (const method of ['start', 'stop', 'unload']) expect(await performCall(one, method, {})).to.equal(null);
    const registers = { r00: '0x2', r02: '16' };
    expect(await performCall(one, 'vmcall', { cpuid: 1, registers })).to.deep.equal({
      registers: { r01: '0x0', r02: '0xff' },
    });
    const answer = await performCall(one, 'vmcallData', { cpuid: 0, type: 2, data: 'aGk=' });
    expect(answer).to.deep.equal({ data: 'AQI=' });
    expect(told).to.deep.equal([
      ['load', ['a'], { x: '1' }],
      'start',
      'stop',
      'unload',
      ['vmcall', 1, { r00: 2n, r02: 16n }],
      ['vmcallData', 0, 2, Buffer.from('hi')],
    ]);
  });

  it('refuses what is no call of a driver, and parameters of another shape', async () => {
    const { told, commands: one } = commands();
    for (const [method, params] of [
      ['toString', {}],
      ['dump', {}],
      ['vmcall', { cpuid: 'x', registers: {} }],
    ] as const) {
      const error: unknown = await performCall(one, method, params).catch((reason: unknown) => reason);
      expect(error, method).to.be.instanceOf(CommandError);
    }
    expect(told).to.deep.equal([]);
  });
});
