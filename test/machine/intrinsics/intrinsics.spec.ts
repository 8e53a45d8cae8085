// SPDX-License-Identifier: LGPL-2.1-only
import { debugAddressRegisters } from '../../../src/intrinsics/instructions/control_registers.js';
import { expect } from 'chai';
import { ProcessorFault, VmmPageFault } from '../../../src/intrinsics/errors.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { ProcessorDeadError } from '../../../src/machine/processor/processor_death.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { IntrinsicsMachine, System } from './intrinsics_machine.js';

describe('The intrinsics on the machine', () => {
  let machine: IntrinsicsMachine;
  beforeEach(async () => {
    machine = await IntrinsicsMachine.create();
  });

  describe('outside VMX operation', () => {
    it('read and write control registers, with the faults of the instructions', () => {
      machine.driver.run(() => {
        const { controlRegisters } = machine;
        controlRegisters.writeCr4(0x20a0n);
        expect(controlRegisters.readCr4()).to.equal(0x20a0n);
        expect(() => controlRegisters.writeCr4(0n), 'PAE off in long mode').to.throw(ProcessorFault, /exception 13/);
        expect(() => controlRegisters.writeCr0(1n << 32n)).to.throw(ProcessorFault);
        controlRegisters.writeDebugAddress(2, 0x1234n);
        expect(debugAddressRegisters.map((each) => controlRegisters.readDebugAddress(each))).to.deep.equal([
          0n,
          0n,
          0x1234n,
          0n,
        ]);
        controlRegisters.writeDr6(0x4001n);
        expect(controlRegisters.readDr6()).to.equal(0xffff4ff1n);
        expect(() => controlRegisters.writeDr6(1n << 32n)).to.throw(ProcessorFault);
        controlRegisters.writeDr7(0n);
        expect(controlRegisters.readDr7()).to.equal(0x400n);
        controlRegisters.writeRflags(0x246n);
        expect(controlRegisters.readRflags()).to.equal(0x246n);
        controlRegisters.writeRflags(2n);
      });
    });

    it('are #UD for VMX instructions', () => {
      expect(() => machine.vmx.vmptrst()).to.throw(ProcessorFault, /VMXON first/);
      expect(() => machine.vmx.vmlaunch()).to.throw(ProcessorFault, /VMLAUNCH outside VMX operation/);
    });

    it('read and write MSRs, with #GP for those that do not exist', () => {
      machine.msrs.wrmsr(0x175, 0x1234n);
      expect(machine.msrs.rdmsr(0x175)).to.equal(0x1234n);
      expect(() => machine.msrs.rdmsr(0x12345678)).to.throw(ProcessorFault, /0x12345678 raised #GP/);
      expect(() => machine.msrs.wrmsr(0xc0000080, 1n << 20n)).to.throw(ProcessorFault, /0x100000/);
    });

    it('tell the time that the time-stamp counter was given', () => {
      const { msrs, processorIntrinsic: processor } = machine;
      msrs.wrmsr(0x10, 0x1_0000_0000n);
      expect(processor.rdtsc()).to.equal(0x1_0000_0000n);
      expect(processor.rdtscp()).to.equal(0x1_0000_0000n);
    });

    it('do I/O, CPUID, selectors and tables', () => {
      const { portIo, cpuid, segments, written } = machine;
      expect([portIo.inb(3), portIo.inw(4), portIo.ind(5)]).to.deep.equal([6, 8, 10]);
      portIo.outb(0x80, 0x1ff);
      portIo.outd(0x81, -1);
      expect(written).to.deep.equal([
        [0x80, 1, 0xff],
        [0x81, 4, 0xffffffff],
      ]);
      const result = new Uint32Array(4);
      cpuid.cpuid(0, 0, result);
      expect(result[1]).to.equal(0x756e6547);
      segments.lgdt({ base: 0x5000n, limit: 0x7f });
      expect(segments.sgdt()).to.deep.equal({ base: 0x5000n, limit: 0x7f });
      expect(() => segments.lidt({ base: 1n << 50n, limit: 0 })).to.throw(ProcessorFault);
      expect(segments.readSelector('cs')).to.equal(8);
    });
  });

  describe('as the guest', () => {
    it('make real VM exits, handled to their end before the call returns', () => {
      machine.driver.run(() => {
        expect(machine.launch()).to.equal(true);
        const result = new Uint32Array(4);
        machine.cpuid.cpuid(0x40, 2, result);
        expect([...result]).to.deep.equal([0x42, 33, 11, 22]);
        machine.processorIntrinsic.invd();
        machine.vmx.vmcall();
        machine.vmx.vmread(VmcsField.GuestRip);
      });
      expect(machine.exits).to.deep.equal([ExitReason.Cpuid, ExitReason.Invd, ExitReason.Vmcall, ExitReason.Vmread]);
    });

    it('do what needs no exit without one', () => {
      machine.driver.run(() => {
        machine.launch();
        expect(machine.controlRegisters.readCr4() & 0x2000n).to.equal(0x2000n);
        machine.msrs.wrmsr(0x175, 0x77n);
        expect(machine.msrs.rdmsr(0x175)).to.equal(0x77n);
        expect(machine.portIo.inb(3)).to.equal(6);
        expect(machine.segments.sgdt().limit).to.equal(0x27);
        expect(machine.segments.readSelector('tr')).to.equal(0x18);
      });
      expect(machine.exits).to.deep.equal([]);
    });

    it('execute RDTSC, WBINVD, CLFLUSH, INVLPG and PAUSE without an exit; RDTSCP is #UD unless the VMCS enables it', () => {
      machine.driver.run(() => {
        machine.launch();
        const { processorIntrinsic: processor } = machine;
        const first = processor.rdtsc();
        expect(Number(processor.rdtsc() - first)).to.be.within(1, 1000);
        expect(() => processor.rdtscp()).to.throw(ProcessorFault, /rdtscp raised exception 6/);
        processor.wbinvd();
        processor.clflush(0x1000n);
        processor.invlpg(0x1000n);
        processor.pause();
      });
      expect(machine.exits).to.deep.equal([]);
    });

    it('make RDTSC, INVLPG, PAUSE and HLT exit where the VMCS says so', () => {
      const [hlt, invlpg, rdtsc, pause] = [1n << 7n, 1n << 9n, 1n << 12n, 1n << 30n];
      const addresses: unknown[] = [];
      const noteAddress = (): void => {
        if (machine.vmx.vmreadLow(VmcsField.ExitReason) === Number(ExitReason.Invlpg))
          addresses.push(machine.vmx.vmread(VmcsField.ExitQualification));
        machine.skipExit();
      };
      machine.driver.run(() => {
        machine.launch(noteAddress, {
          PrimaryProcessorBasedVmExecutionControls: 0x04006172n | hlt | invlpg | rdtsc | pause,
        });
        const { processorIntrinsic: processor } = machine;
        processor.rdtsc();
        processor.invlpg(0x1234000n);
        processor.pause();
        processor.halt();
      });
      expect(machine.exits).to.deep.equal([ExitReason.Rdtsc, ExitReason.Invlpg, ExitReason.Pause, ExitReason.Hlt]);
      expect(addresses).to.deep.equal([0x1234000n]);
    });

    it('throw ProcessorFault for a fault of the instruction, which no exit saw', () => {
      machine.driver.run(() => {
        machine.launch();
        expect(() => machine.msrs.rdmsr(0x1ffe)).to.throw(ProcessorFault, /rdmsr raised exception 13/);
        expect(() => machine.controlRegisters.writeCr4(0n)).to.throw(ProcessorFault);
        expect(machine.controlRegisters.readCr3(), 'the next one works').to.not.equal(0n);
      });
      expect(machine.exits).to.deep.equal([]);
    });

    it('pass general registers to the VMM and back', () => {
      machine.driver.run(() => {
        machine.launch(() => {
          machine.registers.values[2] = machine.registers.values[8]! + 1n;
          machine.skipExit();
        });
        machine.registers.values[8] = 41n;
        machine.vmx.vmcall();
        expect(machine.registers.values[2]).to.equal(42n);
      });
    });

    it('leave VMX operation by an exit that hands the processor back', () => {
      machine.driver.run(() => {
        const { rsp } = machine.hostEntry.launchPoint();
        machine.launch(() => {
          machine.exits.push(machine.vmx.vmreadLow(VmcsField.ExitReason));
          const rip = machine.vmx.vmread(VmcsField.GuestRip)!;
          machine.controlRegisters.writeCr3(machine.vmx.vmread(VmcsField.GuestCr3)!);
          machine.hostEntry.returnTo(rip, rsp, 2n);
        });
        machine.vmx.vmxoff();
        expect(machine.exits).to.deep.equal([ExitReason.Vmxoff]);
        expect(() => machine.vmx.vmxoff()).to.throw(ProcessorFault);
      });
      machine.processor.run(100);
      expect(machine.processor.death).to.equal(undefined);
    });
  });

  describe('in root operation after an exit', () => {
    /** Runs `work` in the handler of a VMCALL. */
    function inHandler<T>(work: () => T): T {
      let result: T | undefined;
      machine.driver.run(() => {
        machine.launch(() => {
          result = work();
          machine.skipExit();
        });
        machine.vmx.vmcall();
        expect(machine.processor.death).to.equal(undefined);
        expect(machine.controlRegisters.readCr4() & 0x2000n, 'the guest has its own state again').to.equal(0x2000n);
      });
      return result!;
    }

    it('show the host’s registers, not the guest’s', () => {
      const { controlRegisters, segments, msrs } = machine;
      const seen = inHandler(() => ({
        cr4: controlRegisters.readCr4(),
        limit: segments.sgdt().limit,
        tr: segments.readSelector('tr'),
        flags: controlRegisters.readRflags(),
        dr7: controlRegisters.readDr7(),
        sysenter: msrs.rdmsr(0x174),
      }));
      expect(seen).to.deep.equal({ cr4: 0x2020n, limit: 0xffff, tr: 0x18, flags: 2n, dr7: 0x400n, sysenter: 0n });
    });

    it('translate the VMM’s memory by host CR3, and name a corrupted entry while the process lives', () => {
      const { memory } = machine;
      const { virtual } = memory.regions[0]!;
      const error = inHandler(() => {
        memory.write64(virtual + 0x20000n, 5n);
        expect(memory.read64(virtual + 0x20000n)).to.equal(5n);
        try {
          return memory.read64(0x1000n);
        } catch (caught) {
          return caught;
        }
      });
      expect(error).to.be.instanceOf(VmmPageFault);
      expect((error as VmmPageFault).message).to.match(/PML4E/);
    });
  });

  describe('a processor that cannot go on', () => {
    it('dies of an exception that escapes the exit entry', () => {
      machine.driver.run(() => {
        machine.launch(() => {
          throw new Error('out of cheese');
        });
        expect(() => machine.vmx.vmcall()).to.throw(ProcessorDeadError, /vmcall threw: out of cheese/);
      });
      expect(machine.processor.run(10)).to.equal(StopReason.Shutdown);
      expect(machine.processor.death).to.match(/out of cheese/);
    });

    it('dies of an exit entry that neither resumes nor stops', () => {
      machine.driver.run(() => {
        machine.launch(() => {});
        expect(() => machine.vmx.vmcall()).to.throw(ProcessorDeadError, /returned without resuming/);
      });
    });

    it('dies when the VMM stops it, with the VMM’s reason', () => {
      machine.driver.run(() => {
        machine.launch(() => machine.processorIntrinsic.stop('that was enough'));
        expect(() => machine.vmx.vmcall()).to.throw(ProcessorDeadError, /that was enough/);
      });
    });

    it('reports a launch that fails late to the exit entry', () => {
      let reason = 0;
      machine.driver.run(() => {
        const entry = (): void => {
          reason = machine.vmx.vmreadLow(VmcsField.ExitReason);
          machine.processorIntrinsic.stop('bad guest state');
        };
        expect(machine.launch(entry, { GuestRflags: 0n })).to.equal(true);
      });
      expect(reason).to.equal(0x80000021 | 0);
      expect(machine.processor.death).to.equal('bad guest state');
    });

    it('says VMfail of a launch with bad controls, and goes on', () => {
      machine.driver.run(() => {
        expect(machine.launch(() => {}, { Cr3TargetCount: 9n })).to.equal(false);
        expect(machine.vmx.vmread(VmcsField.VmInstructionError)).to.equal(7n);
        machine.vmx.vmxoff();
      });
      machine.processor.run(10);
      expect(machine.processor.death).to.equal(undefined);
      expect(machine.core.u32[Word.cr3]).to.equal(System.Pml4);
    });
  });
});
