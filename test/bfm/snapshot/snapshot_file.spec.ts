// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import { readSnapshot, readSnapshotHeader, writeSnapshot } from '../../../src/bfm/snapshot/snapshot_file.js';
import { MAGIC } from '../../../src/bfm/snapshot/snapshot_header.js';
import type { SavedDriver } from '../../../src/driver/saved_driver.js';
import { randomNumbers } from '../../machine/random_numbers.js';
import { compareRuns, restoreMachine, saveMachine } from '../../../src/session/verify_state.js';
import { booted, cpuids, listOf, newMachine as newVmmMachine } from '../../session/vmm_guests.js';
import { facts, inFolder, inMemory, newMachine, placeOf, savedMachine } from './saved_machine.js';

const lengthAt = MAGIC.length + 32;

/** The file with another header, whose checksum is right. */
function withHeader(file: Buffer, change: (header: Record<string, unknown>) => unknown): Buffer {
  const end = lengthAt + 4 + file.readUInt32LE(lengthAt);
  const header = JSON.parse(file.toString('utf8', lengthAt + 4, end)) as Record<string, unknown>;
  const text = Buffer.from(JSON.stringify(change(header) ?? header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const digest = createHash('sha256').update(text).digest();
  return Buffer.concat([Buffer.from(MAGIC), digest, length, text, file.subarray(end)]);
}

async function errorOf(act: () => Promise<unknown>): Promise<Error> {
  return act().then(
    () => expect.fail('it was read'),
    (error: unknown) => error as Error,
  );
}

describe('snapshot_file', () => {
  it('gives another machine what it has written, and says what it is', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'saved');
      const pc = await savedMachine();
      const state = pc.save();
      expect(state.disks[0]!.blocks.numbers.length, 'the disk has been written').to.be.greaterThan(0);
      await writeSnapshot(path, state, facts, placeOf(pc));
      expect(readdirSync(folder)).to.deep.equal(['saved']);
      const snapshot = await readSnapshot(path);
      expect(inMemory(snapshot.state)).to.deep.equal(state);
      expect(snapshot.header).to.deep.include({ ...facts, ...placeOf(pc), memoryBytes: 16 << 20, processors: 2 });
      expect(readSnapshotHeader(path)).to.deep.equal(snapshot.header);
      const other = await newMachine();
      other.restore(snapshot.state);
      expect(other.stateHash()).to.equal(snapshot.header.stateHash);
      for (const each of [pc, other]) for (let turns = 0; turns < 10; turns++) each.runQuantum(() => true);
      expect([other.stateHash(), other.virtualTime]).to.deep.equal([pc.stateHash(), pc.virtualTime]);
    }));

  it('keeps the VMM, and names its modules in the header', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'saved');
      const list = listOf('example_cpuidcount');
      const machine = await booted(cpuids, [list]);
      machine.pc.runQuantum(() => true, cpuids.step);
      const saved = saveMachine(machine);
      const noDisk = { ...facts, disks: [] };
      await writeSnapshot(path, saved.machine, noDisk, placeOf(machine.pc), saved.driver);
      const { header, state, driver } = await readSnapshot(path);
      expect({ machine: inMemory(state), driver }).to.deep.equal(saved);
      const [{ file, hash } = { file: '', hash: '' }] = saved.driver.modules;
      expect(header.modules).to.deep.equal([{ name: file, sha256: hash }]);
      const other = await newVmmMachine(1, [list]);
      await restoreMachine(other, { machine: state, driver: driver! });
      expect(compareRuns(machine, other, 20).difference).to.equal(undefined);
      machine.driver.close();
    }));

  it('refuses a state that no snapshot has room for, and writes nothing', () =>
    inFolder(async (folder) => {
      const pc = await savedMachine();
      const driver = {
        image: { vmm: { part: { text: 'x'.repeat(65 << 20) } }, vcpus: new Map() },
      } as unknown as SavedDriver;
      const path = join(folder, 'large.snapshot');
      const failure: unknown = await writeSnapshot(path, pc.save(), facts, placeOf(pc), driver).catch(
        (error: unknown) => error,
      );
      expect(failure)
        .to.be.instanceOf(SnapshotError)
        .with.property('message')
        .that.matches(/^the state of the vmm takes \d+ bytes, and a snapshot has room for 67108864/);
      expect(existsSync(path)).to.equal(false);
    }));

  it('refuses a machine that has ended', async () => {
    const pc = await savedMachine();
    pc.chipset.bus.writePort(0xf4, 4, 0);
    const error = await errorOf(() => writeSnapshot('/nowhere', pc.save(), facts, placeOf(pc)));
    expect(error).to.be.instanceOf(SnapshotError);
    expect(error.message).to.match(/has ended/);
  });

  it('refuses what is no snapshot, and snapshots of other versions, by name', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'saved');
      const pc = await savedMachine();
      await writeSnapshot(path, pc.save(), facts, placeOf(pc));
      const file = readFileSync(path);
      const cases: readonly (readonly [Buffer, RegExp])[] = [
        [Buffer.alloc(0), /is no snapshot/],
        [Buffer.from('#!/bin/sh\n'), /is no snapshot/],
        [file.subarray(0, MAGIC.length + 3), /damaged snapshot: it ends within its header/],
        [file.subarray(0, 400), /damaged snapshot: it ends within its header/],
        [file.subarray(0, file.length - 1), /damaged snapshot: it has \d+ bytes instead of \d+/],
        [withHeader(file, (header) => ({ ...header, format: 7 })), /another version of bfm: it has format 7/],
        [withHeader(file, (header) => ({ ...header, layout: 'aa' })), /another version of bfm: it has layout aa/],
        [withHeader(file, () => 5), /damaged snapshot: its header/],
        [withHeader(file, (header) => ({ ...header, memoryBytes: 2 ** 40 })), /damaged snapshot: memoryBytes: /],
        [withHeader(file, (header) => ({ ...header, processors: 9 })), /damaged snapshot: processors: /],
        [withHeader(file, (header) => ({ ...header, processors: 3 })), /state of 2, 2, 2, 2 processors instead of 3/],
        [withHeader(file, (header) => ({ ...header, more: 1 })), /damaged snapshot: its header: /],
        [withHeader(file, (header) => ({ ...header, disks: [] })), /a section of a disk that it does not have/],
      ];
      for (const [bytes, message] of cases) {
        writeFileSync(path, bytes);
        const error = await errorOf(() => readSnapshot(path));
        expect(error, String(message)).to.be.instanceOf(SnapshotError);
        expect(error.message).to.match(message);
        expect(error.message).to.include(path);
      }
      const missing = await errorOf(() => readSnapshot(join(folder, 'none')));
      expect(missing).to.be.instanceOf(SnapshotError);
    }));

  it('finds each changed bit that matters', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'saved');
      const pc = await savedMachine();
      const state = pc.save();
      await writeSnapshot(path, state, facts, placeOf(pc));
      const file = readFileSync(path);
      const [other, hash] = [await newMachine(), pc.stateHash()];
      const next = randomNumbers(3);
      let refused = 0;
      for (let i = 0; i < 60; i++) {
        const changed = Buffer.from(file);
        const at = i < 20 ? next(lengthAt + 300) : next(file.length);
        changed[at] = changed[at]! ^ (1 << next(8));
        writeFileSync(path, changed);
        try {
          // Some bits mean nothing: those between the blocks of a stream, and those of a distance into a run of equal bytes.
          const changedState = (await readSnapshot(path)).state;
          other.restore(changedState);
          // A bit of a page is found by the state hash, as bfm run --restore does.
          if (other.stateHash() !== hash) refused++;
          else expect(inMemory(changedState), `byte ${at}`).to.deep.equal(state);
        } catch (error) {
          expect(error, `byte ${at}`).to.be.instanceOf(SnapshotError);
          refused++;
        }
      }
      expect(refused).to.be.greaterThan(50);
    }));
});
