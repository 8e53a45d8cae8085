// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { firstRegisterWriter, lastRegisterWriter } from '../../../src/bfm/gdb/last_register_writer.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { DebuggedMemory } from '../../../src/machine/debug/debugged_memory.js';
import { runOf } from '../../session/random_run.js';
import { debuggerOf } from '../../session/debug/debugger_of.js';

const nothing = { processor: 0, field: VmcsField.PageFaultErrorCodeMask };
const target = { kind: 'field', field: VmcsField.PageFaultErrorCodeMask } as const;

describe('lastRegisterWriter', () => {
  it('asks the beginning if the run has no write, and says so if that has none', async () => {
    const { debug, pc } = await debuggerOf(runOf(16));
    await debug.resume();
    const parts = { pc, debug, memory: new DebuggedMemory(pc), processor: 0 };
    let asked = 0;
    const beginning = (): Promise<undefined> => Promise.resolve(void asked++);
    const { lines, instructions } = await lastRegisterWriter({ ...parts, beginning }, target);
    expect([lines, instructions, asked]).to.deep.equal([
      ['PAGE_FAULT_ERROR_CODE_MASK (0x4006) of processor 0: no VMWRITE has written it since the recording began'],
      undefined,
      1,
    ]);
  });
});

describe('firstRegisterWriter', () => {
  it('finds nothing where no machine was made', async () => {
    expect(await firstRegisterWriter(() => Promise.resolve('it failed'), nothing)).to.equal(undefined);
  });
});
