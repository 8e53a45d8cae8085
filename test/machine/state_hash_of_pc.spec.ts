// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { restore, stub } from 'sinon';
import { FieldSizes, Layout } from '../../src/machine/layout/layout.js';
import { Pc } from '../../src/machine/pc.js';
import type { ProcessorBlock, WritableRegister } from '../../src/machine/processor/processor_block.js';
import {
  hashedRegisters,
  hashedRows,
  notHashed,
  signals,
  waitingEvent,
} from '../../src/machine/processor/processor_state.js';
import { segmentRegisterNames, type RegisterName } from '../../src/machine/processor/register_names.js';
import { supportedFields, slotOf } from '../../src/machine/vmx/vmcs/field_slots.js';
import { hashedInGuest, hashedVmxRegisters, notHashedVmx } from '../../src/machine/vmx/hashed_vmx_state.js';
import { coreModule } from '../support/test_core.js';

const memoryBytes = 16 << 20;

async function makePc(): Promise<Pc> {
  const ignore = (): void => {};
  return Pc.create({ coreModule: await coreModule(), memoryBytes, com1: ignore, com2: ignore });
}

/** Calls `check` with the hash after each change of one register, which is taken back. */
function eachChanged(pc: Pc, names: readonly RegisterName[], check: (name: string, hash: string) => void): void {
  const { block } = pc.core;
  for (const name of names) {
    const before = block.get(name);
    change(block, name);
    check(name, pc.stateHash());
    block.set(name as WritableRegister, before as never);
  }
}

/** Another value of a register, by its lowest bit that can differ. */
function change(block: ProcessorBlock, name: RegisterName): void {
  const value = block.get(name);
  if (typeof value === 'object') block.set(name as 'GDTR', { ...value, limit: value.limit ^ 1 });
  else if (typeof value === 'bigint') block.set(name as 'RAX', value ^ 1n);
  else block.set(name as 'MXCSR', value ^ 1);
}

/** What a word of the layout belongs to, as the block names it. */
function registerOf(word: string): string {
  if (/^(FR|FX|FC|RFLAGS_SYSTEM)$/.test(word)) return 'RFLAGS';
  const part = /^(.*)_(SELECTOR|BASE|LIMIT|RIGHTS)$/.exec(word)?.[1] ?? '';
  return [...segmentRegisterNames, 'GDTR', 'IDTR'].includes(part) ? part : word;
}

