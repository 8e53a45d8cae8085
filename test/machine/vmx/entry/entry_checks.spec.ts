// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { EntryRule } from '../../../../src/intrinsics/rules/entry_rule.js';
import { entryRules } from '../../../../src/intrinsics/rules/entry_rules.js';
import { RFLAGS_ALWAYS_ENABLED, Rflags, STATUS_FLAGS } from '../../../../src/intrinsics/registers/registers.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { bytesOfField, isReadOnlyField, VmcsField } from '../../../../src/intrinsics/vmcs/vmcs_fields.js';
import { EntryChecks, type NotingReader } from '../../../../src/machine/vmx/entry/entry_checks.js';
import { slotOf, supportedFields } from '../../../../src/machine/vmx/vmcs/field_slots.js';
import { RuleInputs } from '../../../../src/machine/vmx/entry/rule_inputs.js';
import { Vmcs } from '../../../../src/machine/vmx/vmcs/vmcs.js';
import { VmxArea } from '../../../../src/machine/vmx/vmcs/vmx_area.js';
import { writeFlags } from '../../../../src/machine/processor/lazy_flags.js';
import { VmxStatus } from '../../../../src/machine/vmx/instructions/vmx_status.js';
import { VmxEngine } from '../../../../src/machine/vmx/vmx_engine.js';
import { Word } from '../../../../src/machine/vmx/words.js';
import { Owner } from '../../../../src/machine/vmx/vmx_state.js';
import { randomNumbers } from '../../random_numbers.js';
import { cr4Allowed, FakeCore } from '../fake_core.js';
import { engineReady, writeField } from '../vmcs_setup.js';

const writable = supportedFields.filter((field) => !isReadOnlyField(field));

/** A value that is often close to a valid one: old value with a bit changed, small numbers, single bits, all ones. */
function someValue(random: (below: number) => number, old: number): number {
  switch (random(5)) {
    case 0:
      return (old ^ (1 << random(32))) >>> 0;
    case 1:
      return random(16);
    case 2:
      return (1 << random(32)) >>> 0;
    case 3:
      return 0xffffffff;
    default:
      return 0;
  }
}

