// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PassThrough } from 'node:stream';
import { typeFrom } from '../../../src/bfm/console/type_from.js';

describe('typeFrom', () => {
  it('reads no faster than the guest takes', async () => {
    const stream = new PassThrough();
    const typed: string[] = [];
    let take = (): void => {};
    let another = (): void => {};
    const stop = typeFrom(
      stream,
      (bytes) => {
        typed.push(Buffer.from(bytes).toString());
        another();
        return new Promise((resolve) => (take = resolve));
      },
      () => expect.fail('there is more'),
      () => expect.fail('nothing failed'),
    );
    const first = new Promise<void>((resolve) => (another = resolve));
    stream.write('one');
    await first;
    stream.write('two');
    await new Promise((resolve) => setImmediate(resolve));
    expect(typed).to.deep.equal(['one']);
    const second = new Promise<void>((resolve) => (another = resolve));
    take();
    await second;
    expect(typed).to.deep.equal(['one', 'two']);
    stop();
    expect(stream.destroyed).to.equal(true);
  });

  it('ends with the reason if the guest cannot be reached', async () => {
    const stream = new PassThrough();
    const failed = new Promise<Error>((resolve) => {
      typeFrom(
        stream,
        () => Promise.reject(new Error('the machine ended')),
        () => {},
        resolve,
      );
    });
    stream.write('x');
    expect((await failed).message).to.equal('the machine ended');
    expect(stream.destroyed).to.equal(true);
  });

  it('says when everything was typed', async () => {
    const stream = new PassThrough();
    let typed = '';
    const ended = new Promise<void>((resolve) => {
      typeFrom(
        stream,
        (bytes) => {
          typed += Buffer.from(bytes).toString();
          return Promise.resolve();
        },
        resolve,
        () => expect.fail('nothing failed'),
      );
    });
    stream.write('one');
    stream.end('two');
    await ended;
    expect(typed).to.equal('onetwo');
  });
});