describe('Pc.stateHash', () => {
  afterEach(() => restore());

  it('covers each word of the processor block, or the list of exceptions says why not', () => {
    const covered = new Set<string>([
      ...hashedRegisters,
      ...hashedRows,
      ...waitingEvent,
      ...hashedVmxRegisters,
      ...hashedInGuest,
      ...['ATTENTION', 'SIPI_VECTOR', 'FAULT_PENDING', 'VMX_LAUNCHED_IN'],
    ]);
    const excepted = (name: string): boolean =>
      (notHashed as readonly string[]).includes(name) || notHashedVmx.some((pattern) => pattern.test(name));
    const words = Object.keys(FieldSizes).filter((name) => !name.startsWith('TLB_') || excepted(name));
    const wrong = words.filter((word) => covered.has(registerOf(word)) === excepted(registerOf(word)));
    expect(wrong).to.deep.equal([]);
  });

  it('is the same for equal processors whose lazy flags differ', async () => {
    const [first, second] = [await makePc(), await makePc()];
    first.core.block.set('RFLAGS', 0x8d7);
    // ZF and SF at once cannot come of one result: the inverting bits say so, in two ways.
    second.core.block.set('RFLAGS', 0x8d7);
    const { u32 } = second.core;
    expect(u32[Layout.FR / 4]).to.equal(0);
    first.core.block.set('RFLAGS', 0x2);
    second.core.block.set('RFLAGS', 0x2);
    u32[Layout.FR / 4] = 0x70;
    expect(second.core.block.get('RFLAGS')).to.equal(0x2n);
    expect(second.stateHash()).to.equal(first.stateHash());
    u32[Layout.FR / 4] = 0x71;
    expect(second.core.block.get('RFLAGS'), 'PF').to.equal(0x6n);
    expect(second.stateHash()).to.not.equal(first.stateHash());
  });

  it('changes with each listed register alone', async () => {
    const pc = await makePc();
    const base = pc.stateHash();
    const names = hashedRegisters.filter((name) => name !== 'PROCESSOR_ID');
    eachChanged(pc, names, (name, hash) => expect(hash, name).to.not.equal(base));
    expect(pc.stateHash(), 'all taken back').to.equal(base);
    for (const name of hashedRows) {
      const row = pc.core.block.row(name);
      row[row.length - 1]! ^= 1n;
      expect(pc.stateHash(), name).to.not.equal(base);
      row[row.length - 1]! ^= 1n;
    }
    expect(pc.stateHash(), 'all taken back').to.equal(base);
  });

  it('changes with each signal and with the event that waits, and with nothing of an event that does not', async () => {
    const pc = await makePc();
    const { block } = pc.core;
    const base = pc.stateHash();
    for (let bit = 1; bit <= 0x80; bit <<= 1) {
      block.set('ATTENTION', bit);
      if ((signals & bit) !== 0) expect(pc.stateHash(), `bit ${bit}`).to.not.equal(base);
      else expect(pc.stateHash(), `bit ${bit}`).to.equal(base);
    }
    block.set('ATTENTION', 0);
    eachChanged(pc, waitingEvent, (name, hash) => expect(hash, name).to.equal(base));
    block.set('FAULT_PENDING', 1);
    const waiting = pc.stateHash();
    expect(waiting).to.not.equal(base);
    eachChanged(pc, waitingEvent, (name, hash) => expect(hash, name).to.not.equal(waiting));
  });

  it('changes with each part of VMX alone, and with each field of the current VMCS', async () => {
    const pc = await makePc();
    const { block } = pc.core;
    const { vmcs } = pc.processors[0]!.engine;
    vmcs.region = 0x2000;
    const root = pc.stateHash();
    eachChanged(pc, hashedInGuest, (name, hash) => expect(hash, name).to.equal(root));
    block.set('VMX_MODE', 2);
    const base = pc.stateHash();
    eachChanged(pc, [...hashedVmxRegisters, ...hashedInGuest, 'VMX_LAUNCHED_IN'], (name, hash) =>
      expect(hash, name).to.not.equal(base),
    );
    for (const field of supportedFields) {
      const half = slotOf(field) << 1;
      vmcs.halves[half]! ^= 1;
      expect(pc.stateHash(), field.toString(16)).to.not.equal(base);
      vmcs.halves[half]! ^= 1;
    }
    vmcs.instruction[0] = 1;
    expect(pc.stateHash(), 'instruction of the exit').to.not.equal(base);
    vmcs.instruction[0] = 0;
    expect(pc.stateHash(), 'all taken back').to.equal(base);
  });

  it('changes with each MSR of the table, with RAM, and with each device', async () => {
    const pc = await makePc();
    const base = pc.stateHash();
    pc.core.model.msrs.forEach(({ address }, i) => {
      const at = Layout.MSR_TABLE / 8 + 4 * i + 1;
      pc.core.u64[at]! ^= 1n;
      expect(pc.stateHash(), address.toString(16)).to.not.equal(base);
      pc.core.u64[at]! ^= 1n;
    });
    const states = pc.chipset.save();
    expect(Object.keys(states).length).to.be.greaterThan(8);
    const save = stub(pc.chipset, 'save');
    for (const name of Object.keys(states)) {
      save.returns({ ...states, [name]: { ...states[name], changed: 1 } });
      expect(pc.stateHash(), name).to.not.equal(base);
    }
    save.returns(states);
    expect(pc.stateHash(), 'all taken back').to.equal(base);
    pc.ram[0x5000] = 1;
    pc.core.dirtyPages[5] = 1;
    expect(pc.stateHash(), 'RAM').to.not.equal(base);
  });
});
