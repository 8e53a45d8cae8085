// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { Guest, GuestMachine, type ExitRecord, type GuestOptions } from './guest_machine.js';

const controls = {
  PrimaryProcessorBasedVmExecutionControls: 0x04006172n | 0x80n | (1n << 25n) | (1n << 28n) | 0x80000000n,
  EptPointer: BigInt(Guest.EptPml4) | 0x1en,
} as const;
const enableEpt = 2n;
const enableVpid = 0x20n;
const unrestricted = 0x80n;

/** A guest-physical page that the tests take rights from: 2 MiB + 64 KiB. */
const page = 0x210000;

/** Identity EPT of 16 MiB by 2-MiB pages; the second is split into 4-KiB pages. */
function identity(machine: GuestMachine): void {
  machine.write64(Guest.EptPml4, BigInt(Guest.EptPdpt) | 7n);
  machine.write64(Guest.EptPdpt, BigInt(Guest.EptPd) | 7n);
  for (let i = 0; i < 8; i++) machine.write64(Guest.EptPd + 8 * i, BigInt(i * 0x200000) | 0xb7n);
  machine.write64(Guest.EptPd + 8, BigInt(Guest.EptPt) | 7n);
  for (let i = 0; i < 512; i++) machine.write64(Guest.EptPt + 8 * i, BigInt(0x200000 + i * 0x1000) | 0x37n);
}

/** Sets the EPT entry of `page`. */
const entry = (machine: GuestMachine, value: bigint): void => machine.write64(Guest.EptPt + 8 * 0x10, value);

async function make(options: GuestOptions): Promise<GuestMachine> {
  const machine = await GuestMachine.create({
    ...options,
    code: [...options.code, 'hlt'],
    fields: { ...controls, SecondaryProcessorBasedVmExecutionControls: enableEpt, ...options.fields },
    prepare: (made) => {
      identity(made);
      options.prepare?.(made);
    },
  });
  machine.run();
  return machine;
}

/** Gives the page its rights back, and drops its cached translations. */
const repair = (_: ExitRecord, machine: GuestMachine): boolean => {
  entry(machine, BigInt(page) | 0x37n);
  machine.processor.engine.instructions.invept(2, 0, 0, 0, true);
  return true;
};

