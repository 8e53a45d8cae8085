// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Evaluator, shownValue } from '../../../src/bfm/evaluate/evaluator.js';
import { LookLimit } from '../../../src/bfm/evaluate/look_limit.js';
import { BareflankError } from '../../../src/intrinsics/errors.js';

describe('Evaluator', () => {
  let looks = 0;
  const evaluator = new Evaluator({
    five: 5n,
    get look() {
      return ++looks;
    },
  });

  it('gives the value of an expression, and the last of statements', () => {
    expect(evaluator.evaluate('five + 11n')).to.equal('0x10n');
    expect(evaluator.evaluate('const a = [five]; a')).to.equal('[ 0x5n ]');
    expect(evaluator.evaluate('const b = 1;')).to.equal(undefined);
  });

  it('looks again at each use', () => {
    evaluator.evaluate('look');
    expect(evaluator.evaluate('look')).to.equal(String(looks));
    expect(looks).to.be.at.least(2);
  });

  it('keeps the variables of a session, which others do not see', () => {
    evaluator.evaluate('const kept = 7', 'one');
    expect(evaluator.evaluate('kept + 1', 'one')).to.equal('8');
    expect(() => evaluator.evaluate('kept', 'two')).to.throw('ReferenceError: kept is not defined');
    expect(() => evaluator.evaluate('kept')).to.throw('ReferenceError');
    for (let session = 0; session < 16; session++) evaluator.evaluate('0', `s${session}`);
    expect(() => evaluator.evaluate('kept', 'one'), 'the oldest is forgotten').to.throw('ReferenceError');
  });

  it('tells what was thrown without a stack', () => {
    const thrown = (code: string): unknown => {
      try {
        return evaluator.evaluate(code);
      } catch (error) {
        return error;
      }
    };
    expect(thrown('null.x'))
      .to.be.instanceOf(BareflankError)
      .with.property('message')
      .that.matches(/^TypeError: .*null[^\n]*$/);
    expect((thrown('throw 3n') as Error).message).to.equal('thrown: 3n');
    expect((thrown('(') as Error).message).to.match(/^SyntaxError: [^\n]*$/);
  });

  it('ends code that does not end', () => {
    expect(() => new Evaluator({}, new LookLimit(10)).evaluate('for (;;);')).to.throw(/timed out/);
  });

  it('says what is thrown of values whose own code throws or does not end', () => {
    const strange = 'the code threw a value that cannot be shown';
    for (const [code, message] of [
      ['throw { get [Symbol.toStringTag]() { throw 1; } }', strange],
      ['throw Object.assign(new Error("x"), { name: Symbol("s") })', strange],
      ['throw Object.defineProperty(new Error("x"), "message", { get() { throw 9; } })', strange],
      ['throw undefined', 'thrown: undefined'],
      ['({ [Symbol.for("nodejs.util.inspect.custom")]() { throw new Error("own"); } })', 'Error: own'],
      ['({ [Symbol.for("nodejs.util.inspect.custom")]() { for (;;); } })', 'timed out'],
    ] as const)
      expect(() => new Evaluator({}, new LookLimit(200)).evaluate(code), code)
        .to.throw(BareflankError)
        .with.property('message')
        .that.includes(message);
    expect(evaluator.evaluate('({ get a() { throw 1; } })')).to.equal('{ a: [Getter] }');
  });

  it('cuts what is long', () => {
    expect(evaluator.evaluate('Array(60).fill("x".repeat(9000))')).to.match(/… and [0-9 ]+ characters more$/);
    expect(() => evaluator.evaluate('throw "x".repeat(1e6)')).to.throw(/^thrown: .{0,262200}$/s);
  });

  it('gives code no name of this program', () => {
    for (const name of ['process', 'require', 'globalThis.process', 'Buffer'])
      expect(evaluator.evaluate(`typeof ${name}`)).to.equal("'undefined'");
  });
});

describe('shownValue', () => {
  it('shows bigints in hexadecimal wherever they are, and numbers as they are', () => {
    expect(shownValue({ a: 255n, b: new Map([[16n, 16]]), c: -1n })).to.equal(
      '{ a: 0xffn, b: Map(1) { 0x10n => 16 }, c: -1n }',
    );
    expect(shownValue(BigUint64Array.of(0x1000n))).to.equal('BigUint64Array(1) [ 0x1000n ]');
    expect(shownValue(Buffer.of(1, 255))).to.equal('<Buffer 01 ff>');
  });
});
