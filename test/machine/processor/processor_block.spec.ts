// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BareflankError } from '../../../src/intrinsics/errors.js';
import { FieldSizes, Layout } from '../../../src/machine/layout/layout.js';
import { Sizes } from '../../../src/machine/layout/regions.js';
import { ProcessorBlock, type WritableRegister } from '../../../src/machine/processor/processor_block.js';
import {
  generalRegisterNames,
  segmentRegisterNames,
  type RegisterName,
  type SegmentRegister,
} from '../../../src/machine/processor/register_names.js';
import { Rights } from '../../support/processor_setup.js';
import { createTestCore, type TestCore } from '../../support/test_core.js';

/** A block over its own memory, and a count of how often the derived state was computed. */
function makeBlock(id = 0) {
  const bytes = new ArrayBuffer(Layout.PROCESSORS + Sizes.MAX_PROCESSORS * Sizes.PROCESSOR);
  const u32 = new Uint32Array(bytes);
  const it = { u32, updates: 0, load: (loaded: number): void => void (u32[Layout.PROCESSOR_ID / 4] = loaded) };
  const block = new ProcessorBlock({ u32, u64: new BigUint64Array(bytes) }, id, () => it.updates++);
  return { it, block };
}

const derived: readonly RegisterName[] = [
  'CPL',
  'MODE',
  'DECODE_MODE',
  'STACK_MASK',
  'CODE_MASK',
  'TLB_DATA',
  'TLB_FETCH',
  'CURRENT_RECORD',
  'ATTENTION',
];
const flatCode: SegmentRegister = { selector: 8, base: 0n, limit: 0xffffffff, rights: Rights.code64 };

/** Names that a test can write any number to: not parts, rows, what the core derives, the block's own number, or bookkeeping of the TLBs. */
const plainNames = Object.entries(FieldSizes)
  .filter(([name, size]) => size <= 8 && !/^(FR|FX|FC|RFLAGS_SYSTEM|PROCESSOR_ID|TLB_.*)$/.test(name))
  .map(([name]) => name)
  .filter((name) => !/_(SELECTOR|BASE|LIMIT|RIGHTS)$/.test(name) || /^(APIC_BASE|KERNEL_GS_BASE)$/.test(name))
  .filter((name) => !derived.includes(name as RegisterName)) as WritableRegister[];

