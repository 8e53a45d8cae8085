// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { parseWhoTarget } from '../../../src/bfm/gdb/who_target.js';
import { WhoRun } from '../../../src/bfm/replay/who_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { BareflankError } from '../../../src/intrinsics/errors.js';
import type { ReplayPoint } from '../../../src/session/replay/replay_point.js';
import { withSourceMaps } from '../../driver/node/with_source_maps.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';
import { recordedRun } from '../recording/own_run.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const GIGABYTE = 2 ** 30;

async function who(recording: string, what: string, ...until: readonly ReplayPoint[]): Promise<string[]> {
  return whoWith([], recording, what, ...until);
}

/** The same with names of files. */
async function whoWith(
  files: readonly string[],
  recording: string,
  what: string,
  ...until: readonly ReplayPoint[]
): Promise<string[]> {
  const symbols = files.map((file) => ({ file }));
  const request = { recording: path(recording), until, checkpoints: GIGABYTE, symbols, who: parseWhoTarget(what) };
  const { outcome, lastWrite } = await new WhoRun(request, new RunControl(), () => {}).run();
  expect(outcome).to.equal('reached');
  return lastWrite!.text.split('\n');
}

/** An extension with its mistakes, at known lines. */
const extension = (name: string, ...lines: readonly string[]): string =>
  folder.write(
    `${name}.ts`,
    ["import { ExitContribution, ExitReason, vcpuModule, VmcsContribution } from 'bareflank';", ...lines].join('\n'),
  );

