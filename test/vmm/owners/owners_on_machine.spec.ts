// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import type { Request } from '../../../src/vmm/requests/request.js';
import { onExit, runBare, runGuest, step, store, type Bench } from '../machine_vmm.js';

const pat = 0x277;
const result = 0x300000;
const readPat = [`mov ecx, ${pat}`, 'rdmsr'];
const release = (requests: Request[]): void => requests.shift()![Symbol.dispose]();

/** Lets a number of requests be made at step 0, and takes one back at each step 1. */
function requesting(make: ((bench: Bench) => Request)[]) {
  const requests: Request[] = [];
  const ask = (bench: Bench): void => void requests.push(...make.map((each) => each(bench)));
  return [ask, () => release(requests)];
}

describe('The owners on the simulated PC', () => {
  it('MsrBitmap: an MSR exits as long as one of two asks, and the others never', async () => {
    const values: number[] = [];
    const { exits } = await runGuest(
      [
        ...step(2),
        ...[...readPat, ...step(0), ...readPat, 'mov ecx, 0x174', 'rdmsr', 'wrmsr', ...step(1), ...readPat],
        ...[...step(1), ...readPat, ...step(1), ...readPat],
      ],
      [
        ...requesting([
          (bench) => bench.msrBitmap.trapRead(bench, pat),
          (bench) => bench.msrBitmap.trapRead(bench, pat),
          (bench) => bench.msrBitmap.trapWrite(bench, 0x175),
        ]),
        (bench) => void bench.msrBitmap.enable(bench),
      ],
      [onExit('count', [ExitReason.Rdmsr], (exit) => values.push(exit.registers.halves[2]!) === 0)],
    );
    expect(values).to.deep.equal([pat, pat]);
    expect([exits[ExitReason.Rdmsr], exits[ExitReason.Wrmsr]]).to.deep.equal([2, 0]);
  });

  it('MsrBitmap: all exit again when the last who wants the bitmap has gone', async () => {
    const { exits } = await runGuest(
      [...readPat, ...step(0), ...readPat, ...step(1), ...readPat, ...step(1), ...readPat],
      requesting([(bench) => bench.msrBitmap.enable(bench), (bench) => bench.msrBitmap.enable(bench)]),
    );
    expect(exits[ExitReason.Rdmsr]).to.equal(2);
  });

  for (const [kind, osxsave, told] of [
    ['watch', 1n << 18n, 0x0c000000n],
    ['hide', 1n << 18n, 0x04000000n],
  ] as const)
    it(`GuestHostMasks: ${kind} of CR4.OSXSAVE, which the guest turns on`, async () => {
      const { exits, word } = await runGuest(
        [
          ...step(0),
          ...['mov rax, cr4', 'bts rax, 18', 'mov cr4, rax', 'mov rax, cr4', store(result)],
          ...['mov eax, 1', 'cpuid', 'mov eax, ecx', 'and eax, 0x0c000000', store(result + 8)],
        ],
        [(bench) => void bench.guestHostMasks[kind](bench, 'cr4', osxsave)],
      );
      expect(exits[ExitReason.ControlRegisterAccesses]).to.equal(1);
      expect(word(result) & osxsave, 'the guest reads what it wrote').to.equal(osxsave);
      expect(word(result + 8), 'CPUID tells of the register').to.equal(told);
    });

  it('IoBitmap: a device of one extension stays when another one lets the port go and its bitmaps too', async () => {
    const seen: number[] = [];
    const device: PortContribution = {
      name: 'device',
      ports: [0x8010],
      handlePortRead: () => 0x5a,
      handlePortWrite: (_port, _size, value) => seen.push(value) > 0,
    };
    const { exits, word } = await runGuest(
      [
        ...[...step(0), 'mov dx, 0x8010', 'mov al, 0x41', 'out dx, al', 'mov dx, 0x80', 'out dx, al'],
        ...[...step(1), ...step(1), 'mov dx, 0x8010', 'mov al, 0x42', 'out dx, al', 'mov dx, 0x80', 'out dx, al'],
        ...['mov dx, 0x8010', 'xor eax, eax', 'in al, dx', store(result)],
      ],
      requesting([(bench) => bench.ioBitmap.trap(bench, 0x8010), (bench) => bench.ioBitmap.enable(bench)]),
      [vcpuModule(({ bind }) => bind(PortContribution).toConstantValue(device))],
    );
    expect(seen).to.deep.equal([0x41, 0x42]);
    expect(word(result)).to.equal(0x5an);
    expect(exits[ExitReason.IoInstruction], 'port 0x80 does not exit').to.equal(3);
  });

  it('IoBitmap: no port exits when the last who wants the bitmaps has gone', async () => {
    const out = ['mov dx, 0x80', 'out dx, al'];
    const { exits } = await runGuest(
      [...out, ...step(0), ...out, ...step(1), ...out],
      requesting([(bench) => bench.ioBitmap.enable(bench), (bench) => bench.ioBitmap.trap(bench, 0x80)]),
    );
    expect(exits[ExitReason.IoInstruction]).to.equal(1);
  });

  it('ExceptionBitmap: what two extensions trap exits, until nobody wants it', async () => {
    const vectors: number[] = [];
    const skip = onExit('skip', [ExitReason.ExceptionOrNonMaskableInterrupt], (exit) => {
      vectors.push(exit.interruptionInformation & 0xff);
      exit.vmcs.write(VmcsField.GuestRip, exit.vmcs.read(VmcsField.GuestRip) + (vectors.at(-1) === 6 ? 2n : 1n));
      return true;
    });
    const { exits, end } = await runGuest(
      [...step(0), 'ud2', 'int3', ...step(1), 'ud2', 'int3', ...step(1), 'int3', 'ud2'],
      requesting([
        (bench) => bench.exceptionBitmap.trap(bench, 6),
        (bench) => bench.exceptionBitmap.trap(bench, 6),
        (bench) => bench.exceptionBitmap.trap(bench, 3),
      ]),
      [skip],
    );
    expect(vectors).to.deep.equal([6, 3, 6, 3, 3]);
    // The guest has no IDT: an exception that is its own is a triple fault.
    expect(exits[ExitReason.TripleFault]).to.equal(1);
    expect(end.kind).to.equal('dead');
  });

  it('TscOffset: the guest reads the sum, by RDTSC and by RDMSR, with an exit or without', async () => {
    const rdtsc = (at: number): string[] => ['rdtsc', 'shl rdx, 32', 'or rax, rdx', store(at)];
    const rdmsr = (at: number): string[] => ['mov ecx, 0x10', 'rdmsr', 'shl rdx, 32', 'or rax, rdx', store(at)];
    const { word, exits } = await runGuest(
      [
        ...rdtsc(result),
        ...[...step(0), ...rdtsc(result + 8), ...rdmsr(result + 16)],
        ...[...step(2), ...rdmsr(result + 24), ...step(1), ...rdtsc(result + 32), ...step(1), ...rdtsc(result + 40)],
      ],
      [
        ...requesting([
          (bench) => bench.tscOffset.add(bench, 5_000_000_000n),
          (bench) => bench.tscOffset.add(bench, -1_000_000_000n),
        ]),
        (bench) => void bench.msrBitmap.enable(bench),
      ],
    );
    const [none, ...others] = [0, 1, 2, 3, 4, 5].map((at) => Number(BigInt.asIntN(64, word(result + 8 * at))));
    const offsets = others.map((value) => Math.round((value - none!) / 1e9));
    expect(offsets).to.deep.equal([4, 4, 4, -1, 0]);
    expect(exits[ExitReason.Rdmsr], 'the first RDMSR only').to.equal(1);
  });

  it('MonitorTrap: two extensions share a step, and one that goes takes only its own', async () => {
    const log: string[] = [];
    const rips: bigint[] = [];
    const note = (bench: Bench, name: string): Request =>
      bench.afterStep(() => {
        log.push(name);
        rips.push(bench.vmcs.read(VmcsField.GuestRip));
      });
    const { exits } = await runGuest(
      [...step(0), 'nop', 'nop', ...step(1), 'nop', 'nop'],
      [
        (bench) => [note(bench, 'a'), note(bench, 'b')],
        (bench) => {
          const gone = note(bench, 'c');
          note(bench, 'd');
          gone[Symbol.dispose]();
        },
      ],
    );
    expect(log).to.deep.equal(['a', 'b', 'd']);
    expect(exits[ExitReason.MonitorTrapFlag]).to.equal(2);
    expect(rips[0], 'one instruction').to.equal(rips[1]);
  });

  describe('MonitorTrap, if an extension sets the control without it', () => {
    const guest = ['mov ebx, 3', 'again: dec ebx', 'jnz again', 'mov rax, rbx', store(result)];
    const setting = vcpuModule(({ bind }) =>
      bind(VmcsContribution).toConstantValue({
        name: 'setting',
        setUp: (vmcs) => vmcs.enable('primary', PrimaryControl.MonitorTrapFlag),
      }),
    );
    /** Counts the exits. @param answer whether the extension handles them. */
    const counting = (seen: bigint[], answer: boolean) =>
      onExit('counting', [ExitReason.MonitorTrapFlag], (exit) => {
        seen.push(exit.vmcs.read(VmcsField.GuestRip));
        return answer;
      });

    it('leaves the exits to an extension that handles them: one for each instruction', async () => {
      const bare = await runBare(guest);
      const seen: bigint[] = [];
      const { end, exits, instructions } = await runGuest(guest, [], [setting, counting(seen, true)]);
      expect([end, instructions]).to.deep.equal([bare.end, bare.instructions]);
      expect(exits[ExitReason.MonitorTrapFlag]).to.equal(seen.length);
      // The driver is a guest too: its instructions after the launch come first.
      const [start, ...later] = seen.filter((rip) => rip < 0x1_0000_0000n);
      const loop = [5, 7, 5, 7, 5, 7];
      expect(later.slice(0, 7).map((rip) => Number(rip - start!))).to.deep.equal([...loop, 9]);
      expect(later).to.have.lengthOf(bare.instructions - 1);
    });

    it('goes on after the first exit if all extensions only look at it', async () => {
      const bare = await runBare(guest);
      const seen: bigint[] = [];
      const { end, instructions } = await runGuest(guest, [], [setting, counting(seen, false)]);
      expect([end, instructions]).to.deep.equal([bare.end, bare.instructions]);
      expect(seen).to.have.lengthOf(1);
    });
  });

  it('Vpid: the tag is the vcpu’s until nobody wants it, and then 0', async () => {
    const tags: bigint[] = [];
    const note = (bench: Bench): void => void tags.push(bench.vmcs.read(VmcsField.VirtualProcessorIdentifier));
    await runGuest([step(0), step(2), step(1), step(2), step(1), step(2)].flat(), [
      ...requesting([(bench) => bench.vpid.enable(bench), (bench) => bench.vpid.enable(bench)]),
      note,
    ]);
    expect(tags).to.deep.equal([1n, 1n, 0n]);
  });
});
