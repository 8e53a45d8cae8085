// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { UnfinishedExitError } from '../../../src/vmm/errors.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';
import { mostRepetitions, noRepetition, UnfinishedExits } from '../../../src/vmm/exit_handler/unfinished_exits.js';
import { runGuest } from '../machine_vmm.js';

const [rcx, rsi, rdi] = [2, 12, 14];

/** An exit whose handler leaves the guest where it is. */
function stuck(reason: number = ExitReason.Cpuid) {
  const guest = {
    /** Where the guest's instruction is. */
    at: 0x1000,
    rip: 0x1000,
    reason,
    hasAdvanced: false,
    hasInjected: false,
    registers: { halves: new Uint32Array(32) },
    vmcs: { readLow: () => guest.rip, read: () => BigInt(guest.rip) },
  };
  return guest;
}

/** Handles exits. @returns how many, including the one that was too many. */
function repeat(times: number, guest: ReturnType<typeof stuck>, handle: (count: number) => void = () => {}): number {
  const repetition = noRepetition();
  let unfinished = new UnfinishedExits(repetition);
  const exit = guest as unknown as Exit;
  for (let count = 1; count <= times; count++) {
    guest.rip = guest.at;
    // The count is data, with which a restored VMM goes on.
    if (count === 1000) unfinished = new UnfinishedExits({ ...repetition });
    unfinished.begin(exit);
    handle(count);
    try {
      unfinished.end(exit);
    } catch (error) {
      expect(error).to.be.instanceOf(UnfinishedExitError);
      return count;
    }
  }
  return Infinity;
}

describe('UnfinishedExits', () => {
  it('stops a guest that executes one instruction a million times in a row', () => {
    expect(mostRepetitions).to.equal(1_000_000);
    expect(repeat(2 * mostRepetitions, stuck())).to.equal(mostRepetitions);
  });

  const goesOn: [string, ReturnType<typeof stuck>, (guest: ReturnType<typeof stuck>, count: number) => void][] = [
    ['whose handler advances', stuck(), (guest) => (guest.hasAdvanced = true)],
    ['whose handler injects a fault', stuck(), (guest) => (guest.hasInjected = true)],
    ['in a loop, whose handler moves RIP by itself', stuck(), (guest) => (guest.rip = 0x1002)],
    ['at another instruction each time', stuck(), (guest, count) => (guest.at = count)],
    ['that counts in RCX', stuck(ExitReason.IoInstruction), (guest, count) => (guest.registers.halves[rcx] = -count)],
    ['that moves RSI', stuck(ExitReason.IoInstruction), (guest, count) => (guest.registers.halves[rsi] = count)],
    ['that moves RDI', stuck(ExitReason.IoInstruction), (guest, count) => (guest.registers.halves[rdi] = count)],
    [
      'with exits of several reasons',
      stuck(),
      (guest, count) => (guest.reason = count % 1000 === 0 ? ExitReason.Rdmsr : ExitReason.Cpuid),
    ],
    [
      'with an interrupt in between',
      stuck(),
      (guest, count) => (guest.reason = count % 1000 === 0 ? ExitReason.ExternalInterrupt : ExitReason.Cpuid),
    ],
    ['with exits that no instruction asks for', stuck(ExitReason.InterruptWindow), () => {}],
    ['with accesses that are tried again', stuck(ExitReason.EptViolation), () => {}],
  ];
  for (const [what, guest, handle] of goesOn) {
    it(`lets a guest go on ${what}`, () => {
      expect(repeat(mostRepetitions + 2, guest, (count) => handle(guest, count))).to.equal(Infinity);
    });
  }

  it('lets a guest go on that repeats an instruction often, but not often enough', () => {
    const guest = stuck();
    const advancing = (count: number): void => void (guest.hasAdvanced = count % (mostRepetitions - 1) === 0);
    expect(repeat(3 * mostRepetitions, guest, advancing)).to.equal(Infinity);
  });

  it('reports reason, handler and what to do, and ends the machine', async function () {
    this.timeout(60_000);
    const forgetful: ExitContribution = { name: 'forgetful', reasons: [ExitReason.Cpuid], handleExit: () => true };
    const { end, exits } = await runGuest(
      ['cpuid'],
      [],
      [vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue(forgetful))],
    );
    expect(exits[ExitReason.Cpuid]).to.equal(mostRepetitions);
    expect(end.kind).to.equal('dead');
    expect(end.detail).to.match(
      /^vcpu 0, exit reason cpuid \(10\), handler forgetful: UnfinishedExitError: the guest executed the instruction at 0x200000 1,000,000 times in a row.*Does the handler forget exit\.advance\(\)\?/,
    );
  });
});