describe('ProcessorBlock', () => {
  describe('.set', () => {
    it('writes what .get reads, for each register and each word of state', () => {
      const { block } = makeBlock();
      expect(plainNames).to.include.members(['RAX', 'R15', 'CR0', 'EFER', 'DR7', 'ACTIVITY', 'VMX_MODE']);
      plainNames.forEach((name, i) => block.set(name, 0x1000 + i));
      const read = plainNames.map((name) => Number(block.get(name)));
      expect(read).to.deep.equal(plainNames.map((_, i) => 0x1000 + i));
    });

    it('cuts a value to the width of the register', () => {
      const { block } = makeBlock();
      block.set('CR3', -1n);
      block.set('MXCSR', -1);
      expect(block.get('CR3')).to.equal(0xffffffff_ffffffffn);
      expect(block.get('MXCSR')).to.equal(0xffffffff);
    });

    it('writes segments and tables as a whole', () => {
      const { block } = makeBlock();
      segmentRegisterNames.forEach((name, i) =>
        block.set(name, { selector: 8 * i, base: BigInt(i) << 40n, limit: i, rights: 0x93 + i }),
      );
      block.load({ GDTR: { base: 1n << 50n, limit: 7 }, IDTR: { base: 3n, limit: 9 } });
      expect(block.get('TR')).to.deep.equal({ selector: 56, base: 7n << 40n, limit: 7, rights: 0x9a });
      expect(block.get('ES')).to.deep.equal({ selector: 0, base: 0n, limit: 0, rights: 0x93 });
      expect([block.get('GDTR'), block.get('IDTR')]).to.deep.equal([
        { base: 1n << 50n, limit: 7 },
        { base: 3n, limit: 9 },
      ]);
    });

    it('shows RFLAGS as software sees it, and keeps every flag', () => {
      const { block } = makeBlock();
      for (const flags of [0x2, 0x8d7, 0x47, 0x246, 0x3f7fd7]) {
        block.set('RFLAGS', flags);
        expect(block.get('RFLAGS'), flags.toString(16)).to.equal(BigInt(flags));
      }
    });

    it('makes RIP exact: no record of decoded code is at it', () => {
      const { it, block } = makeBlock();
      it.u32[Layout.CURRENT_RECORD / 4] = 0x1000000;
      block.set('RIP', 5);
      expect(it.u32[Layout.CURRENT_RECORD / 4]).to.equal(0);
    });
  });

  describe('.load', () => {
    it('works the derived state out once, after the last register, and only if a register asks for it', () => {
      const { it, block } = makeBlock();
      block.load({ CR0: 1, CR4: 0x20, EFER: 0x500, SS: flatCode });
      expect(it.updates).to.equal(1);
      block.load(Object.fromEntries(generalRegisterNames.map((name) => [name, 1])));
      expect(it.updates).to.equal(1);
    });
  });

  describe('the derived state of a core', () => {
    let core: TestCore;
    let reset: Uint8Array;
    const block = (): ProcessorBlock => core.cpu.block;
    const derivedState = (): unknown[] => derived.map((name) => block().get(name));

    before(async () => {
      core = await createTestCore(0x100000);
      reset = core.u8.slice(Layout.PROCESSOR, Layout.PROCESSOR + Sizes.PROCESSOR);
    });

    /** The processor in real-address mode, in 64-bit mode, and as a guest in 64-bit mode at CPL 3. */
    const situations: readonly (() => void)[] = [
      () => {},
      () => block().load({ CR0: 0x80000031, CR4: 0x20, EFER: 0x500, CS: flatCode }),
      () => {
        const user = { ...flatCode, rights: Rights.code64 | Rights.user };
        block().load({ CR0: 0x80000031, CR4: 0x20, EFER: 0x500, CS: user, SS: user, VMX_MODE: 2, VMX_EPTP: 0x1000 });
      },
    ];

    it('is right after a load: mode, masks and CPL', () => {
      situations[2]!();
      expect(derivedState().slice(0, 5)).to.deep.equal([3, 0x1d, 2, 0xffffffff_ffffffffn, 0xffffffff_ffffffffn]);
    });

    for (const [i, situation] of situations.entries()) {
      it(`is right after a write to any one register, in situation ${i}`, () => {
        const values = [0, 1, 2, 0x100, 0x80000000, 0xffffffff];
        for (const name of plainNames) {
          for (const value of values) {
            core.u8.set(reset, Layout.PROCESSOR);
            core.cpu.stateLoaded();
            situation();
            block().set(name, value);
            const shown = derivedState();
            core.cpu.stateLoaded();
            expect(shown, `${name} = 0x${value.toString(16)}`).to.deep.equal(derivedState());
          }
        }
      });
    }
  });

  describe('of a parked processor', () => {
    it('is looked up at each access: the loaded one is at one address, a parked one at its own', () => {
      const { it, block } = makeBlock(2);
      it.load(2);
      block.set('RAX', 1);
      it.load(0);
      block.set('RAX', 2);
      const parked = Layout.PROCESSORS + 2 * Sizes.PROCESSOR + (Layout.RAX - Layout.PROCESSOR);
      expect([it.u32[Layout.RAX / 4], it.u32[parked / 4]]).to.deep.equal([1, 2]);
      expect(block.get('RAX')).to.equal(2n);
      it.load(2);
      expect(block.get('RAX')).to.equal(1n);
    });

    it('takes pins, but refuses registers that the core derives state from', () => {
      const { it, block } = makeBlock(1);
      block.set('ATTENTION', 4);
      expect(block.get('ATTENTION')).to.equal(4);
      expect(() => block.load({ RAX: 1, CR0: 1, CR3: 2 })).to.throw(BareflankError, /processor 1 is parked: CR0, CR3/);
      expect([block.get('RAX'), block.get('CR0'), it.updates]).to.deep.equal([0n, 0n, 0]);
    });

    it('is cleared in its own place and keeps its number', () => {
      const { it, block } = makeBlock(1);
      it.load(1);
      block.set('RBX', 7);
      block.clear();
      expect([block.get('RBX'), block.isLoaded]).to.deep.equal([0n, true]);
    });
  });
});
