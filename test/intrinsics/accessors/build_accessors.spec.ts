// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { camelCase, lazilyInEach, makeWordAccessor } from '../../../src/intrinsics/accessors/build_accessors.js';
import type { BitAccess, BitsAccess } from '../../../src/intrinsics/accessors/accessor_types.js';
import type { WordSource } from '../../../src/intrinsics/accessors/word_source.js';
import { bits, prefixed, scattered, type BitField } from '../../../src/intrinsics/bit_fields.js';
import { ValueRangeError } from '../../../src/intrinsics/errors.js';

interface Fake extends WordSource {
  value: bigint;
  isThere: boolean;
  readonly warnings: string[];
}

function fakeSource(value: bigint): Fake {
  const fake: Fake = {
    value,
    isThere: true,
    warnings: [],
    label: 'WORD (0x1) field',
    exists: () => fake.isThere,
    read: () => fake.value,
    write: (next) => void (fake.value = next),
    change: (mask, next) => void (fake.value = (fake.value & ~mask) | (next & mask)),
    warn: (text) => void fake.warnings.push(text),
  };
  return fake;
}

function word(value: bigint, fields: readonly BitField[], values: Readonly<Record<string, number>> = {}) {
  const source = fakeSource(value);
  const accessor = makeWordAccessor(source, { name: 'word', bytes: 4, fields, values });
  return { source, accessor, parts: accessor as unknown as Record<string, BitAccess & BitsAccess<string>> };
}

