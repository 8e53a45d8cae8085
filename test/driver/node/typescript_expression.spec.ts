// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { runInNewContext } from 'node:vm';
import { ExpressionError, javaScriptOf } from '../../../src/driver/node/typescript_expression.js';

const value = (text: string): unknown => runInNewContext(javaScriptOf(text));

describe('javaScriptOf', () => {
  it('takes an expression, also an object literal, and statements', () => {
    expect(value('1n << 5n')).to.equal(32n);
    expect(value('({ a: 1 } as { a: number }).a')).to.equal(1);
    expect(value('function f() { return 6; }\nf()')).to.equal(6);
    expect(value('{ const a = 3; a + 1; }')).to.equal(4);
    expect(JSON.stringify(value('{ a: 1 }'))).to.equal('{"a":1}');
    expect(value('let n: number = 5; n += 2; n // seven')).to.equal(7);
    expect(value('const f = <T,>(x: T): T => x; f<string>("typed")')).to.equal('typed');
  });

  it('names line and column of what is wrong, and says whether more text could help', () => {
    const errorOf = (text: string): unknown => {
      try {
        return javaScriptOf(text);
      } catch (error) {
        return error;
      }
    };
    const wrong = errorOf('1 +\n* 2') as ExpressionError;
    expect(wrong)
      .to.be.instanceOf(ExpressionError)
      .with.property('message')
      .that.matches(/^eval:2:1: Unexpected "\*"/);
    expect(wrong.isIncomplete).to.equal(false);
    expect(errorOf('function f() {')).to.have.property('isIncomplete', true);
  });
});
