// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, vmmModule } from '../../../src/vmm/container/part_module.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import type { VmcallRegisters } from '../../../src/vmm/exit/vmcall_registers.js';
import { defaultSizes, Sizes } from '../../../src/vmm/sizes.js';
import { encodeUtf8, decodeUtf8 } from '../../../src/vmm/support/text.js';
import { failure, vmcallGuest, rebinding, userCommands } from './vmcall_guest.js';

describe('VMCALLs', () => {
  describe('data', () => {
    it('echoes a string, with type and size', () => {
      const { data, answer, output } = vmcallGuest();
      const { r01, r07, r09 } = data(1, encodeUtf8('hello wörld'));
      expect([r01, r07, r09]).to.deep.equal([0n, 1n, 12n]);
      expect(decodeUtf8(answer(r09))).to.equal('hello wörld');
      expect(output()).to.match(/received in vmm: hello wörld/);
    });

    it('echoes JSON, parsed and printed again', () => {
      const { data, answer } = vmcallGuest();
      const { r01, r07, r09 } = data(2, encodeUtf8('{ "a" : [1, "x"] }'));
      expect([r01, r07]).to.deep.equal([0n, 2n]);
      expect(decodeUtf8(answer(r09))).to.equal('{"a":[1,"x"]}');
    });

    for (const [what, value, reason] of [
      ['a function', () => 1, /returned a value that is not JSON \(function\)/],
      ['a bigint', 5n, /returned a value that is not JSON \(.*BigInt/],
    ] as const)
      it(`fails for a contribution that answers a JSON command with ${what}, and says why`, () => {
        const contribution: VmcallContribution = {
          name: 'odd',
          opcodes: [],
          handleVmcall: () => false,
          handleVmcallJson: () => value,
        };
        const odd = vmcallGuest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution))]);
        expect(odd.data(2, encodeUtf8('1')).r01).to.equal(failure);
        expect(odd.output()).to.match(reason);
      });

    it('answers null where a contribution does, and does not ask the base', () => {
      const contribution: VmcallContribution = {
        name: 'nothing',
        opcodes: [],
        handleVmcall: () => false,
        handleVmcallJson: () => null,
      };
      const it = vmcallGuest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution))]);
      const { r01, r09 } = it.data(2, encodeUtf8('{"command":"unknown"}'));
      expect(r01).to.equal(0n);
      expect(decodeUtf8(it.answer(r09))).to.equal('null');
    });

    it('echoes binary data', () => {
      const { data, answer } = vmcallGuest();
      const { r01, r07, r09 } = data(10, Uint8Array.of(0, 255, 7));
      expect([r01, r07, r09]).to.deep.equal([0n, 10n, 3n]);
      expect([...answer(r09)]).to.deep.equal([0, 255, 7]);
    });

    const types = { text: 1, JSON: 2, 'binary data': 10 };
    const buffers: [string, Partial<VmcallRegisters>, RegExp][] = [
      ['an in buffer at 0', { r05: 0n }, /in buffer has address 0x0/],
      ['an in buffer of 0 bytes', { r06: 0n }, /in buffer.*size 0/],
      ['an in buffer that is too large', { r06: 131073n, r09: 131073n }, /131073 bytes; at most 131072/],
      ['an out buffer at 0', { r08: 0n }, /out buffer has address 0x0/],
      ['an out buffer of 0 bytes', { r09: 0n }, /out buffer.*size 0/],
      ['an out buffer that is too large', { r09: 131073n }, /at most 131072/],
      ['an out buffer smaller than the in buffer', { r09: 1n }, /smaller than the in buffer/],
      ['an address that is not mapped', { r05: 0x12340000n }, /guest-virtual 0x12340000 is not mapped/],
      ['an out address that is not mapped', { r08: 0x12340000n }, /guest-virtual 0x12340000 is not mapped/],
      ['an address that is not canonical', { r05: 0x800000000000n }, /0x800000000000 is not canonical/],
    ];
    for (const [name, type] of Object.entries(types)) {
      for (const [what, registers, message] of buffers) {
        it(`of ${name} fails for ${what}, and leaves nothing mapped`, () => {
          const { data, output, machine } = vmcallGuest();
          expect(data(type, encodeUtf8('[1]  '), registers).r01).to.equal(failure);
          expect(output()).to.match(message);
          expect(() => machine.memory.translate(0x200000n, 'read')).to.throw();
        });
      }
    }

    const contents: [string, number, RegExp][] = [
      ['type 0', 0, /unknown vmcall data type 0/],
      ['an unknown type', 3, /unknown vmcall data type 3/],
      ['JSON that is none', 2, /JSON/],
    ];
    for (const [what, type, message] of contents) {
      it(`fails for ${what}, and leaves nothing mapped`, () => {
        const { data, output, machine } = vmcallGuest();
        expect(data(type, encodeUtf8('hello')).r01).to.equal(failure);
        expect(output()).to.match(message);
        expect(() => machine.memory.translate(0x200000n, 'read')).to.throw();
      });
    }

    it('says BF_BAD_ALLOC when addresses for the buffers run out, and leaves nothing mapped', () => {
      const mapPool = 4096;
      const { data, machine } = vmcallGuest([
        vmmModule(({ rebind }) => rebind(Sizes).toConstantValue({ ...defaultSizes, mapPool })),
      ]);
      expect(data(1, encodeUtf8('hello')).r01).to.equal(ErrorCode.BF_BAD_ALLOC);
      expect(() => machine.memory.translate(0x200000n, 'read')).to.throw();
    });

    it('does for user mode what its page table allows, and no more', () => {
      const { data, machine, output } = vmcallGuest([userCommands]);
      const entry = (bits: bigint): void => machine.memory.writePhysical64(0xb010n, 0x800000n | bits);
      const asUser = (): VmcallRegisters => {
        machine.fields.set(VmcsField.GuestSsAccessRights, 0xc0f3n);
        return data(2, encodeUtf8('{"command":"hello"}'));
      };
      entry(0x87n);
      expect(asUser().r01).to.equal(0n);
      entry(0x83n);
      expect(asUser().r01, "the kernel's").to.equal(failure);
      expect(output()).to.match(/not for user mode/);
      entry(0x85n);
      expect(asUser().r01, 'read-only').to.equal(failure);
      expect(output()).to.match(/guest-virtual 0x480000 is read-only/);
      machine.fields.set(VmcsField.GuestSsAccessRights, 0xc093n);
      expect(data(1, encodeUtf8('hello')).r01, 'of the kernel').to.equal(0n);
    });

    it('of user mode goes to contributions that allow it, and never to the base', () => {
      const { data, answer, asUser, output } = vmcallGuest([userCommands]);
      asUser();
      const { r01, r09 } = data(2, encodeUtf8('{"command":"hello"}'));
      expect([r01, decodeUtf8(answer(r09))]).to.deep.equal([0n, '"for all"']);
      expect(data(2, encodeUtf8('{"command":"other"}')).r01).to.equal(failure);
      expect(output()).to.match(/no contribution allows user mode to send this JSON command/);
      for (const type of [1, 10]) expect(data(type, encodeUtf8('hello')).r01).to.equal(failure);
      expect(output()).to.match(/user mode may send JSON commands only/);
    });

    it('fails for a guest without 4-level paging', () => {
      const { data, output, machine } = vmcallGuest();
      machine.fields.set(VmcsField.GuestIa32Efer, 0x800n);
      expect(data(1, encodeUtf8('hello')).r01).to.equal(failure);
      expect(output()).to.match(/IA-32e mode/);
    });

    it('checks that an answer fits', () => {
      @extension()
      class Talkative extends ExitHandlerIntelX64 {
        protected override handleVmcallDataStringUnformatted(): string {
          return 'x'.repeat(100);
        }
      }
      const { data, output } = vmcallGuest([rebinding(Talkative)]);
      expect(data(1, encodeUtf8('hi'), { r09: 99n }).r01).to.equal(failure);
      expect(output()).to.match(/answer of 100 bytes does not fit into the out buffer of 99/);
      expect(data(1, encodeUtf8('hi'), { r09: 100n }).r01).to.equal(0n);
    });
  });
});
