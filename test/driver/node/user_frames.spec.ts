// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildFolder, packageRoot } from '../../../src/driver/node/package_paths.js';
import {
  fullTrace,
  isForeignFrame,
  placeOfFrame,
  userFrames,
  withoutForeignFrames,
} from '../../../src/driver/node/user_frames.js';
import { BareflankError } from '../../../src/intrinsics/errors.js';

const ours = `    at Driver.load (${pathToFileURL(join(buildFolder, 'src/driver/driver.js')).href}:58:59)`;
const users = '    at Bad.fail (/home/me/hello/hello.ts:5:32)';

function thrown(message: string, ...frames: string[]): Error {
  const error = new TypeError(message);
  error.stack = [`TypeError: ${message}`, ...frames].join('\n');
  return error;
}

describe('isForeignFrame', () => {
  for (const [what, line, wanted] of [
    ["a user's file", users, false],
    ['a bare place', '    at /home/me/hello/hello.ts:5:32', false],
    ['an extension of the package', `    at x (${join(packageRoot, 'extensions/hypervisor_x/x.ts')}:1:2)`, false],
    ["a bundle without the user's source map", '    at x (/home/me/.cache/bareflank/0123.mjs:1:2)', false],
    ['the framework', ours, true],
    ['the framework by its sources', `    at x (${join(packageRoot, 'src/driver/driver.ts')}:1:2)`, true],
    ['a package of the framework', `    at x (${join(packageRoot, 'node_modules/inversify/lib/index.js')}:1:2)`, true],
    [
      'a top level of the framework',
      `    at async ${pathToFileURL(join(buildFolder, 'src/bfm/run/machine_worker.js')).href}:9:33`,
      true,
    ],
    ['Node', '    at ModuleJob.run (node:internal/modules/esm/module_job:325:25)', true],
    ['nobody', '    at Array.map (<anonymous>)', true],
    ['an await of many', '    at async Promise.all (index 0)', true],
    ['text that is no frame', 'the guest is at 0x1000', false],
    ['text that begins like a frame', '    at run time: five', false],
    ['a frame that is not indented as V8 does', ours.trim(), false],
  ] as const)
    it(`is ${wanted} for ${what}`, () => expect(isForeignFrame(line)).to.equal(wanted));
});

describe('userFrames', () => {
  it("are those of the cause, and only the user's", () => {
    const error = new BareflankError('it threw', { causedBy: thrown('trouble', users, ours) });
    expect(userFrames(error)).to.deep.equal(['at Bad.fail (/home/me/hello/hello.ts:5:32)']);
  });

  it('are relative to the current folder below it', () => {
    const error = thrown('trouble', `    at x (${join(process.cwd(), 'hello/hello.ts')}:5:32)`);
    expect(userFrames(error)).to.deep.equal(['at x (hello/hello.ts:5:32)']);
  });

  it('are absolute for a reader in another folder', () => {
    const place = join(process.cwd(), 'hello/hello.ts');
    expect(userFrames(thrown('trouble', `    at x (${place}:5:32)`), null)).to.deep.equal([`at x (${place}:5:32)`]);
  });

  it('are not those that a message has: it came from another process, and shows them itself', () => {
    expect(userFrames(thrown(`trouble\n${users}`, ours))).to.deep.equal([]);
  });

  it('are none for an error of the framework itself, or for a value that is not an error', () => {
    expect(userFrames(thrown('trouble', ours))).to.deep.equal([]);
    expect(userFrames('a text')).to.deep.equal([]);
  });
});

it('placeOfFrame is file, line and column', () => {
  expect(placeOfFrame(users)).to.equal('/home/me/hello/hello.ts:5:32');
  expect(placeOfFrame('')).to.equal(undefined);
});

it('withoutForeignFrames keeps all other lines', () => {
  const log = [
    'a',
    '\u001b[1;31mERROR: \u001b[0mno',
    'more of it',
    users,
    ours,
    'b',
    'FATAL ERROR: x',
    ours,
    ours,
    'c',
  ];
  expect(withoutForeignFrames(log.join('\n'))).to.equal(log.filter((line) => line !== ours).join('\n'));
});

it('fullTrace includes the causes', () => {
  const error = new BareflankError('it threw', { causedBy: thrown('trouble', users, ours) });
  expect(fullTrace(error))
    .to.include('BareflankError: it threw')
    .and.to.include(`caused by TypeError: trouble\n${users}`);
});

it('withoutForeignFrames keeps frames that are not part of an error: an extension may print what it likes', () => {
  for (const log of [
    ['before', 'at 0x1234 the guest wrote LSTAR', '  at run time: 5', 'after'],
    ['DEBUG: stack', ours, users],
  ])
    expect(withoutForeignFrames(log.join('\n'))).to.equal(log.join('\n'));
  expect(withoutForeignFrames(['ERROR: no', ours, 'goes on', ours].join('\n'))).to.equal(
    ['ERROR: no', 'goes on', ours].join('\n'),
  );
});
