// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { WasmCore } from '../../../src/machine/processor/wasm_core.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { MemoryError } from '../../../src/machine/memory/memory_error.js';
import { At, SystemMachine } from '../../support/system_machine.js';
import { coreModule, emptyBus } from '../../support/test_core.js';

const module = await coreModule();
const machine = await SystemMachine.make();

describe('WasmCore', () => {
  describe('.createSync', () => {
    it('starts in the state after power-on', () => {
      const core = WasmCore.createSync({ module, memoryBytes: 16 << 20, bus: emptyBus });
      const word = (name: keyof typeof Layout): bigint => core.u64[Layout[name] / 8]!;
      expect([word('RIP'), word('CS_BASE'), word('CR0'), word('RDX')]).to.deep.equal([
        0xfff0n,
        0xffff0000n,
        0x60000010n,
        0x506e3n,
      ]);
      expect(core.instructionCount).to.equal(0);
    });
    it('refuses sizes that are not possible', () => {
      for (const memoryBytes of [0, 100_000, 0xc0010000]) {
        expect(() => WasmCore.createSync({ module, memoryBytes, bus: emptyBus })).to.throw(
          RangeError,
          /guest RAM of \d+ bytes/,
        );
      }
    });
  });
  describe('.createSync without memory', () => {
    afterEach(() => sinon.restore());

    it('says how much it wanted', () => {
      sinon.stub(WebAssembly, 'Memory').throws(new RangeError('could not allocate memory'));
      expect(() => WasmCore.createSync({ module, memoryBytes: 0xc0000000, bus: emptyBus })).to.throw(
        MemoryError,
        /^there is no memory for a machine with 3072 MiB of RAM, which takes \d+ MiB altogether: use less RAM/,
      );
    });
  });

  describe('.run', () => {
    it('stops with Unimplemented, and says why, when software wants last-branch records', () => {
      machine.start();
      const enable = ['mov ecx, 0x1d9', 'mov eax, 1', 'xor edx, edx', 'wrmsr'];
      const stop = (): StopReason => {
        machine.write(At.kernelCode, [...enable, 'mov ecx, 0x680', 'rdmsr', 'inc ebx']);
        return machine.run(100);
      };
      expect(stop()).to.equal(StopReason.Unimplemented);
      expect(machine.word('UNIMPLEMENTED')).to.equal(Constants.UNIMPLEMENTED_LAST_BRANCH_RECORDS);
      expect([machine.get('RIP'), machine.get('RBX')]).to.deep.equal([BigInt(At.kernelCode + 19), 0n]);
      // a probe without LBR is answered as on a processor that has none
      machine.start();
      expect(machine.run64('mov ecx, 0x680', 'rdmsr')).to.include({ vector: 13, code: 0 });
    });
    it('stops when asked, at the next look', () => {
      machine.start();
      machine.write(At.kernelCode, ['again: rdtsc', 'jmp again']);
      machine.cpu.requestStop();
      expect(machine.run(1000)).to.equal(StopReason.Requested);
    });
    it('gives the same state and count whether it runs in one piece or in many', () => {
      const code = [
        'mov ecx, 50',
        'again: push rcx',
        'imul eax, ecx, 77',
        'pop rdx',
        'xor rbx, rax',
        'cpuid',
        'mov ecx, edx',
        'dec cl',
        'jnz again',
      ];
      const outcome = (pieces: number[]): string => {
        machine.start();
        machine.write(At.kernelCode, code);
        for (const n of pieces) machine.run(n);
        return [...machine.u64.subarray(Layout.RAX / 8, Layout.RIP / 8 + 1), machine.rflags()].join();
      };
      expect(outcome([1, 2, 3, 5, 8, 13, 21, 34, 55, 89])).to.equal(outcome([231]));
      expect(outcome(Array.from({ length: 231 }, () => 1))).to.equal(outcome([231]));
    });
  });
  describe('.translate', () => {
    it('follows the page tables, by rights, and changes nothing', () => {
      machine.start();
      machine.map(0x200000, At.pages, 1n);
      expect(machine.cpu.translate(0x200123n)).to.equal(At.pages + 0x123);
      expect(machine.cpu.translate(0x200123n, 'write')).to.equal(-1);
      expect(machine.cpu.translate(0x200123n, 'read', true)).to.equal(-1);
      expect(machine.cpu.translate(0x900000n)).to.equal(-1);
      expect(machine.entry(0x200000)).to.equal(BigInt(At.pages) | 1n);
    });
  });
  describe('.physicalOffset', () => {
    it('knows RAM and the carve-out', () => {
      expect(machine.cpu.physicalOffset(0x1234)).to.equal(Layout.RAM + 0x1234);
      expect(machine.cpu.physicalOffset(0x1_0000_0010)).to.equal(Layout.RAM + (16 << 20) + 0x10);
      expect(machine.cpu.physicalOffset(16 << 20)).to.equal(-1);
      expect(machine.cpu.physicalOffset(0x1_0400_0000)).to.equal(-1);
    });
  });
  describe('.writeControlRegister and .loadSegment', () => {
    it('answer with the vector of the fault, and leave nothing pending', () => {
      machine.start();
      expect(machine.cpu.writeControlRegister(0, 0x80000000, 0)).to.equal(13);
      expect(machine.cpu.loadSegment(Constants.DS, 0x208)).to.equal(13);
      expect(machine.word('FAULT_PENDING')).to.equal(0);
      expect(machine.cpu.writeControlRegister(8, 3, 0)).to.equal(-1);
    });
  });
  describe('.init and .startUp', () => {
    it('a second processor waits for its start-up IPI and begins at its page', () => {
      machine.start();
      machine.set('APIC_BASE', 0xfee00800);
      machine.cpu.init();
      expect(machine.run(10)).to.equal(StopReason.Idle);
      expect(machine.word('ACTIVITY')).to.equal(3);
      machine.write(0x10000, ['mov ax, 7'], 16, 0);
      machine.cpu.startUp(0x10);
      expect(machine.run(10)).to.equal(StopReason.Idle);
      expect([machine.get('RAX'), machine.word('CS_SELECTOR'), machine.word('ACTIVITY')]).to.deep.equal([
        7n,
        0x1000,
        1,
      ]);
    });
  });
  describe('the dirty map', () => {
    it('notes pages written since it was cleared', () => {
      machine.start();
      machine.write(At.kernelCode, ['mov [rbx], al', 'mov [rbx], al', 'mov [rbx], al']);
      machine.set('RBX', At.pages);
      const dirty = (): number => machine.u8[Layout.DIRTY + (At.pages >> 12)]!;
      const clear = (): void => {
        machine.u8[Layout.DIRTY + (At.pages >> 12)] = 0;
        machine.cpu.dirtyCleared();
      };
      for (let i = 0; i < 2; i++) {
        clear();
        expect(dirty()).to.equal(0);
        machine.run(1);
        expect(dirty()).to.equal(1);
      }
    });
  });
});
