// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { PAT_VALUE } from '../../../src/vmm/memory_manager/memory_attributes.js';
import { unittestIds } from '../../../src/vmm/vmcall/self_tests.js';
import { VMCALL_MAGIC, VmcallOpcode } from '../../../src/vmm/exit/vmcall_interface.js';
import { ExitReason } from '../../../src/intrinsics/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs_fields.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, vmmModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import { OutOfMemoryError } from '../../../src/vmm/errors.js';
import { ExitHandler } from '../../../src/vmm/exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import { UserVersion } from '../../../src/vmm/vmcall/user_version.js';
import {
  loadVmcallRegisters,
  storeVmcallRegisters,
  type VmcallRegisters,
} from '../../../src/vmm/exit/vmcall_registers.js';
import { defaultSizes, Sizes } from '../../../src/vmm/sizes.js';
import { encodeUtf8, decodeUtf8 } from '../../../src/vmm/support/text.js';
import { captureOutput } from '../capture_output.js';
import { startedVmm } from '../started_vmm.js';

/** A contribution for opcode 0x80 and the JSON command hello. */
const commands = (name: string, answer: string, allowsUserMode?: boolean): PartModule => {
  const contribution: VmcallContribution = {
    name,
    opcodes: [0x80],
    ...(allowsUserMode !== undefined && { allowsUserMode }),
    handleVmcall: (registers) => {
      registers.r03 = BigInt(answer.length);
      return true;
    },
    handleVmcallJson: (command) => ((command as { command: string }).command === 'hello' ? answer : undefined),
  };
  return vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution));
};
const kernelCommands = commands('a-kernel', 'kernel');
const userCommands = commands('user', 'for all', true);

const failure = ErrorCode.BF_VMCALL_FAILURE;
const inAddress = 0x400000n;
const outAddress = 0x480000n;

function guest(modules: readonly PartModule[] = []) {
  const { machine } = startedVmm(modules);
  const { memory, generalRegisters, fields } = machine;
  // A page table at 0x9000 that maps 0x400000 … 0x5fffff to 0x800000.
  memory.writePhysical64(0x9000n, 0xa007n);
  memory.writePhysical64(0xa000n, 0xb007n);
  memory.writePhysical64(0xb010n, 0x800087n);
  fields.set(VmcsField.GuestCr3, 0x9018n);
  fields.set(VmcsField.GuestIa32Pat, PAT_VALUE);
  fields.set(VmcsField.GuestRip, 0x1000n);
  let output = '';
  const call = (registers: Partial<VmcallRegisters>): VmcallRegisters => {
    const zero = loadVmcallRegisters(new BigUint64Array(16));
    storeVmcallRegisters({ ...zero, r01: VMCALL_MAGIC, ...registers }, generalRegisters.values);
    output = captureOutput(() => machine.exit(ExitReason.Vmcall, { length: 3 }));
    return loadVmcallRegisters(generalRegisters.values);
  };
  const page = (address: bigint): Uint8Array => memory.page(0x800000n + (address - inAddress));
  const data = (type: number, input: Uint8Array, sizes: Partial<VmcallRegisters> = {}): VmcallRegisters => {
    page(inAddress).set(input);
    return call({
      r00: 3n,
      r04: BigInt(type),
      r05: inAddress,
      r06: BigInt(input.length),
      r08: outAddress,
      r09: 0x1000n,
      ...sizes,
    });
  };
  /** What calls is user mode from now on. */
  const asUser = (): void => void fields.set(VmcsField.GuestSsAccessRights, 0xc0f3n);
  const answer = (size: bigint): Uint8Array => page(outAddress).slice(0, Number(size));
  return { machine, call, data, answer, asUser, rip: () => fields.get(VmcsField.GuestRip), output: () => output };
}

const rebinding = (type: new () => ExitHandlerIntelX64): PartModule =>
  vcpuModule(({ rebind }) => rebind(ExitHandler).to(type));

