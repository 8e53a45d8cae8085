// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failureLines, instructionText, writerFrames } from '../../../src/bfm/gdb/writer_text.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { runOf } from '../../session/random_run.js';
import { debuggerOf } from '../../session/debug/debugger_of.js';

const ours = (file: string): string =>
  `    at write (${pathToFileURL(join(packageRoot, 'build', 'src', file)).href}:1:2)`;
const trace = (...frames: readonly string[]): string => ['Error', ...frames].join('\n');

describe('writerFrames', () => {
  it("are those of the user's code, if it took part", () => {
    expect(
      writerFrames(trace(ours('vmm/vmcs/vmcs.js'), '    at Mine.handleExit (/home/me/mine.ts:3:4)')),
    ).to.deep.equal(['at Mine.handleExit (/home/me/mine.ts:3:4)']);
  });

  it('are those of the framework otherwise, without what the machine does for each write', () => {
    const inner = ['machine/memory/memory_writer.js', 'machine/debug/machine_stops.js', 'machine/vmx/vmcs/vmcs.js'].map(
      ours,
    );
    expect(
      writerFrames(trace(...inner, ours('vmm/ept/ept_intel_x64.js'), ours('vmm/entry/entry_x64.js'))),
    ).to.deep.equal([
      'at write (build/src/vmm/ept/ept_intel_x64.js:1:2)',
      'at write (build/src/vmm/entry/entry_x64.js:1:2)',
    ]);
  });

  it('name the caller of an accessor of the VMCS, not the accessor', () => {
    const accessors = ['vmm/vmcs_fields/vmcs_field_source.js', 'intrinsics/accessors/word_accessor.js'].map(ours);
    const write = ours('vmm/vmcs/vmcs_intel_x64.js').replace('at write', 'at VmcsIntelX64.write');
    const fill = ours('vmm/vmcs/vmcs_intel_x64.js').replace('at write', 'at VmcsIntelX64.fill');
    expect(writerFrames(trace(write, ...accessors, fill))).to.deep.equal([
      'at VmcsIntelX64.fill (build/src/vmm/vmcs/vmcs_intel_x64.js:1:2)',
    ]);
  });
});

describe('failureLines', () => {
  it('have the first line of a failure', () => {
    expect(failureLines(undefined)).to.deep.equal([]);
    expect(failureLines('VMLAUNCH failed\n  a rule')).to.deep.equal([
      '  the run ends there, as the recorded one did: VMLAUNCH failed',
    ]);
  });
});

describe('instructionText', () => {
  it('has RIP and the instruction there', async () => {
    const { pc } = await debuggerOf(runOf(0));
    expect(await instructionText(pc, 0, pc.core.block.get('RIP'))).to.match(/^RIP 0x[0-9a-f]+: [a-z]+/);
  });
});
