// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { EptAccess, type EptView } from '../../../src/vmm/ept/ept.js';
import type { Request } from '../../../src/vmm/requests/request.js';
import { onExit, runGuest, step, store, type Bench } from '../machine_vmm.js';

const page = 0x400000n;
const neighbour = 0x401000n;
const other = 0x500000n;
const third = 0x600000n;
const result = 0x300000;

/** Lines that put a different number at the beginning of each page. */
const mark = [page, neighbour, other, third].flatMap((at, index) => [`mov eax, ${index + 1}`, `mov [${at}], rax`]);
/** Lines that read a page into the next place of the results. */
const reader = () => {
  let at = result - 8;
  return (address: bigint): string[] => [`mov rax, [${address}]`, store((at += 8))];
};

/** Answers a violation by `act`, and notes its address. */
function onViolation(act: () => void) {
  const addresses: bigint[] = [];
  const module = onExit('violation', [ExitReason.EptViolation], (exit) => {
    addresses.push(exit.guestPhysicalAddress);
    act();
    return true;
  });
  return { addresses, module };
}

describe('Ept on the simulated PC', () => {
  it('lets one 4-KiB page of a large one exit, and no other', async () => {
    let view!: EptView;
    const { addresses, module } = onViolation(() => view.restore(page));
    const read = reader();
    const { exits, word } = await runGuest(
      [...mark, ...step(0), ...read(neighbour), ...read(page + 8n), ...read(page), ...read(other)],
      [
        (bench) => {
          view = bench.ept.view('mine');
          view.restrict(page, 0);
          bench.ept.enter(bench, bench.vmcs, view);
        },
      ],
      [module],
    );
    expect(addresses).to.deep.equal([page + 8n]);
    expect(exits[ExitReason.EptViolation]).to.equal(1);
    expect([0, 1, 2, 3].map((at) => word(result + 8 * at))).to.deep.equal([2n, 0n, 1n, 3n]);
  });

  for (const withVpid of [false, true]) {
    it(`forgets translations when a view in use changes, ${withVpid ? 'with' : 'without'} VPID`, async () => {
      let view!: EptView;
      const { addresses, module } = onViolation(() => view.restore(page));
      const read = reader();
      const { word } = await runGuest(
        [
          ...[...mark, ...step(0), ...read(page), ...step(1), ...read(page), ...step(2), ...read(page)],
          ...[...step(3), ...read(page)],
        ],
        [
          (bench) => {
            if (withVpid) bench.vpid.enable(bench);
            view = bench.ept.view('mine');
            bench.ept.enter(bench, bench.vmcs, view);
          },
          () => view.restrict(page, 0),
          () => view.redirect(page, other),
          () => view.map(0x400000n, 0x600000n, 0x200000, 7),
        ],
        [module],
      );
      expect(addresses).to.deep.equal([page]);
      expect([0, 1, 2, 3].map((at) => word(result + 8 * at))).to.deep.equal([1n, 1n, 3n, 4n]);
    });

    it(`keeps views apart when a vcpu goes from one to another, ${withVpid ? 'with' : 'without'} VPID`, async () => {
      let inside: Request | undefined;
      const enter = (name: string, target: bigint) => (bench: Bench) => {
        if (withVpid) bench.vpid.enable(bench);
        inside?.[Symbol.dispose]();
        const view = bench.ept.view(name);
        view.redirect(page, target);
        inside = bench.ept.enter(bench, bench.vmcs, view);
      };
      const read = reader();
      const { word } = await runGuest(
        [
          ...[...mark, ...read(page), ...step(0), ...read(page), ...step(1), ...read(page), ...step(0), ...read(page)],
          ...[...step(2), ...read(page)],
        ],
        [enter('one', other), enter('two', third), () => inside![Symbol.dispose]()],
      );
      expect([0, 1, 2, 3, 4].map((at) => word(result + 8 * at))).to.deep.equal([1n, 3n, 4n, 3n, 1n]);
    });
  }

  it('gives two extensions their views at once, and each goes alone', async () => {
    let trapping!: EptView;
    let trap: Request | undefined;
    let stepping!: () => void;
    const { addresses, module } = onViolation(() => stepping());
    const read = reader();
    const { word, exits } = await runGuest(
      [
        ...[...mark, ...step(0), ...step(1), ...read(neighbour), ...read(page), ...read(neighbour), ...read(page)],
        ...[...step(2), ...read(page), ...read(neighbour)],
      ],
      [
        (bench) => {
          bench.vpid.enable(bench);
          trapping = bench.ept.view('trapping');
          trapping.restrict(page, 0);
          trap = bench.ept.enter(bench, bench.vmcs, trapping);
          stepping = () => {
            trap![Symbol.dispose]();
            bench.afterStep(() => (trap = bench.ept.enter(bench, bench.vmcs, trapping)));
          };
        },
        (bench) => {
          const redirecting = bench.ept.view('redirecting');
          redirecting.redirect(neighbour, other);
          bench.ept.enter(bench, bench.vmcs, redirecting);
        },
        () => trap![Symbol.dispose](),
      ],
      [module],
    );
    expect(addresses).to.deep.equal([page, page]);
    expect(exits[ExitReason.MonitorTrapFlag]).to.equal(2);
    const seen = [0, 1, 2, 3, 4, 5].map((at) => word(result + 8 * at));
    expect(seen).to.deep.equal([3n, 1n, 3n, 1n, 1n, 3n]);
  });

  it('hooks a function by a page of the VMM’s that the guest cannot read', async () => {
    const body = (value: number): number[] => [0xb8, value, 0, 0, 0, 0xc3]; // mov eax, value; ret
    const word64 = (bytes: readonly number[]): bigint =>
      bytes.reduceRight((all, byte) => (all << 8n) | BigInt(byte), 0n);
    const original = word64(body(1));
    const call = (at: number): string[] => [`mov ebx, ${page}`, 'call rbx', store(result + 8 * at)];
    const readCode = (at: number): string[] => [`mov rax, [${page}]`, store(result + 8 * at)];
    let copy = 0n;
    let sharing!: Request;
    let trap!: Request;
    let stepping!: () => void;
    const { addresses, module } = onViolation(() => stepping());
    const { word } = await runGuest(
      [
        ...['mov esp, 0x280000', `movabs rax, ${original}`, `mov [${page}], rax`, ...call(0)],
        ...[...step(0), ...call(1), ...readCode(2), ...call(3)],
        ...[...step(1), ...call(4), ...step(2), ...call(5), ...readCode(6)],
      ],
      [
        (bench) => {
          const { manager, memory, ept, vmcs } = bench;
          copy = manager.alloc(4096);
          memory.writeBytes(copy, Uint8Array.from(body(2)));
          sharing = ept.share(bench, copy);
          const view = ept.view('hook');
          view.redirect(page, manager.virtualToPhysical(copy));
          view.restrict(page, EptAccess.Execute);
          trap = ept.enter(bench, vmcs, view);
          stepping = () => {
            trap[Symbol.dispose]();
            bench.afterStep(() => (trap = ept.enter(bench, vmcs, view)));
          };
        },
        ({ memory }) => memory.writeBytes(copy, Uint8Array.from(body(3))),
        ({ manager }) => {
          sharing[Symbol.dispose]();
          manager.free(copy);
        },
      ],
      [module],
    );
    expect(addresses, 'the read alone exits').to.deep.equal([page]);
    expect([0, 1, 2, 3, 4, 5, 6].map((at) => word(result + 8 * at))).to.deep.equal([
      ...[1n, 2n, original, 2n],
      ...[3n, 1n, original],
    ]);
  });

  it('refuses by name two views that lead a page to different places, and the guest goes on with the first', async () => {
    let error: unknown;
    const read = reader();
    const { word } = await runGuest(
      [...mark, ...step(0), ...read(page), ...step(1), ...read(page)],
      [
        (bench) => {
          const one = bench.ept.view('one');
          one.redirect(page, other);
          bench.ept.enter(bench, bench.vmcs, one);
        },
        (bench) => {
          const two = bench.ept.view('two');
          two.redirect(page, third);
          try {
            bench.ept.enter(bench, bench.vmcs, two);
          } catch (thrown) {
            error = thrown;
          }
        },
      ],
    );
    expect(error).to.be.instanceOf(VmcsError);
    expect((error as Error).message).to.match(/'one' and 'two'.*0x400000/);
    expect([word(result), word(result + 8)]).to.deep.equal([3n, 3n]);
  });
});
