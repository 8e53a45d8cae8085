// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import Sinon from 'sinon';
import { make } from 'bareflank/testing';
import { HideExitTime } from '../../../extensions/hypervisor_example_hide_exit_time/hide_exit_time.js';
import { runUnder } from '../extension_run.js';

const COST = 1500;

/** How malware asks: the TSC before and after a CPUID. Each result is the difference. */
const check = (place: number): string[] => [
  'rdtsc',
  'mov esi, eax',
  'xor eax, eax',
  'push rbx',
  'cpuid',
  'pop rbx',
  'rdtsc',
  'sub eax, esi',
  `mov [rbx + ${8 * place}], rax`,
];
const timed = (settings = {}, exitCost = COST) =>
  runUnder('hide_exit_time', ['mov rsp, 0x380000', ...check(0), ...check(1)], settings, { exitCost });

/** Instructions between the two RDTSCs, the second one included: each takes a tick. */
const BARE = 6n;

describe('hypervisor_example_hide_exit_time', () => {
  it('makes a timing check see what it sees without a hypervisor', async () => {
    const { results, reports } = await timed({ 'hide_exit_time.ticks': String(COST) });
    expect([...results.slice(0, 2)]).to.deep.equal([BARE, BARE]);
    const { 'hidden ticks': hidden } = reports['hide-exit-time'] as { 'hidden ticks': number };
    expect(hidden % COST).to.equal(0);
    expect(hidden).to.be.at.least(2 * COST);
  });

  it('hides nothing without its parameter: the check sees the cost of the exit', async () => {
    const { results, reports } = await timed();
    expect([...results.slice(0, 2)]).to.deep.equal([BARE + BigInt(COST), BARE + BigInt(COST)]);
    expect(reports).to.deep.equal({ 'hide-exit-time': { 'hidden ticks': 0 } });
  });

  it('has nothing to hide where an exit costs nothing', async () => {
    const { results } = await timed({}, 0);
    expect([...results.slice(0, 2)]).to.deep.equal([BARE, BARE]);
  });

  it('makes one request, and changes its offset at each exit', () => {
    const request = { id: 7 };
    const [add, change] = [Sinon.stub().returns(request), Sinon.stub()];
    const hide = make(HideExitTime, { tscOffset: { add, change } as never, ticks: 5n });
    expect([hide.handleExit(), hide.handleExit(), hide.handleExit()]).to.deep.equal([false, false, false]);
    expect(add.args).to.deep.equal([[hide, -5n]]);
    expect(change.args).to.deep.equal([
      [request, -10n],
      [request, -15n],
    ]);
    expect(hide.report()).to.deep.equal({ 'hidden ticks': 15 });
  });
});
