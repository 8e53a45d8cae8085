// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Cr0, Dr7, Efer } from '../../../src/intrinsics/registers/registers.js';
import { FloatException, X87Status } from '../../../src/intrinsics/registers/floating_point.js';
import {
  writeControlRegister,
  writeDebugAddress,
  writeDebugRegister,
  writeMsr,
  writeMxcsr,
  writeRflags,
  writeRip,
  writeSelector,
  writeTable,
  writeX87Pointer,
  writeX87Words,
  writeXcr0,
} from '../../../src/machine/debug/register_writes.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import type { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import type { MachineSession } from '../../../src/session/machine_session.js';
import { sessionOf } from '../../bfm/gdb/gdb_client.js';
import { assemble } from '../../support/assembler.js';

const NOT_CANONICAL = 0x8000_0000_0000_0000n;

describe('Writes of registers by a debugger', () => {
  let session: MachineSession;
  let processor: LogicalProcessor;
  /** A processor in 64-bit mode that reads memory in a loop. */
  beforeEach(async () => {
    const code = assemble(['mov rbx, 0x300000', 'again: mov rax, [rbx]', 'jmp again'], 64, FLAT_IMAGE_ADDRESS);
    session = await sessionOf(code);
    [processor] = session.pc.processors as [LogicalProcessor];
  });

  it('take what the instruction takes', () => {
    const { block } = processor.core;
    expect(writeRip(processor, 0xffff_8000_0000_0000n)).to.equal(undefined);
    expect(writeRflags(processor, 0xffff_ffff_ffff_ffffn)).to.equal(undefined);
    expect(writeControlRegister(processor, 0, block.get('CR0') | BigInt(Cr0.TaskSwitched))).to.equal(undefined);
    expect(writeXcr0(processor, 3n)).to.equal(undefined);
    expect(writeMsr(processor, 'Ia32FsBase', 0x1234n)).to.equal(undefined);
    expect(writeDebugRegister(processor, 7, 0n)).to.equal(undefined);
    expect(writeTable(processor, 'GDTR', { base: 0x5000n })).to.equal(undefined);
    expect(writeMxcsr(processor, 0x1fbfn)).to.equal(undefined);
    expect(block.get('RIP')).to.equal(0xffff_8000_0000_0000n);
    // Neither VM, VIF and VIP nor reserved bits.
    expect(block.get('RFLAGS')).to.equal(0x257fd7n);
    expect(block.get('CR0') & BigInt(Cr0.TaskSwitched)).to.not.equal(0n);
    expect(block.get('XCR0')).to.equal(3n);
    expect(block.get('FS').base).to.equal(0x1234n);
    expect(block.get('DR7'), 'bit 10 is always 1').to.equal(0x400n);
    expect(block.get('GDTR').base).to.equal(0x5000n);
    expect(block.get('MXCSR')).to.equal(0x1fbf);
  });

  describe('of selectors', () => {
    const GDT = 0x300000;
    const TSS = 0x28;
    beforeEach(() => {
      const descriptors = [0n, 0x00cf_9322_3344_ffffn, 0x00af_9b00_0000_ffffn, 0x00cf_1300_0000_ffffn, 0n];
      const all = BigUint64Array.of(...descriptors, 0x0000_8955_6677_0067n, 0xffff_8000n);
      session.pc.core.physicalWords.set(new Uint32Array(all.buffer), GDT / 4);
      writeTable(processor, 'GDTR', { base: BigInt(GDT), limit: all.byteLength - 1 });
    });

    it('load the descriptor, and mark it', () => {
      const { block } = processor.core;
      for (const segment of ['DS', 'ES', 'SS', 'FS', 'GS'] as const) {
        expect(writeSelector(processor, segment, 8n), segment).to.equal(undefined);
        expect(block.get(segment)).to.include({ selector: 8, base: 0x223344n, limit: 0xffffffff, rights: 0xc093 });
      }
      expect(writeSelector(processor, 'TR', BigInt(TSS))).to.equal(undefined);
      expect(block.get('TR')).to.include({ selector: TSS, base: 0xffff_8000_0055_6677n, limit: 0x67, rights: 0x8b });
      expect(processor.core.u8[processor.core.physicalOffset(GDT + TSS + 5)], 'busy').to.equal(0x8b);
      expect(writeSelector(processor, 'LDTR', 0n)).to.equal(undefined);
    });

    it('are refused with the exception of their instruction, and change nothing', () => {
      // The first look at the table sets accessed flags of paging, as the instruction would.
      writeSelector(processor, 'DS', 0x18n);
      const before = session.pc.stateHash();
      for (const [segment, value, reason] of [
        ['DS', 0x10008n, 'a selector has 16 bits'],
        ['DS', 0x18n, 'MOV to DS does not take it: NP, '],
        ['SS', 0x10n, 'MOV to SS does not take it: GP, '],
        ['ES', 0x100n, 'MOV to ES does not take it: GP, '],
        ['TR', 0x8n, 'LTR does not take it: GP, '],
        ['LDTR', 0x8n, 'LLDT does not take it: GP, '],
      ] as const)
        expect(writeSelector(processor, segment, value), reason).to.satisfy((why: string) => why.startsWith(reason));
      expect(session.pc.stateHash()).to.equal(before);
      writeTable(processor, 'GDTR', { base: 0xffff_9000_0000_0000n });
      expect(writeSelector(processor, 'DS', 8n)).to.match(/: PF, /);
      expect(processor.core.block.get('CR2')).to.equal(0n);
      processor.core.block.set('SS', { ...processor.core.block.get('SS'), rights: 0xc0f3 });
      expect(writeSelector(processor, 'TR', BigInt(TSS))).to.equal('LTR needs CPL 0');
    });
  });

  it('refuse what it does not take, and write nothing', () => {
    const { block } = processor.core;
    const before = session.pc.stateHash();
    for (const refusal of [
      writeRip(processor, NOT_CANONICAL),
      writeControlRegister(processor, 0, block.get('CR0') & ~BigInt(Cr0.ProtectionEnable)),
      writeControlRegister(processor, 3, NOT_CANONICAL),
      writeControlRegister(processor, 4, 0n),
      writeXcr0(processor, 0n),
      writeMsr(processor, 'Ia32GsBase', NOT_CANONICAL),
      writeMsr(processor, 'Ia32Efer', block.get('EFER') & ~BigInt(Efer.Lme)),
      writeDebugRegister(processor, 6, 1n << 32n),
      writeDebugRegister(processor, 7, 1n << 32n),
      writeTable(processor, 'IDTR', { base: NOT_CANONICAL }),
      writeTable(processor, 'IDTR', { limit: 0x10000 }),
      writeMxcsr(processor, 0x10000n),
    ])
      expect(refusal).to.be.a('string');
    expect(session.pc.stateHash()).to.equal(before);
  });

  it('of RIP want 32 bits outside 64-bit mode', async () => {
    const { block } = processor.core;
    block.set('CS', { ...block.get('CS'), rights: block.get('CS').rights & ~0x2000 });
    expect(writeRip(processor, 0x1_0000_0000n)).to.equal('bits 63:32 must be 0 in 16-bit code');
  });

  it('of debug registers hold for pages that the processor has used already', () => {
    session.slice(session.pc.virtualTime + 1);
    const { block } = processor.core;
    expect(writeDebugAddress(processor, 0, 0x300000n)).to.equal(undefined);
    // Reads and writes of one byte.
    expect(writeDebugRegister(processor, 7, BigInt(Dr7.L0) | (3n << 16n))).to.equal(undefined);
    session.slice(session.pc.virtualTime + 1);
    // There is no handler for the exception: the guest has come to its end.
    expect(block.get('DR6') & 1n).to.equal(1n);
  });

  it('of the x87 words keep the summary right, and wait for an error that is signalled', () => {
    const { block } = processor.core;
    const { ErrorSummary, Busy } = X87Status;
    const status = BigInt(FloatException.DivideByZero);
    expect(writeX87Words(processor, { control: 0x37fn, status })).to.equal(undefined);
    expect(block.get('X87_STATUS') & ErrorSummary, 'it is masked').to.equal(0);
    expect(writeX87Words(processor, { control: 0x340n })).to.equal(undefined);
    expect(block.get('X87_STATUS') & (ErrorSummary | Busy)).to.equal(ErrorSummary | Busy);
    block.set('X87_FERR', 1);
    expect(writeX87Words(processor, { status: 0n })).to.include('FNCLEX');
    expect(writeX87Pointer(processor, 'X87_OPCODE', 0xffffn)).to.equal(undefined);
    expect(writeX87Pointer(processor, 'X87_IP', 0x1_2345_6789n)).to.equal(undefined);
    expect([block.get('X87_OPCODE'), block.get('X87_IP')]).to.deep.equal([0x7ff, 0x1_2345_6789n]);
  });
});
