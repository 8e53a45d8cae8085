// SPDX-License-Identifier: LGPL-2.1-only
// VMMs with a mistake that shows only if two processors take turns in one way, and the same without it.
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { explore } from '../../../src/session/explore/explore.js';
import type { Predicate } from '../../../src/session/explore/predicate.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, vmmModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { Ept, EptAccess, type EptView } from '../../../src/vmm/ept/ept.js';
import { EptIntelX64 } from '../../../src/vmm/ept/ept_intel_x64.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';
import { Vpid } from '../../../src/vmm/owners/owners.js';
import { ProcessorWork } from '../../../src/vmm/processor_work/processor_work.js';
import { state } from '../../../src/vmm/state/state.js';
import { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import { RaceGuest, othersCode, startOthers, startPage } from '../../machine/race_guest.js';
import { assemble } from '../../support/assembler.js';
import { atPowerOn, endExplored } from './explored_guest.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const preemptions = isFull ? 3 : 1;
/** Set by the first processor once its VMCALL has returned. */
const FLAG = 0x690;
const PAGE = 0x3000;
/** In EAX. */
const Call = { Protect: 1, Stop: 1, Send: 2 } as const;

/** Two processors: what the second one does in real mode, and what the first one does meanwhile. */
function guestOf(first: readonly string[], second: readonly string[]): Uint8Array {
  const others = assemble([...second, `lock inc word ptr [${RaceGuest.done}]`, 'cli', 'hlt'], 16, startPage << 12);
  const wait = ['wait: pause', `cmp word ptr [${RaceGuest.done}], 1`, 'jne wait', 'cli', 'hlt'];
  return assemble([...startOthers(others), ...first, ...wait, ...othersCode(others)], 64, FLAT_IMAGE_ADDRESS);
}

const callOf = (exit: Exit): number => Number(exit.registers.values[0]!);

async function exploredUnder(modules: readonly PartModule[], guest: Uint8Array, predicate: Predicate) {
  const source = {
    identify: (file: string) => file,
    readList: (file: string) => [file],
    load: () => Promise.resolve({ hash: 'test', modules }),
  };
  const { target } = await atPowerOn(guest, 2, ['planted.ts'], {}, source);
  return explore(target, { predicate, preemptions, instructions: 100_000 });
}

describe('A planted race', function () {
  if (isFull) this.timeout(600_000);
  afterEach(endExplored);

  describe('of a forgotten INVEPT on another processor', () => {
    /** Does not drop what other processors have changed. */
    @extension()
    class ForgetfulEpt extends EptIntelX64 {
      override catchUp(): void {}
    }

    /** A VMCALL protects a page against writes. */
    @injectable()
    class Protection implements ExitContribution, VmcsContribution {
      @inject(Ept) private readonly ept!: Ept;
      @inject(Vmcs) private readonly vmcs!: Vmcs;
      @inject(Vpid) private readonly vpid!: Vpid;
      readonly name = 'protection';
      readonly reasons: readonly ExitReason[] = [ExitReason.Vmcall, ExitReason.EptViolation];

      setUp(): void {
        // Without a VPID, each VM exit drops translations anyway.
        this.vpid.enable(this);
        this.ept.enter(this, this.vmcs, this.view);
      }

      handleExit(exit: Exit): boolean {
        if (exit.reason === ExitReason.Vmcall && callOf(exit) !== Call.Protect) return false;
        if (exit.reason === ExitReason.Vmcall) this.view.restrict(BigInt(PAGE), EptAccess.Read | EptAccess.Execute);
        else if (exit.guestPhysicalAddress >> 12n !== BigInt(PAGE >> 12)) return false;
        // The write is left out.
        exit.advance();
        return true;
      }

      private get view(): EptView {
        return this.ept.view('protection');
      }
    }

    const parts = vcpuModule(({ bind }) => {
      bind(Protection).toSelf();
      bind(ExitContribution).toService(Protection);
      bind(VmcsContribution).toService(Protection);
    });
    const guest = guestOf(
      [`mov eax, ${Call.Protect}`, 'vmcall', `mov byte ptr [${FLAG}], 1`],
      [
        `mov byte ptr [${PAGE}], 1`,
        'xor eax, eax',
        'cpuid',
        `cmp byte ptr [${FLAG}], 1`,
        'jne ended',
        `mov byte ptr [${PAGE}], 2`,
        'ended: nop',
      ],
    );
    const isWritten: Predicate = ({ memory }) => memory.read8(PAGE) === 2 && 'a protected page was written';

    it('is found: a write goes to a page that another processor has protected', async () => {
      const forgetful = vmmModule(({ rebind }) => rebind(Ept).to(ForgetfulEpt));
      const { failure } = await exploredUnder([parts, forgetful], guest, isWritten);
      expect(failure).to.include({ end: 'found', detail: 'a protected page was written' });
      expect(failure!.taken).to.have.length(1);
      expect(failure!.taken[0]).to.include({ passedOver: 1, processor: 0, exit: 'cpuid' });
    });

    it(`does not exist with the base's Ept, under any schedule with up to ${preemptions} preemptions`, async () => {
      const { failure, state: explored } = await exploredUnder([parts], guest, isWritten);
      expect(failure).to.equal(undefined);
      expect(explored.counts).to.include({ dead: 0, bound: 0 });
      expect(explored.runs[1]).to.be.greaterThan(3);
    });
  });

  describe('of a VMCALL during a stop', () => {
    /** A service by VMCALLs, which one processor stops on all. */
    @injectable()
    class Service implements ExitContribution {
      @inject(ProcessorWork) private readonly work!: ProcessorWork;
      readonly name = 'service';
      readonly reasons: readonly ExitReason[] = [ExitReason.Vmcall];
      @state() protected buffer: number[] | undefined = [];

      handleExit(exit: Exit): boolean {
        if (callOf(exit) === Call.Stop && Number(exit.registers.values[3]!) === FLAG) this.work.onEach(this, 'leave');
        else if (callOf(exit) === Call.Send) this.take(7);
        else return false;
        exit.advance();
        return true;
      }

      leave(): void {
        this.buffer = undefined;
      }

      /** The mistake: no processor is expected to call after the stop. */
      protected take(value: number): void {
        this.buffer!.push(value);
      }
    }

    /** It answers a call after the stop too. */
    @extension()
    class PatientService extends Service {
      protected override take(value: number): void {
        this.buffer?.push(value);
      }
    }

    const partsOf = (type: typeof Service): PartModule =>
      vcpuModule(({ bind }) => {
        bind(type).toSelf();
        bind(ExitContribution).toService(type);
      });
    const guest = guestOf(
      [`mov byte ptr [${FLAG}], 1`, `mov eax, ${Call.Stop}`, `mov ebx, ${FLAG}`, 'vmcall'],
      [
        `cmp byte ptr [${FLAG}], 1`,
        'je ended',
        'xor eax, eax',
        'cpuid',
        `mov eax, ${Call.Send}`,
        'vmcall',
        'ended: nop',
      ],
    );
    const isDead: Predicate = ({ machine: { end } }) => end?.kind === 'dead' && end.isHalted !== true && end.detail;

    it('is found: a processor calls that looked before the stop', async () => {
      const { failure } = await exploredUnder([partsOf(Service)], guest, isDead);
      expect(failure!.detail).to.match(/vmcall.*TypeError/);
      expect(failure!.taken).to.have.length(1);
      expect(failure!.taken[0]).to.include({ passedOver: 1, processor: 0, exit: 'cpuid' });
    });

    it(`kills no machine whose service answers then too, under any schedule with up to ${preemptions} preemptions`, async () => {
      const { failure, state: explored } = await exploredUnder([partsOf(PatientService)], guest, isDead);
      expect(failure).to.equal(undefined);
      expect(explored.counts).to.include({ dead: 0, bound: 0 });
    });
  });
});
