// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { machinePartText, parseMachinePart } from '../../../src/bfm/snapshot/machine_part.js';
import { savedMachine } from './saved_machine.js';

type Json = Record<string, never> & { processors: Record<string, unknown>[]; scheduler: Record<string, unknown> };

describe('machine_part', () => {
  it('gives back processors, devices, schedule and records', async () => {
    const state = (await savedMachine()).save();
    const { processors, devices, scheduler, records, debugExit } = state;
    expect(parseMachinePart(machinePartText(state), 2)).to.deep.equal({
      processors,
      devices,
      scheduler,
      records,
      debugExit,
    });
  });

  it('refuses arrays of the wrong length, entries that do not fit together, and what it does not know', async () => {
    const text = machinePartText((await savedMachine()).save());
    const bytes = (length: number): string => Buffer.alloc(length, 1).toString('base64');
    const tlb = { places: '', linear: '', frames: '', writable: '', flags: '', log: '' };
    const set = (change: object) => (json: Json) => (json.processors[0]!.tlbs = [{ ...tlb, ...change }, tlb]);
    const changes: readonly (readonly [(json: Json) => unknown, RegExp])[] = [
      [(json) => (json.processors[1]!.block = bytes(4095)), /processors\.1\.block: 4095 bytes have the wrong length/],
      [(json) => (json.processors[0]!.block = '*'), /processors\.0\.block: /],
      [(json) => (json.processors[0]!.msrs = bytes(12)), /processors\.0\.msrs: 12 bytes/],
      [(json) => (json.processors[0]!.history = bytes(8)), /processors\.0\.history: 8 bytes/],
      [(json) => (json.processors[0]!.other = 1), /processors\.0: /],
      [(json) => json.processors.pop(), /state of 1, 2, 2, 2 processors instead of 2/],
      [(json) => (json.scheduler.plan = [2, 5]), /processors instead of 2/],
      [(json) => (json.scheduler.time = -1), /scheduler\.time/],
      [set({ places: bytes(2) }), /entries of a TLB do not fit together/],
      [set({ log: bytes(3) }), /log: 3 bytes/],
      [set({ log: Buffer.from(Uint16Array.of(60000).buffer).toString('base64') }), /entries of a TLB/],
    ];
    for (const [change, message] of changes) {
      const json = JSON.parse(text) as Json;
      change(json);
      expect(() => parseMachinePart(JSON.stringify(json), 2)).to.throw(message);
    }
    expect(() => parseMachinePart('{', 2)).to.throw();
  });
});
