// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Command } from 'commander';
import { clientOptionFlags } from '../../../src/bfm/client/client_options.js';
import { commandsFor, commandTable } from '../../../src/bfm/cli/command_table.js';

const all = Object.keys(commandTable);

describe('commandsFor', () => {
  for (const [line, wanted] of [
    ['status', ['status']],
    ['--machine m status', ['status']],
    ['--machine=m status', ['status']],
    // A machine may have the name of a command.
    ['--machine run dump', ['dump']],
    ['vmcall --cpuid 0 event 1', ['vmcall']],
    ['frobnicate', all],
    ['--help', all],
    ['help run', all],
    ['completion bash', all],
    ['', all],
  ] as const)
    it(`is ${wanted.length === 1 ? wanted[0] : 'all of them'} for '${line}'`, () =>
      expect(commandsFor(line.split(' '), clientOptionFlags)).to.deep.equal(wanted));
});

describe('commandTable', () => {
  it('has each command under its own name', async () => {
    const context = { done: () => {}, program: new Command() };
    const names = await Promise.all(Object.values(commandTable).map(async (load) => (await load(context)).name()));
    expect(names).to.deep.equal(all);
  });
});