describe('EntryChecks', () => {
  it('says the same as a check of all rules, over 100,000 random sequences of writes', function () {
    this.timeout(120_000);
    const { core, engine } = engineReady();
    const { vmcs, checks, reader } = engine;
    const good = vmcs.halves.slice();
    const random = randomNumbers(20260801);
    let broken = 0;
    for (let i = 0; i < 100_000; i++) {
      const changed: number[] = [];
      for (let n = random(3); n >= 0; n--) {
        const field = writable[random(writable.length)]!;
        const slot = slotOf(field);
        changed.push(slot);
        const high = bytesOfField(field) === 8 ? someValue(random, vmcs.high(slot)) : 0;
        vmcs.write(slot, someValue(random, vmcs.low(slot)), random(2) === 0 ? vmcs.high(slot) : high);
      }
      // Sometimes the processor's own mode, which is not a field, changes.
      if (random(16) === 0) core.u32[Word.efer] = core.u32[Word.efer]! ^ 0x400;
      if (reader.updateMode()) checks.markAll();
      checks.markChanged();
      const cached = checks.run();
      const full = checks.runFull();
      if (full !== undefined) broken++;
      if (cached !== full) expect.fail(`sequence ${i}: cached ${cached?.name}, full ${full?.name}`);
      // Go back to the good state most of the time, so that single breaches are met too, not only the first of many.
      if (random(4) !== 0) {
        core.u32[Word.efer] = 0x500;
        for (const slot of changed) vmcs.write(slot, good[slot << 1]!, good[(slot << 1) | 1]!);
      }
    }
    expect(broken).to.be.greaterThan(20_000);
    expect(broken).to.be.lessThan(100_000);
  });

  it('runs only the rules that read bits 63:32 of RIP after they were written, and none for bits 31:0', () => {
    const { core, engine } = engineReady();
    engine.enter(true, Owner.JavaScript);
    core.u32[Word.exitReason] = 10;
    engine.leave();
    const always = engine.checks.unchecked;
    expect(always).to.be.at.most(4);
    writeField(engine, 'GuestRip', 0x7c02n);
    engine.checks.markChanged();
    expect(engine.checks.unchecked - always).to.equal(0);
    writeField(engine, 'GuestRip', 0x1_0000_0000_0000n);
    engine.checks.markChanged();
    expect(engine.checks.unchecked - always).to.be.within(1, 4);
    expect(engine.checks.run()?.name).to.equal('guestRipValidAddr');
  });

  it('runs no rule when an exit finds other status flags, and those that read RFLAGS when it finds another flag', () => {
    const { core, engine } = engineReady();
    engine.enter(true, Owner.JavaScript);
    const exitWithFlags = (flags: number): number => {
      writeFlags(core.u32, flags);
      core.u32[Word.exitReason] = ExitReason.Cpuid;
      engine.leave();
      engine.checks.markChanged();
      const { unchecked } = engine.checks;
      expect(engine.vmcs.low(slotOf(VmcsField.GuestRflags)), 'saved').to.equal(flags);
      expect(engine.enter(false, Owner.JavaScript)).to.equal(VmxStatus.Transferred);
      return unchecked;
    };
    const always = exitWithFlags(RFLAGS_ALWAYS_ENABLED);
    expect(always).to.be.at.most(4);
    expect(exitWithFlags(RFLAGS_ALWAYS_ENABLED | STATUS_FLAGS)).to.equal(always);
    expect(exitWithFlags(RFLAGS_ALWAYS_ENABLED | Rflags.InterruptEnableFlag)).to.be.greaterThan(always);
  });

  it('forgets all marks when another VMCS becomes current', () => {
    const { engine } = engineReady();
    engine.checks.markChanged();
    engine.checks.run();
    expect(engine.checks.unchecked).to.be.at.most(4);
    engine.instructions.vmptrld(0x3000, 0);
    engine.checks.markChanged();
    expect(engine.checks.unchecked).to.equal(entryRules.filter((rule) => rule.area !== 'basic').length);
  });

  it('runs a rule that read more than fields at each entry, and marks it clean once it needs no more', () => {
    const memory = new FakeCore().u32.buffer;
    const area = new VmxArea(memory, 0);
    const vmcs = new Vmcs(area, new Int32Array(memory));
    const selector = slotOf(VmcsField.GuestCsSelector);
    const read = [0];
    const reader = {
      volatileRead: false,
      inputs: new RuleInputs(area),
      low: () => {
        reader.inputs.note(selector << 1);
        return vmcs.low(selector);
      },
      readPhysical32: () => {
        reader.volatileRead = true;
        return read[0]!;
      },
    };
    let runs = 0;
    const rule: EntryRule = {
      ...entryRules[0]!,
      name: 'memoryIsZeroWhileCsIs',
      area: 'guest',
      fields: [VmcsField.GuestCsSelector],
      holds: () => {
        runs++;
        return reader.low() !== 0 || reader.readPhysical32() === 0;
      },
    };
    const checks = new EntryChecks(vmcs, reader as unknown as NotingReader, [rule], area);
    const verdicts = [0, 1, 0].map((value) => {
      read[0] = value;
      return checks.run()?.name;
    });
    expect(verdicts).to.deep.equal([undefined, rule.name, undefined]);
    vmcs.write(selector, 8, 0);
    checks.markChanged();
    checks.run();
    expect(runs).to.equal(4);
    checks.run();
    expect(runs, 'clean').to.equal(4);
  });

  it('finds nothing wrong with the VMCS that the other tests start from', () => {
    const { engine } = engineReady();
    engine.reader.updateMode();
    expect(engine.checks.runFull()?.name).to.equal(undefined);
    expect(new VmxEngine(engine.core, { cr4Allowed }).capabilities.length).to.equal(17);
  });
});