describe('VMCALL', () => {
  describe('of user mode', () => {
    it('is #UD unless a contribution allows it', () => {
      const { machine, call, asUser, rip, output } = guest([kernelCommands]);
      asUser();
      for (const r00 of [1n, 2n, 3n, 0x80n, 0x1234n]) {
        expect(call({ r00 }).r01, 'no answer').to.equal(VMCALL_MAGIC);
        expect(machine.fields.get(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000306n);
        expect([rip(), output()]).to.deep.equal([0x1000n, '']);
      }
    });

    it('reaches the contributions that allow it, and neither others nor the base', () => {
      const { call, asUser, rip, output } = guest([kernelCommands, userCommands]);
      expect(call({ r00: 0x80n }).r03, 'the first, for the kernel').to.equal(6n);
      asUser();
      expect(call({ r00: 0x80n })).to.include({ r01: 0n, r03: 7n });
      expect(call({ r00: 1n }).r01).to.equal(failure);
      expect(output()).to.match(/no contribution lets user mode make VMCALL 0x1/);
      expect(rip()).to.equal(0x1000n + 9n);
    });
  });

  it('shows contributions the exit, with the CPL that called', () => {
    const levels: number[] = [];
    const witness: VmcallContribution = {
      name: 'witness',
      opcodes: [0x80],
      allowsUserMode: true,
      handleVmcall: (_registers, exit) => {
        levels.push(exit.privilegeLevel());
        return true;
      },
    };
    const { call, asUser } = guest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(witness))]);
    call({ r00: 0x80n });
    asUser();
    call({ r00: 0x80n });
    expect(levels).to.deep.equal([0, 3]);
  });

  it("start and stop are the driver's: a guest's fail", () => {
    const handled: string[] = [];
    @extension()
    class Noting extends ExitHandlerIntelX64 {
      protected override handleVmcallStart(): void {
        handled.push('start');
      }
      protected override handleVmcallStop(): void {
        handled.push('stop');
      }
    }
    const { machine, call, output } = guest([vcpuModule(({ rebind }) => rebind(ExitHandler).to(Noting))]);
    for (const [isDriver, result] of [
      [true, 0n],
      [false, failure],
    ] as const) {
      machine.driverContext = isDriver;
      for (const opcode of [VmcallOpcode.VMCALL_START, VmcallOpcode.VMCALL_STOP])
        expect(call({ r00: BigInt(opcode) }).r01).to.equal(result);
    }
    expect(handled).to.deep.equal(['start', 'stop']);
    expect(output()).to.match(/VMCALL stop is the driver's/);
  });

  it('steps over the instruction and answers 0', () => {
    const { call, rip } = guest();
    expect(call({ r00: 2n }).r01).to.equal(0n);
    expect(rip()).to.equal(0x1003n);
  });

  it('fails for a wrong magic number, leaving the other registers', () => {
    const { call, output, rip } = guest();
    const answer = call({ r00: 2n, r01: 5n, r02: 7n });
    expect([answer.r01, answer.r02]).to.deep.equal([failure, 7n]);
    expect(output()).to.match(/invalid magic 0x5/);
    expect(rip()).to.equal(0x1003n);
  });

  it('fails for an unknown opcode', () => {
    const { call, output } = guest();
    expect(call({ r00: 99n }).r01).to.equal(failure);
    expect(output()).to.match(/unknown vmcall opcode 0x63/);
  });

  it('says BF_BAD_ALLOC when memory runs out', () => {
    @extension()
    class Greedy extends ExitHandlerIntelX64 {
      protected override handleVmcallEvent(): void {
        throw new OutOfMemoryError('nothing left');
      }
    }
    expect(guest([rebinding(Greedy)]).call({ r00: 4n }).r01).to.equal(ErrorCode.BF_BAD_ALLOC);
  });

  it('treats any thrown value as a failure, and returns the registers as the handler left them', () => {
    @extension()
    class Odd extends ExitHandlerIntelX64 {
      protected override handleVmcallRegisters(registers: VmcallRegisters): void {
        registers.r05 = 55n;
        throw 'a text';
      }
    }
    const { call, output, rip } = guest([rebinding(Odd)]);
    const { r01, r05 } = call({ r00: 2n, r05: 1n });
    expect([r01, r05, rip()]).to.deep.equal([failure, 55n, 0x1003n]);
    expect(output()).to.include('vmcall 0x2: a text');
  });

  describe('versions', () => {
    const cases: [string, bigint, bigint[]][] = [
      ['protocol', 0n, [1n, 0n, 0n]],
      ['Bareflank', 1n, [1n, 1n, 0n]],
      ['user', 10n, [0n, 0n, 0n]],
      ['user-defined', 1n << 63n, [0n, 0n, 0n]],
    ];
    for (const [name, index, version] of cases) {
      it(`answers the ${name} version`, () => {
        const { r01, r03, r04, r05 } = guest().call({ r00: 1n, r02: index });
        expect([r01, r03, r04, r05]).to.deep.equal([0n, ...version]);
      });
    }

    it('takes the user’s own version from its binding', () => {
      const { call } = guest([vmmModule(({ rebind }) => rebind(UserVersion).toConstantValue([3, 2, 1]))]);
      const { r03, r04, r05 } = call({ r00: 1n, r02: 10n });
      expect([r03, r04, r05]).to.deep.equal([3n, 2n, 1n]);
    });

    it('fails for an unknown index', () => {
      expect(guest().call({ r00: 1n, r02: 2n }).r01).to.equal(failure);
    });
  });

  it('logs registers and echoes them', () => {
    const { call, output } = guest();
    const registers = {
      r02: 2n,
      r03: 3n,
      r04: 4n,
      r05: 5n,
      r06: 6n,
      r07: 7n,
      r08: 8n,
      r09: 9n,
      r10: 10n,
      r11: 11n,
      r12: 12n,
    };
    expect(call({ r00: 2n, ...registers })).to.deep.equal({ r00: 2n, r01: 0n, ...registers });
    expect(output()).to.match(/r02: 0x2\n.*r12: 0xc/s);
  });

  it('logs an event', () => {
    const { call, output } = guest();
    expect(call({ r00: 4n, r02: 0x55n }).r01).to.equal(0n);
    expect(output()).to.match(/vmcall event: 0x55/);
  });

  it('does nothing at start and stop', () => {
    const { call } = guest();
    expect([call({ r00: 5n }).r01, call({ r00: 6n }).r01]).to.deep.equal([0n, 0n]);
  });

  describe('data', () => {
    it('echoes a string, with type and size', () => {
      const { data, answer, output } = guest();
      const { r01, r07, r09 } = data(1, encodeUtf8('hello wörld'));
      expect([r01, r07, r09]).to.deep.equal([0n, 1n, 12n]);
      expect(decodeUtf8(answer(r09))).to.equal('hello wörld');
      expect(output()).to.match(/received in vmm: hello wörld/);
    });

    it('echoes JSON, parsed and printed again', () => {
      const { data, answer } = guest();
      const { r01, r07, r09 } = data(2, encodeUtf8('{ "a" : [1, "x"] }'));
      expect([r01, r07]).to.deep.equal([0n, 2n]);
      expect(decodeUtf8(answer(r09))).to.equal('{"a":[1,"x"]}');
    });

    for (const [what, value, reason] of [
      ['a function', () => 1, /returned what is no JSON \(function\)/],
      ['a bigint', 5n, /returned what is no JSON \(.*BigInt/],
    ] as const)
      it(`fails for a contribution that answers a JSON command with ${what}, and says why`, () => {
        const contribution: VmcallContribution = {
          name: 'odd',
          opcodes: [],
          handleVmcall: () => false,
          handleVmcallJson: () => value,
        };
        const odd = guest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution))]);
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
      const it = guest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution))]);
      const { r01, r09 } = it.data(2, encodeUtf8('{"command":"unknown"}'));
      expect(r01).to.equal(0n);
      expect(decodeUtf8(it.answer(r09))).to.equal('null');
    });

    it('echoes binary data', () => {
      const { data, answer } = guest();
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
          const { data, output, machine } = guest();
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
        const { data, output, machine } = guest();
        expect(data(type, encodeUtf8('hello')).r01).to.equal(failure);
        expect(output()).to.match(message);
        expect(() => machine.memory.translate(0x200000n, 'read')).to.throw();
      });
    }

    it('says BF_BAD_ALLOC when addresses for the buffers run out, and leaves nothing mapped', () => {
      const mapPool = 4096;
      const { data, machine } = guest([
        vmmModule(({ rebind }) => rebind(Sizes).toConstantValue({ ...defaultSizes, mapPool })),
      ]);
      expect(data(1, encodeUtf8('hello')).r01).to.equal(ErrorCode.BF_BAD_ALLOC);
      expect(() => machine.memory.translate(0x200000n, 'read')).to.throw();
    });

    it('does for user mode what its page table allows, and no more', () => {
      const { data, machine, output } = guest([userCommands]);
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
      const { data, answer, asUser, output } = guest([userCommands]);
      asUser();
      const { r01, r09 } = data(2, encodeUtf8('{"command":"hello"}'));
      expect([r01, decodeUtf8(answer(r09))]).to.deep.equal([0n, '"for all"']);
      expect(data(2, encodeUtf8('{"command":"other"}')).r01).to.equal(failure);
      expect(output()).to.match(/no contribution lets user mode send this JSON command/);
      for (const type of [1, 10]) expect(data(type, encodeUtf8('hello')).r01).to.equal(failure);
      expect(output()).to.match(/user mode may send JSON commands only/);
    });

    it('fails for a guest without 4-level paging', () => {
      const { data, output, machine } = guest();
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
      const { data, output } = guest([rebinding(Talkative)]);
      expect(data(1, encodeUtf8('hi'), { r09: 99n }).r01).to.equal(failure);
      expect(output()).to.match(/answer of 100 bytes does not fit into the out buffer of 99/);
      expect(data(1, encodeUtf8('hi'), { r09: 100n }).r01).to.equal(0n);
    });
  });

  describe('unittest', () => {
    for (const [id, name] of Object.entries(unittestIds)) {
      it(`0x${Number(id).toString(16)} (${name}) passes`, () => {
        expect(guest().call({ r00: 10n, r02: BigInt(id) }).r01).to.equal(0n);
      });
    }

    it('fails when what it tests does not work', () => {
      const { call, output } = guest();
      const sort = sinon.stub(Uint32Array.prototype, 'sort');
      try {
        expect(call({ r00: 10n, r02: 0x1001n }).r01).to.equal(failure);
      } finally {
        sort.restore();
      }
      expect(output()).to.include('self test failed: a typed array sorts');
    });

    it('fails for unknown ids, the user’s too by default', () => {
      const { call, output } = guest();
      expect(call({ r00: 10n, r02: 0x2000n }).r01).to.equal(failure);
      expect(output()).to.match(/unknown unittest 0x2000; there are 0x1001/);
      expect(call({ r00: 10n, r02: (1n << 63n) | 1n }).r01).to.equal(failure);
    });
  });

  it('asks contributions first, by opcode', () => {
    const log: bigint[] = [];
    const contribution: VmcallContribution = {
      name: 'mine',
      opcodes: [4, 77],
      handleVmcall: (registers) => {
        log.push(registers.r02);
        registers.r03 = 9n;
        return registers.r00 === 77n;
      },
    };
    const { call, output } = guest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution))]);
    const answer = call({ r00: 77n, r02: 1n });
    expect([answer.r01, answer.r03]).to.deep.equal([0n, 9n]);
    call({ r00: 4n, r02: 2n });
    expect(output(), 'false: the base handles it').to.match(/event: 0x2/);
    call({ r00: 2n, r02: 3n });
    expect(log).to.deep.equal([1n, 2n]);
  });

  it('may be completed later', () => {
    let complete: (() => void) | undefined;
    @extension()
    class Patient extends ExitHandlerIntelX64 {
      protected override handleVmcall(): void {
        const registers = loadVmcallRegisters(this.exit.registers.values);
        complete = () => this.completeVmcall(0n, { ...registers, r03: 5n });
      }
    }
    const { call, machine, rip } = guest([rebinding(Patient)]);
    call({ r00: 2n });
    expect(rip()).to.equal(0x1000n);
    complete!();
    expect(rip()).to.equal(0x1003n);
    expect(loadVmcallRegisters(machine.generalRegisters.values).r03).to.equal(5n);
  });
});