describe('WhoRun', () => {
  withSourceMaps();

  it('names the line of an extension that wrote a VMCS field, and the VM exit in which it did', async () => {
    const module = extension(
      'moves',
      'class Moves { name = "moves"; reasons = [ExitReason.Cpuid];',
      '  handleExit(exit) {',
      '    exit.vmcs.guestRip.set(exit.vmcs.guestRip.get() + 2n);',
      '    return true; } }',
      'export default vcpuModule(({ bind }) => bind(ExitContribution).to(Moves));',
    );
    await recordedRun(path('moves'), { append: '3', modules: [module] });
    const lines = await who('moves', 'GUEST_RIP', { kind: 'exit', count: 3 });
    expect(lines[0]).to.match(
      /^GUEST_RIP \(0x681e\) of processor 0: last written by VMWRITE in TypeScript, while the VMM handled VM exit 3: cpuid at RIP (0x\w+)$/,
    );
    expect(lines[1]).to.equal('  before: 0x200053, after: 0x200055');
    expect(lines[2]).to.match(/^ {2}[\d ]+ instructions of all processors before it, 3 VM exits, [\d ]+ ns$/);
    expect(lines[3]).to.match(/^ {2}at Moves\.handleExit \(.*moves\.ts:4:24\)$/);
    expect(lines).to.have.length(4);
  });

  it('finds a field that was written before the first instruction', async () => {
    await recordedRun(path('counted'), { append: '1' });
    const lines = await who('counted', 'host_ss_selector');
    expect(lines.slice(0, 3)).to.deep.equal([
      'HOST_SS_SELECTOR (0x0c04) of processor 0: last written by VMWRITE in TypeScript',
      '  before: 0x0, after: 0x10',
      '  0 instructions of all processors before it, 0 VM exits, 0 ns',
    ]);
    expect(lines[3]).to.include('src/vmm/vmcs/host_fields');
  });

  it('answers of a run that was recorded up to a text', async () => {
    await recordedRun(path('until'), { append: '1', until: 'checksum' });
    const [first, , place] = await who('until', 'GUEST_RIP');
    expect(first).to.match(/^GUEST_RIP .* while the VMM handled VM exit \d+: cpuid at RIP/);
    expect(place).to.match(/^ {2}[\d ]{3,} instructions of all processors before it/);
  });

  it('tells what a VM exit saves, and what no VMWRITE has written', async () => {
    const text = (await who('counted', 'EXIT_REASON')).join('\n');
    expect(text).to.match(
      /^EXIT_REASON \(0x4402\) of processor 0: no VMWRITE has written it since the recording began\n/,
    );
    expect(text).to.match(/each VM exit writes it; \d+ came since, the last one: cpuid at RIP 0x/);
    expect(await who('counted', 'GUEST_CR3')).to.satisfy((lines: string[]) =>
      /each VM exit saves the guest's state into the VMCS; \d+ came since/.test(lines.at(-1)!),
    );
  });

  it('names the line of an extension that wrote an MSR, and the VM exit in which it did', async () => {
    const module = extension(
      'bases',
      "import { Msrs } from 'bareflank';",
      "import { inject, injectable } from 'inversify';",
      '@injectable() class Bases { name = "bases"; reasons = [ExitReason.Cpuid]; @inject(Msrs) msrs; times = 0n;',
      '  handleExit() {',
      '    this.msrs.wrmsr(0xc0000102, ++this.times);',
      '    return false; } }',
      'export default vcpuModule(({ bind }) => bind(ExitContribution).to(Bases));',
    );
    await recordedRun(path('bases'), { append: '3', modules: [module] });
    const lines = await who('bases', 'IA32_KERNEL_GS_BASE', { kind: 'exit', count: 3 });
    expect(lines[0]).to.match(
      /^IA32_KERNEL_GS_BASE \(0xc0000102\) of processor 0: last written in TypeScript, while the VMM handled VM exit 3: cpuid at RIP 0x\w+$/,
    );
    expect(lines[1]).to.equal('  before: 0x1, after: 0x2');
    expect(lines[3]).to.match(/^ {2}at Bases\.handleExit \(.*bases\.ts:6:15\)$/);
    expect(lines).to.have.length(4);
  });

  it("finds the field from which VM entries load the guest's MSR, and says what an MSR is that nobody wrote", async () => {
    const [first] = await who('counted', 'IA32_SYSENTER_EIP');
    expect(first).to.match(
      /^IA32_SYSENTER_EIP \(0x176\) of processor 0: last written by VMWRITE of GUEST_IA32_SYSENTER_EIP \(0x6826\), which VM entries load into it, in TypeScript$/,
    );
    expect(await who('counted', 'IA32_LSTAR')).to.deep.equal([
      'IA32_LSTAR (0xc0000082) of processor 0: no software has written it since the recording began',
      '  its value at the point: 0x0',
    ]);
  });

  it('finds memory that the loader wrote', async () => {
    const [first, frame] = await who('counted', 'phys:0x200000,4');
    expect(first).to.match(
      /^physical 0x200000, 4 bytes, now \w{8}: last written before the first instruction, in TypeScript/,
    );
    expect(frame).to.include('flat_image');
    expect(await who('counted', 'phys:0x70000')).to.deep.equal([
      'physical 0x70000, 1 bytes: nothing has written there since the recording began',
    ]);
  });

  it('names the line of an extension that wrote memory, also if the VM exit at the point retired no instruction', async () => {
    const module = extension(
      'stores',
      "import { GuestMemory } from 'bareflank';",
      "import { inject, injectable } from 'inversify';",
      '@injectable() class Stores { name = "stores"; reasons = [ExitReason.Cpuid]; @inject(GuestMemory) memory; times = 0;',
      '  handleExit(exit) {',
      '    if (++this.times > 2) exit.advance();',
      '    this.memory.writePhysical64(0x70000n, BigInt(this.times));',
      '    return true; } }',
      'export default vcpuModule(({ bind }) => bind(ExitContribution).to(Stores));',
    );
    await recordedRun(path('stores'), { append: '1', modules: [module] });
    for (const [count, value] of [
      [2, '01'],
      [3, '02'],
    ] as const) {
      const lines = await who('stores', 'phys:0x70000,8', { kind: 'exit', count });
      expect(lines[0]).to.include('physical 0x70000, 8 bytes: last written by processor 0, in TypeScript');
      expect(lines[1], `exit ${count}`).to.match(new RegExp(`after: ${value}0{14}$`));
      expect(lines[3]).to.match(/^ {2}at Stores\.handleExit \(.*stores\.ts:7:17\)$/);
    }
  });

  it('knows memory by a name of the guest', async () => {
    const map = folder.write('names.map', '0000000000030000 D tables\n0000000000031ffc D last_word\n');
    await recordedRun(path('named'), { append: '1' });
    const at = { kind: 'exit', count: 2 } as const;
    const named = await whoWith([map], 'named', 'tables+0x8,8', at);
    const [first, ...rest] = await who('named', '0x30008,8', at);
    expect(named).to.deep.equal([`tables+0x8 at ${first!}`, ...rest]);
    for (const [what, why] of [
      ['last_word,8', 'last_word is 0x31ffc here: 8 bytes from there are not within one page'],
      ['no_such_name', '"no_such_name" is no address and no name of the guest'],
    ] as const) {
      const error: unknown = await whoWith([map], 'named', what, at).catch((failure: unknown) => failure);
      expect((error as Error).message).to.include(why);
    }
  });

  it('says so if an extension keeps state that is not brought back, instead of a wrong answer', async () => {
    // A variable of the process, since the recorded run and its replay share the module here.
    const module = extension(
      'forgetful',
      'class Forgetful { name = "forgetful"; reasons = [ExitReason.Cpuid];',
      '  handleExit() { globalThis.forgetful = (globalThis.forgetful ?? 0) + 1;',
      '    if (globalThis.forgetful >= 3) throw new Error("enough"); return false; } }',
      'export default vcpuModule(({ bind }) => bind(ExitContribution).to(Forgetful));',
    );
    const forget = (): boolean => Reflect.deleteProperty(globalThis, 'forgetful');
    await recordedRun(path('forgetful'), { append: '9', modules: [module] }).finally(forget);
    const error: unknown = await who('forgetful', 'VIRTUAL_PROCESSOR_IDENTIFIER')
      .catch((failure: unknown) => failure)
      .finally(forget);
    expect(error).to.be.instanceOf(BareflankError);
    expect((error as Error).message).to.match(/^the run went another way when it was executed again/);
  });

  it('refuses a processor that there is not', async () => {
    const error: unknown = await who('counted', 'GUEST_RIP@1').catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(BareflankError);
    expect((error as Error).message).to.equal('there is no processor 1: the machine has 1, numbered from 0');
  });

  it('answers of a run whose VMM did not start, and passes on why if it cannot', async () => {
    const modules = [join(root, 'docs/when_it_dies/wrong_selector.ts')];
    await recordedRun(path('failed'), { append: '1', modules }).catch(() => {});
    const lines = await who('failed', 'HOST_SS_SELECTOR');
    expect(lines[1]).to.equal('  before: 0x10, after: 0x2b');
    expect(lines[3]).to.match(/^ {2}at HostStack\.setUp \(.*wrong_selector\.ts:15:30\)$/);
    expect(lines.at(-1)).to.match(
      /^ {2}the run ends there, as the recorded one did: vcpu 0 did not start: VMLAUNCH failed/,
    );
    for (const [what, why] of [
      ['VIRTUAL_PROCESSOR_IDENTIFIER', 'did not start'],
      ['phys:0x70000', 'did not start'],
      ['0x200000', 'nothing translates this linear address yet'],
    ] as const) {
      const error: unknown = await who('failed', what).catch((failure: unknown) => failure);
      expect((error as Error).message, what).to.include(why);
    }
  });
});