describe('Accessors', () => {
  it('are named in camelCase', () => {
    expect(camelCase('ia32_vmx_cr0_fixed0')).to.equal('ia32VmxCr0Fixed0');
    expect(camelCase('xgetbv_1')).to.equal('xgetbv1');
  });

  it('are made once, when they are first read', () => {
    const { parts } = word(0n, [bits('flag', 3)]);
    expect(parts.flag).to.equal(parts.flag);
  });

  it('are made once for each instance of a class', () => {
    class Owner {
      declare readonly part: object;
      made = 0;
    }
    lazilyInEach(Owner.prototype, 'part', (self) => ({ number: ++self.made }));
    const [one, other] = [new Owner(), new Owner()];
    expect(one.part).to.equal(one.part);
    expect(one.part).to.not.equal(other.part);
    expect([one.made, other.made]).to.deep.equal([1, 1]);
  });

  it('cannot take a name that is there already', () => {
    expect(() => word(0n, [bits('get', 3)])).to.throw("an accessor cannot be named 'get'");
    class Owner {
      part(): void {}
    }
    expect(() => lazilyInEach(Owner.prototype, 'part', () => ({}))).to.throw("an accessor cannot be named 'part'");
  });

  it('are nested if a name has a dot', () => {
    const { parts } = word(0x53n, [
      bits('pa0', 0, 7),
      ...prefixed(['pa0'], [bits('memory_type', 0, 2)]),
      ...prefixed(['io'], [bits('port', 4, 7)]),
    ]);
    const { pa0, io } = parts as unknown as Record<string, Record<string, BitsAccess> & BitsAccess>;
    expect([pa0!.get(), pa0!.memoryType!.get(), io!.port!.get()]).to.deep.equal([0x53n, 3n, 5n]);
    expect(io).to.not.have.property('get');
  });

  describe('of a run of bits', () => {
    const type = bits('memory_type', 4, 6, { uncacheable: 0, write_back: 6 });

    it('take numbers that fit, and names', () => {
      const { parts, source } = word(0xffn, [type]);
      parts.memoryType!.set('write_back');
      expect(source.value).to.equal(0xefn);
      parts.memoryType!.set(1n);
      expect(source.value).to.equal(0x9fn);
    });

    it('refuse what does not fit, naming word, field and bits', () => {
      const { parts, accessor } = word(0n, [type, scattered('reserved', 0xffffffff00000005n)]);
      expect(() => parts.memoryType!.set(8n)).to.throw(
        ValueRangeError,
        'WORD (0x1) field, memory_type: 0x8 does not fit into bits 6:4 (mask 0x70)',
      );
      expect(() => parts.memoryType!.set(-1n)).to.throw(ValueRangeError, 'memory_type: -0x1 does not fit');
      expect(() => parts.reserved!.set(2n), 'bit 1 is none of its own').to.throw(ValueRangeError);
      expect(() => accessor.set(1n << 32n)).to.throw(ValueRangeError, 'word: 0x100000000 does not fit into bits 31:0');
    });

    it('refuse a number, which only code that no compiler has checked can bring', () => {
      const { parts } = word(0n, [type]);
      expect(() => parts.memoryType!.set(3 as never)).to.throw(
        ValueRangeError,
        '3 is a number; a bigint is wanted: 3n',
      );
    });

    it('refuse names that no value has', () => {
      const { parts, accessor } = word(0n, [type]);
      expect(() => parts.memoryType!.set('write_behind')).to.throw(
        ValueRangeError,
        "no value is named 'write_behind'; the names are uncacheable, write_back",
      );
      expect(() => accessor.set('any')).to.throw(ValueRangeError, 'its values have no names');
    });

    it('leave bits beyond the word alone', () => {
      const { parts, source } = word(0n, [scattered('reserved', 0xffffffff_80000001n)]);
      parts.reserved!.set(0x80000001n);
      expect(source.value).to.equal(0x80000001n);
      expect(() => parts.reserved!.set(1n << 32n)).to.throw(ValueRangeError);
    });

    it('know the name of their value, or what it means', () => {
      const meaning = (value: number): string => `the meaning of ${value}`;
      const { parts, accessor } = word(0x260n, [type, { ...bits('reason', 8, 15), meaning }], { whole: 0x260 });
      expect(parts.memoryType!.description()).to.equal('write_back');
      expect(parts.memoryType!.is('write_back')).to.equal(true);
      expect(parts.memoryType!.is('uncacheable')).to.equal(false);
      expect(parts.reason!.description()).to.equal('the meaning of 2');
      expect(accessor.description()).to.equal('whole');
      parts.memoryType!.set(3n);
      expect(parts.memoryType!.description()).to.equal('0x3');
    });
  });

  describe('of what does not exist', () => {
    function missing() {
      const made = word(0xffn, [bits('flag', 3), bits('run', 4, 5)]);
      made.source.isThere = false;
      return made;
    }

    it('give 0 or do nothing, without a word', () => {
      const { parts, accessor, source } = missing();
      expect(accessor.getIfExists()).to.equal(0n);
      expect(accessor.descriptionIfExists()).to.equal('');
      expect([parts.flag!.isEnabledIfExists(), parts.flag!.isDisabledIfExists()]).to.deep.equal([false, true]);
      accessor.setIfExists(0n);
      parts.flag!.disableIfExists();
      parts.flag!.enableIfExists();
      expect([source.value, source.warnings]).to.deep.equal([0xffn, []]);
    });

    it('warn if asked, each time', () => {
      const { parts, accessor, source } = missing();
      accessor.getIfExists(true);
      accessor.setIfExists(0n, true);
      accessor.descriptionIfExists(true);
      parts.run!.getIfExists(true);
      parts.flag!.isEnabledIfExists(true);
      parts.flag!.isDisabledIfExists(true);
      parts.flag!.enableIfExists(true);
      parts.flag!.disableIfExists(true);
      expect(source.warnings).to.deep.equal(Array(8).fill("WORD (0x1) field doesn't exist"));
    });

    it('do not warn where it exists', () => {
      const { accessor, source } = word(5n, []);
      expect([accessor.getIfExists(true), accessor.descriptionIfExists(true)]).to.deep.equal([5n, '0x5']);
      expect(source.warnings).to.deep.equal([]);
    });
  });

  it('read a word before they change bits of it, and do not when they set it whole', () => {
    const { accessor, parts, source } = word(0xf0n, [bits('flag', 3)]);
    parts.flag!.enable();
    expect(source.value).to.equal(0xf8n);
    source.read = () => {
      throw new Error('read');
    };
    accessor.set(1n);
    expect(source.value).to.equal(1n);
  });
});
