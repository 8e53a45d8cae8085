// SPDX-License-Identifier: LGPL-2.1-only
// A law: whatever a machine keeps, a snapshot holds it, or an exception here says why not. Two machines are compared field by field, private ones too.
import { expect } from 'chai';
import { regions } from '../../../src/machine/layout/regions.js';
import { PCI_MEMORY } from '../../../src/machine/devices/pci/pci_routing.js';
import { Pc } from '../../../src/machine/pc.js';
import {
  constantRegions,
  debuggingRegions,
  compiledRegions,
  measuringRegions,
  rebuiltRegions,
  savedRegions,
  transientRegions,
} from '../../../src/machine/state/registry.js';
import { CopyOnWriteDisk } from '../../../src/session/copy_on_write_disk.js';
import { coreModule } from '../../support/test_core.js';
import { raceGuest } from '../race_guest.js';
import { randomNumbers } from '../random_numbers.js';

const exceptions: readonly (readonly [path: RegExp, why: string])[] = [
  [/\.options\b/, 'given by the owner of the machine'],
  [/\.bus\.high$|\.halves\b|\.exitInstructions\b/, 'scratch of one call'],
  [/\.changedSlots\b/, 'a list behind whose count old entries stay'],
  [/\.pendingRules\b|\.pendingCount$/, 'marks of the VM-entry rules, which are rebuilt'],
  [/\.exitOutcome\b/, 'written again before it is read'],
  [/\.written\b/, 'which pages were written since somebody looked'],
  [/\.slots\.\d\.end$/, 'of a turn that is over; that of the present turn is in `Scheduler.save`'],
];

type Visit = (path: string, first: unknown, second: unknown) => void;

/** Calls `report` for each path at which two graphs of objects differ. Functions and views of the machine's memory are left out. */
function compare(first: unknown, second: unknown, memories: ReadonlySet<unknown>, report: Visit): void {
  const seen = new Set<unknown>();
  const visit: Visit = (path, a, b) => {
    if (exceptions.some(([pattern]) => pattern.test(path)) || typeof a === 'function') return;
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
      if (!Object.is(a, b)) report(path, a, b);
      return;
    }
    if (seen.has(a) || memories.has(a) || (ArrayBuffer.isView(a) && memories.has(a.buffer))) return;
    if (a instanceof WebAssembly.Module || a instanceof WebAssembly.Memory) return;
    seen.add(a);
    if (a instanceof Map || a instanceof Set) return visit(`${path}.*`, [...a], [...(b as typeof a)]);
    if (ArrayBuffer.isView(a)) {
      const [left, right] = [a, b].map((view) => Buffer.from((view as Uint8Array).buffer).toString('base64'));
      return left === right ? undefined : report(path, a, b);
    }
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      visit(`${path}.${key}`, (a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]);
  };
  visit('pc', first, second);
}

function differences(first: Pc, second: Pc): string[] {
  const found: string[] = [];
  const memories = new Set([first, second].flatMap(({ core }) => [core.u8.buffer, core.memory]));
  compare(first, second, memories, (path, a, b) => found.push(`${path}: ${String(a)}, ${String(b)}`));
  return found;
}

async function newPc(): Promise<Pc> {
  return Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors: 4,
    disks: [new CopyOnWriteDisk({ bytes: 0x8000, read: (_, into) => into.fill(7) })],
    virtioConsole: { input: Uint8Array.of(1, 2, 3), output: () => {} },
    testDevice: true,
    com1: () => {},
    com2: () => {},
  });
}

const ports = [
  0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x40, 0x42, 0x43, 0x61, 0x70, 0x71, 0x60, 0x64, 0x3f8, 0x3f9, 0x3fb, 0x3fc, 0x3ff,
  0x2f9, 0x2fc, 0x80, 0xe0, 0xf0, 0x600, 0x602, 0x510, 0x511, 0xcf8, 0xcfc, 0x2005,
];
const addresses = [
  0xfec00000, 0xfec00010, 0xfed00010, 0xfed000f0, 0xfed00100, 0xfed00108, 0xfee00080, 0xfee00320, 0xfee00380,
  0xff000000,
];

/** Writes random values to all kinds of device registers. Nothing here switches the machine off. */
function useDevices({ chipset }: Pc, next: (limit: number) => number): void {
  for (let i = 0; i < 2000; i++) {
    const value = next(2 ** 32);
    if (next(2) === 0) {
      const port = ports[next(ports.length)]!;
      const size = port === 0xcf8 ? 4 : 1;
      const safe =
        port === 0x64
          ? 0x60
          : port === 0x60
            ? 0x47
            : port === 0xcf8
              ? 0x80000000 | (next(4) << 11) | (next(64) << 2)
              : value;
      if (next(3) === 0) chipset.bus.readPort(port, size);
      else chipset.bus.writePort(port, size, safe);
    } else {
      // registers of PCI functions, where firmware has put them; the others at fixed addresses
      const inPci = PCI_MEMORY.first + next(6) * 0x4000 + next(24) * 4;
      const address = next(2) === 0 ? inPci : addresses[next(addresses.length)]!;
      if (next(3) === 0) chipset.readMemory(address, 4);
      else chipset.writeMemory(address, 4, value);
    }
  }
  chipset.com1.receive([1, 2, 3]);
  chipset.localApics[1]!.pulseLint1();
}

describe('A snapshot', () => {
  it('holds each field of a machine that has run and whose devices have been used', async () => {
    const pc = await newPc();
    pc.boot({ kernel: { name: 'race', bytes: raceGuest(4, 50) }, modules: [], append: '' });
    for (let turns = 0; turns < 5; turns++) pc.runQuantum(() => true);
    const next = randomNumbers(5);
    for (let rounds = 0; rounds < 2; rounds++) {
      useDevices(pc, next);
      const other = await newPc();
      expect(differences(pc, other).length, 'they differ before').to.be.greaterThan(100);
      other.restore(pc.save());
      expect(pc.stateHash()).to.equal(other.stateHash());
      expect(differences(pc, other).join('; ')).to.equal('');
    }
  });

  it('has a place in the registry for each region of the memory', () => {
    const lists = [
      savedRegions,
      constantRegions,
      rebuiltRegions,
      transientRegions,
      measuringRegions,
      debuggingRegions,
      compiledRegions,
    ].flat();
    expect([...lists].sort()).to.deep.equal(Object.keys(regions).sort());
  });
});