describe('EPT on real guest code', () => {
  it('translates guest-physical addresses', async () => {
    const machine = await make({
      code: [`mov rax, [${page}]`],
      prepare: (made) => {
        entry(made, BigInt(page + 0x1000) | 0x37n);
        made.write64(page, 0x11n);
        made.write64(page + 0x1000, 0x22n);
      },
    });
    expect(machine.exits).to.deep.equal([]);
    expect(machine.register(0)).to.equal(0x22n);
  });

  for (const [what, code, rights, access, allowed] of [
    ['a load from a page without rights', `mov rax, [${page + 8}]`, 0n, 1, 0],
    ['a store to a read-only page', `mov [${page + 8}], rax`, 1n, 2, 1],
    ['a fetch from a page without execute', `mov eax, ${page + 8}; jmp rax`, 3n, 4, 3],
    ['a load from an execute-only page', `mov rax, [${page + 8}]`, 4n, 1, 4],
  ] as const) {
    it(`reports ${what} as a violation with both addresses`, async () => {
      const machine = await make({
        code: code.split('; '),
        onExit: repair,
        prepare: (made) => {
          entry(made, BigInt(page) | (rights === 0n ? 0n : 0x30n) | rights);
          made.write8(page + 8, 0xf4);
        },
      });
      expect(machine.exits.length).to.equal(1);
      const [exit] = machine.exits;
      expect(exit).to.include({
        reason: ExitReason.EptViolation,
        linear: BigInt(page + 8),
        physical: BigInt(page + 8),
      });
      expect(Number(exit!.qualification) & 7, 'access').to.equal(access);
      expect((Number(exit!.qualification) >> 3) & 7, 'rights').to.equal(allowed);
      expect(Number(exit!.qualification) & 0x180, 'linear address valid, final translation').to.equal(0x180);
      expect(machine.processor.death, 'the guest goes on').to.equal('the guest halted');
    });
  }

  it('says that the access was to a page table of the guest', async () => {
    const machine = await make({
      code: ['mov rax, [0x600000]'],
      onExit: repair,
      prepare: (made) => {
        made.write64(Guest.Pd + 8 * 3, BigInt(page) | 7n);
        made.write64(page, 0x600007n);
        entry(made, 0n);
      },
    });
    expect(machine.exits.length).to.be.at.least(1);
    expect(machine.exits[0]).to.include({ reason: ExitReason.EptViolation, physical: BigInt(page), linear: 0x600000n });
    expect(Number(machine.exits[0]!.qualification) & 0x180).to.equal(0x80);
  });

  it('reports misconfigurations: write without read, a bad memory type', async () => {
    for (const bad of [2n, 6n, 7n | (2n << 3n), 7n | (7n << 3n)]) {
      const machine = await make({
        code: [`mov rax, [${page}]`],
        onExit: repair,
        prepare: (made) => entry(made, BigInt(page) | bad),
      });
      expect(machine.exits[0], bad.toString(16)).to.include({
        reason: ExitReason.EptMisconfiguration,
        physical: BigInt(page),
        qualification: 0n,
      });
    }
  });

  it('sets accessed and dirty flags if the EPT pointer enables them', async () => {
    const machine = await make({
      code: [`mov rax, [${page}]`, `mov [${page + 0x1000}], rax`],
      fields: { EptPointer: BigInt(Guest.EptPml4) | 0x5en },
    });
    expect(machine.exits).to.deep.equal([]);
    expect(machine.read64(Guest.EptPt + 8 * 0x10) & 0x300n).to.equal(0x100n);
    expect(machine.read64(Guest.EptPt + 8 * 0x11) & 0x300n).to.equal(0x300n);
  });

  describe('with mode-based execute control', () => {
    const mbec = {
      SecondaryProcessorBasedVmExecutionControls: enableEpt | BigInt(SecondaryControl.ModeBasedExecuteControlForEpt),
    };
    const userExecute = 0x400n;
    const [userPage, supervisorPage] = [0x87n, 0x83n];

    /** Jumps to the page, which returns. `guestEntry`: flags of the guest's entry that maps it. */
    const call = (rights: bigint, guestEntry: bigint): Promise<GuestMachine> =>
      make({
        code: [`mov eax, ${page}`, 'call rax'],
        fields: mbec,
        onExit: (_exit, made) => {
          entry(made, BigInt(page) | 0x437n);
          made.processor.engine.instructions.invept(2, 0, 0, 0, true);
          return true;
        },
        prepare: (made) => {
          // The code and the guest's own tables are at user-mode addresses.
          for (let i = 0; i < 8; i++) made.write64(Guest.EptPd + 8 * i, made.read64(Guest.EptPd + 8 * i) | userExecute);
          made.write64(Guest.EptPml4, BigInt(Guest.EptPdpt) | 7n | userExecute);
          made.write64(Guest.EptPdpt, BigInt(Guest.EptPd) | 7n | userExecute);
          made.write64(Guest.Pd + 8, 0x200000n | guestEntry);
          entry(made, BigInt(page) | 0x30n | rights);
          made.write8(page, 0xc3);
        },
      });

    it('lets user-mode addresses be executed by bit 10, and supervisor-mode addresses by bit 2', async () => {
      expect((await call(1n | userExecute, userPage)).exits).to.deep.equal([]);
      expect((await call(1n | 4n, supervisorPage)).exits).to.deep.equal([]);
    });

    it('reports a fetch without the right of its mode, and both rights', async () => {
      const [user, supervisor] = [await call(1n | 4n, userPage), await call(1n | userExecute, supervisorPage)];
      const qualifications = [user, supervisor].map(({ exits }) => exits.map(({ qualification }) => qualification));
      // A fetch; readable, and executable in the other mode; with a linear address; its translation.
      expect(qualifications).to.deep.equal([[0x1acn], [0x1ccn]]);
    });

    it('makes an entry with bit 10 alone one that is present', async () => {
      const machine = await call(userExecute, userPage);
      expect(machine.exits).to.deep.equal([]);
    });
  });

  describe('with a page-modification log', () => {
    const log = 0x80000;
    const pml = { EptPointer: BigInt(Guest.EptPml4) | 0x5en, PmlAddress: BigInt(log) };
    const enablePml = BigInt(SecondaryControl.EnablePml);

    it('logs each page that becomes dirty, and only once, from the highest entry down', async () => {
      const machine = await make({
        code: [
          `mov [${page + 8}], rax`,
          `mov [${page}], rax`,
          `mov rax, [${page + 0x1000}]`,
          `mov [${page + 0x2abc}], al`,
        ],
        // Accesses to the guest's page tables count as writes: their page is dirty before.
        prepare: (made) => made.write64(Guest.EptPd, 0x3b7n),
        fields: { ...pml, SecondaryProcessorBasedVmExecutionControls: enableEpt | enablePml, PmlIndex: 511n },
      });
      expect(machine.exits).to.deep.equal([]);
      const entries = [511, 510, 509].map((index) => machine.read64(log + 8 * index));
      expect(entries).to.deep.equal([BigInt(page), BigInt(page + 0x2000), 0n]);
      expect(machine.field('PmlIndex')).to.equal(509n);
    });

    it('exits when the log is full, before the flag is set, and goes on after the VMM emptied it', async () => {
      const machine = await make({
        code: [`mov [${page}], rax`, `mov [${page + 0x1000}], rax`],
        prepare: (made) => made.write64(Guest.EptPd, 0x3b7n),
        fields: { ...pml, SecondaryProcessorBasedVmExecutionControls: enableEpt | enablePml, PmlIndex: 0n },
        onExit: (_exit, made) => {
          expect(made.field('PmlIndex')).to.equal(0xffffn);
          expect(made.read64(Guest.EptPt + 8 * 0x11) & 0x300n, 'accessed and dirty').to.equal(0n);
          made.setField('PmlIndex', 511n);
          return true;
        },
      });
      expect(machine.exits.map(({ reason, qualification }) => [reason, qualification])).to.deep.equal([
        [ExitReason.PageModificationLogFull, 0n],
      ]);
      expect(machine.read64(log)).to.equal(BigInt(page));
      expect(machine.read64(log + 8 * 511)).to.equal(BigInt(page + 0x1000));
    });
  });

  it('reports the event whose delivery met the violation', async () => {
    const machine = await make({
      code: ['ud2'],
      onExit: repair,
      fields: { GuestRsp: BigInt(page + 0x800) },
      prepare: (made) => entry(made, BigInt(page) | 0x31n),
    });
    expect(machine.exits[0]).to.include({ reason: ExitReason.EptViolation, vectoring: 0x80000306 });
  });

  it('remembers translations of a VPID until INVEPT', async () => {
    let changed = false;
    const options: GuestOptions = {
      code: [`mov esi, ${page}`, 'mov rdi, [rsi]', 'cpuid', 'mov rbx, [rsi]'],
      fields: {
        SecondaryProcessorBasedVmExecutionControls: enableEpt | enableVpid,
        VirtualProcessorIdentifier: 1n,
      },
      prepare: (made) => made.write64(page + 0x1000, 0x33n),
      onExit: (_, machine) => {
        entry(machine, BigInt(page + 0x1000) | 0x37n);
        if (changed) machine.processor.engine.instructions.invept(1, 0, Guest.EptPml4 | 0x1e, 0, true);
      },
    };
    const stale = await make(options);
    expect(stale.register(3), 'without INVEPT').to.equal(0n);
    changed = true;
    const fresh = await make(options);
    expect(fresh.register(3), 'with INVEPT').to.equal(0x33n);
  });

  it('lets an unrestricted guest run in real mode', async () => {
    const real = { selector: 0n, base: 0n, limit: 0xffffn };
    const segment = (name: 'Es' | 'Ss' | 'Ds' | 'Fs' | 'Gs'): GuestOptions['fields'] => ({
      [`Guest${name}Selector`]: real.selector,
      [`Guest${name}Base`]: real.base,
      [`Guest${name}Limit`]: real.limit,
      [`Guest${name}AccessRights`]: 0x93n,
    });
    const machine = await make({
      bits: 16,
      code: ['mov eax, cr0', 'inc bx', 'cpuid', 'inc bx'],
      fields: {
        SecondaryProcessorBasedVmExecutionControls: enableEpt | unrestricted,
        VmEntryControls: 0x11ffn,
        GuestCr0: 0x30n,
        GuestCr4: 0x2000n,
        GuestCsSelector: 0x1000n,
        GuestCsBase: 0x10000n,
        GuestCsLimit: 0xffffn,
        GuestCsAccessRights: 0x9bn,
        GuestRip: 0n,
        ...segment('Es'),
        ...segment('Ss'),
        ...segment('Ds'),
        ...segment('Fs'),
        ...segment('Gs'),
      },
    });
    expect(machine.processor.death).to.equal('the guest halted');
    expect(machine.exits.map((exit) => [exit.reason, exit.rip])).to.deep.equal([[ExitReason.Cpuid, 4n]]);
    expect(machine.register(3) & 0xffffn).to.equal(2n);
    expect(machine.register(0) & 1n, 'PE').to.equal(0n);
  });
});
