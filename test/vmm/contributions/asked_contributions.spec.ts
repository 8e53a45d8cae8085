// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { injectable } from 'inversify';
import { reportedExit } from '../../../src/session/reported_exit.js';
import { ExitReason, exitReasonName } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { AskedContributions } from '../../../src/vmm/contributions/asked_contributions.js';
import { CpuidContribution } from '../../../src/vmm/contributions/cpuid_contribution.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';
import { VMCALL_MAGIC } from '../../../src/vmm/exit/vmcall_interface.js';
import { runGuest, step } from '../machine_vmm.js';

const port = 0x510;
const msr = 0x1234;
const leaf = 0x40000000;
const opcode = 77;

/** Answers CPUID, RDMSR, WRMSR, IN, OUT and VMCALL, unless it is only asked. */
function answering(name: string, answers: boolean): PartModule {
  const part = {
    name,
    leaves: [leaf],
    msrs: [msr],
    ports: [port],
    opcodes: [opcode],
    handleCpuid: () => answers,
    handleMsrRead: () => (answers ? 1n : undefined),
    handleMsrWrite: () => answers,
    handlePortRead: () => (answers ? 1 : undefined),
    handlePortWrite: () => answers,
    handleVmcall: () => answers,
  };
  return vcpuModule(({ bind }) => {
    bind(CpuidContribution).toConstantValue(part);
    bind(MsrContribution).toConstantValue(part);
    bind(PortContribution).toConstantValue(part);
    bind(VmcallContribution).toConstantValue(part);
  });
}

const accesses = [
  `mov eax, ${leaf}`,
  'cpuid',
  `mov ecx, ${msr}`,
  'wrmsr',
  'rdmsr',
  `mov edx, ${port}`,
  'out dx, al',
  'in al, dx',
  `mov eax, ${opcode}`,
  `movabs rdx, ${VMCALL_MAGIC}`,
  'vmcall',
];
const reasons: readonly ExitReason[] = [
  ExitReason.Cpuid,
  ExitReason.Wrmsr,
  ExitReason.Rdmsr,
  ExitReason.IoInstruction,
  ExitReason.IoInstruction,
  ExitReason.Vmcall,
];

/** The first exits of the guest, as a report has them. */
async function handlersOf(guest: readonly string[], modules: readonly PartModule[], count: number) {
  const { processors, handlers } = await runGuest(guest, [(bench) => void bench.afterStep(() => {})], modules);
  return processors[0]!.lastExits.slice(0, count).map((exit) => reportedExit(exit, handlers));
}

describe('AskedContributions', () => {
  it('names the one that is asked until it has passed', () => {
    const trace = { words: new Int32Array(1), outcome: new Int32Array(1), names: ['base'] };
    const [first, second] = [{ name: 'first' }, { name: 'second' }];
    const asked = new AskedContributions(trace, [first, second], 1);
    expect([asked.length, asked.at(0), asked.at(1)]).to.deep.equal([2, first, second]);
    asked.ask(1);
    expect(trace.names[trace.words[0]! - 1]).to.equal('second');
    asked.pass();
    expect(trace.names[trace.words[0]! - 1]).to.equal('base');
  });

  it('leaves the contribution that answered CPUID, an MSR, a port or a VMCALL in the report, where the base was named', async () => {
    const exits = await handlersOf(accesses, [answering('asked', false), answering('silent', true)], reasons.length);
    expect(exits.map(({ reason, handler }) => `${reason} ${handler}`)).to.deep.equal(
      reasons.map((reason) => `${exitReasonName(reason)} silent`),
    );
  });

  it('leaves the base in the report when no contribution answers', async () => {
    const guest = [`mov eax, ${leaf}`, 'cpuid', `mov edx, ${port}`, 'in al, dx'];
    const exits = await handlersOf(guest, [answering('asked', false)], 2);
    expect(exits.map(({ handler }) => handler)).to.deep.equal(['ExitHandlerIntelX64', 'ExitHandlerIntelX64']);
  });

  it('leaves the contribution that denied an access in the report', async () => {
    @injectable()
    class Denier implements CpuidContribution {
      readonly name = 'denier';
      readonly leaves = [leaf];
      handleCpuid(_leaf: number, _subleaf: number, _registers: Uint32Array, exit: Exit): boolean {
        exit.inject(13, 0);
        return false;
      }
    }
    const denier = vcpuModule(({ bind }) => bind(CpuidContribution).to(Denier));
    const [exit] = await handlersOf([`mov eax, ${leaf}`, 'cpuid'], [denier], 1);
    expect(exit).to.include({ handler: 'denier', action: 'injected' });
  });

  it('leaves the contribution whose step a monitor trap was in the report', async () => {
    const exits = await handlersOf([...step(0), 'nop'], [], 2);
    expect(exits.map(({ reason, handler }) => [reason, handler])).to.deep.equal([
      ['vmcall', 'a-bench'],
      ['monitor_trap_flag', 'a-bench'],
    ]);
  });
});
