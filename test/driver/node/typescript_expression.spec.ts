// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { runInNewContext } from 'node:vm';
import { ExpressionError, javaScriptOf } from '../../../src/driver/node/typescript_expression.js';

const value = async (text: string): Promise<unknown> => runInNewContext(await javaScriptOf(text));

describe('javaScriptOf', () => {
  it('takes an expression, also an object literal, and statements', async () => {
    expect(await value('1n << 5n')).to.equal(32n);
    expect(await value('({ a: 1 } as { a: number }).a')).to.equal(1);
    expect(JSON.stringify(await value('{ a: 1 }'))).to.equal('{"a":1}');
    expect(await value('let n: number = 5; n += 2; n // seven')).to.equal(7);
    expect(await value('const f = <T,>(x: T): T => x; f<string>("typed")')).to.equal('typed');
  });

  it('names line and column of what is wrong, and says whether more text could help', async () => {
    const errorOf = (text: string): Promise<unknown> => javaScriptOf(text).catch((error: unknown) => error);
    const wrong = (await errorOf('1 +\n* 2')) as ExpressionError;
    expect(wrong)
      .to.be.instanceOf(ExpressionError)
      .with.property('message')
      .that.matches(/^eval:2:1: Unexpected "\*"/);
    expect(wrong.isIncomplete).to.equal(false);
    expect(await errorOf('function f() {')).to.have.property('isIncomplete', true);
  });
});
