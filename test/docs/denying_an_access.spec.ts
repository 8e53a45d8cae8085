// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadModule } from '../../src/driver/node/load_module.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { Msr } from '../../src/intrinsics/registers/msr_definitions.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';
import { handlers, log, readLog } from '../vmm/guest_programs.js';
import { runGuest } from '../vmm/machine_vmm.js';

const folder = temporaryFolder();
const page = readFileSync(join(packageRoot, 'docs', 'denying_an_access.md'), 'utf8');

describe('docs/denying_an_access.md', () => {
  it("'s extension lets IA32_LSTAR be written once, and then the guest gets #GP at its WRMSR", async function () {
    this.timeout(60_000);
    const source = /`lstar_policy\.ts`:\n\n```ts\n([^]*?)```/.exec(page)![1]!;
    const { modules } = await loadModule(folder.write('lstar_policy.ts', source));
    const write = (value: number): string[] => [`mov ecx, ${Msr.Ia32Lstar}`, `mov eax, ${value}`, 'xor edx, edx'];
    const { word, end } = await runGuest(
      [
        ...[...handlers({ 13: 'fault' }), ...write(0x12345000), 'wrmsr'],
        ...[...write(0x66666000), 'lea rbx, [rip + denied]', ...log('rbx'), 'denied: wrmsr'],
        ...['rdmsr', ...log('rax'), 'jmp done'],
        ...['fault: mov rbp, [rsp + 8]', ...log('rbp'), 'mov rbp, [rsp]', ...log('rbp')],
        ...['add rsp, 8', 'add qword ptr [rsp], 2', 'iretq', 'done: nop'],
      ],
      [],
      modules,
    );
    const [instruction, faultedAt, errorCode, lstar, ...rest] = readLog(word);
    expect([faultedAt, errorCode, lstar, rest]).to.deep.equal([instruction, 0n, 0x12345000n, []]);
    expect(end.kind).to.equal('powered-off');
  });
});
