// SPDX-License-Identifier: LGPL-2.1-only
// Loads the segment registers of a new task. Faults of these loads are the new task's. SDM 3A "Task Switching".
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import {
  AccessRights,
  Rflags,
  SegmentSelector,
  SegmentTypeBit,
  SystemSegment,
} from '../../intrinsics/registers/registers.js';
import type { SegmentName } from '../../intrinsics/instructions/segments.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import {
  registerOf,
  rightsOf,
  selectorCode,
  writeSegment,
  type Descriptor,
  type GuestDescriptors,
} from './guest_segments.js';
import type { NewTask } from './task_state_segment.js';

const order = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const satisfies readonly SegmentName[];
const data = ['es', 'ds', 'fs', 'gs'] as const;

const dplOf = (rights: number): number => (rights & AccessRights.Dpl) >> 5;
const isPresent = (rights: number): boolean => (rights & AccessRights.Present) !== 0;
/** S and "code", of a code segment; and "writable", of a data segment that can be written. */
const codeBits = AccessRights.S | SegmentTypeBit.Code;
const stackBits = AccessRights.S | SegmentTypeBit.Code | SegmentTypeBit.Writable;
const writableData = AccessRights.S | SegmentTypeBit.Writable;
/** What VM entry wants of a CS: a fault comes before its first instruction. */
const emptyCode = AccessRights.Present | AccessRights.S | SegmentTypeBit.Code | SegmentTypeBit.Accessed;
const virtual8086 = { limit: 0xffff, rights: 0xf3 } as const;

/** The segment registers of a task, in the order in which the processor loads them. */
export class TaskSegments {
  constructor(
    private readonly vmcs: Vmcs,
    private readonly descriptors: GuestDescriptors,
    private readonly task: NewTask,
  ) {}

  /** @param cpl of the task before: the new one's takes effect with CS. @throws ProcessorFault */
  load(cpl: number): void {
    const { task } = this;
    if ((task.eflags & Rflags.Virtual8086Mode) !== 0) {
      order.forEach((name, index) => this.writeVirtual8086(name, task.selectors[index]!));
      this.loadLdt();
      return;
    }
    this.writeEmpty(cpl);
    this.loadLdt();
    const newCpl = this.selectorOf('cs') & SegmentSelector.Rpl;
    this.writeEmpty(newCpl);
    this.loadCode(newCpl);
    this.loadStack(newCpl);
    for (const name of data) this.loadData(name, newCpl);
  }

  private selectorOf(name: (typeof order)[number]): number {
    return this.task.selectors[order.indexOf(name)]!;
  }

  private writeVirtual8086(name: SegmentName, selector: number): void {
    writeSegment(this.vmcs, name, { selector, base: BigInt(selector) << 4n, ...virtual8086 });
  }

  /** The selectors without their segments, as a fault finds them. */
  private writeEmpty(cpl: number): void {
    for (const name of order) {
      const rights = name === 'cs' ? emptyCode | (cpl << 5) : AccessRights.Unusable | (name === 'ss' ? cpl << 5 : 0);
      writeSegment(this.vmcs, name, { selector: this.selectorOf(name), base: 0n, limit: 0, rights });
    }
  }

  private loadLdt(): void {
    const selector = this.task.ldt;
    const code = selectorCode(selector);
    writeSegment(this.vmcs, 'ldtr', { selector, base: 0n, limit: 0, rights: AccessRights.Unusable });
    if ((selector & SegmentSelector.Index) === 0 && (selector & SegmentSelector.Ti) === 0) return;
    if ((selector & SegmentSelector.Ti) !== 0) throw invalidTss(code, 'the LDT is not in the GDT');
    const descriptor = this.descriptors.fetch(selector, Vector.InvalidTss);
    const rights = rightsOf(descriptor);
    if ((rights & (AccessRights.S | AccessRights.Type)) !== SystemSegment.Ldt || !isPresent(rights)) {
      throw invalidTss(code, 'no present LDT');
    }
    writeSegment(this.vmcs, 'ldtr', registerOf(selector, descriptor));
  }

  private loadCode(cpl: number): void {
    const selector = this.selectorOf('cs');
    const [descriptor, rights] = this.fetch(selector);
    const isConforming = (rights & SegmentTypeBit.ExpandDown) !== 0;
    const isAllowed = isConforming ? dplOf(rights) <= cpl : dplOf(rights) === cpl;
    if ((rights & codeBits) !== codeBits || !isAllowed) throw invalidTss(selectorCode(selector), 'CS');
    if (!isPresent(rights)) throw new ProcessorFault(Vector.SegmentNotPresent, selectorCode(selector), 'CS');
    this.write('cs', selector, descriptor);
  }

  private loadStack(cpl: number): void {
    const selector = this.selectorOf('ss');
    const [descriptor, rights] = this.fetch(selector);
    const isAllowed = (selector & SegmentSelector.Rpl) === cpl && dplOf(rights) === cpl;
    if ((rights & stackBits) !== writableData || !isAllowed) throw invalidTss(selectorCode(selector), 'SS');
    if (!isPresent(rights)) throw new ProcessorFault(Vector.StackSegmentFault, selectorCode(selector), 'SS');
    this.write('ss', selector, descriptor);
  }

  private loadData(name: (typeof data)[number], cpl: number): void {
    const selector = this.selectorOf(name);
    if (selectorCode(selector) === 0) return;
    const [descriptor, rights] = this.fetch(selector);
    const isCode = (rights & SegmentTypeBit.Code) !== 0;
    const isReadable = !isCode || (rights & SegmentTypeBit.Writable) !== 0;
    if ((rights & AccessRights.S) === 0 || !isReadable) throw invalidTss(selectorCode(selector), name);
    const isConforming = isCode && (rights & SegmentTypeBit.ExpandDown) !== 0;
    const asked = Math.max(selector & SegmentSelector.Rpl, cpl);
    if (!isConforming && asked > dplOf(rights)) throw invalidTss(selectorCode(selector), name);
    if (!isPresent(rights)) throw new ProcessorFault(Vector.SegmentNotPresent, selectorCode(selector), name);
    this.write(name, selector, descriptor);
  }

  /** The descriptor of CS, SS or a data segment. CS and SS must not be null. */
  private fetch(selector: number): readonly [Descriptor, number] {
    if (selectorCode(selector) === 0) throw invalidTss(0, 'a null selector');
    const descriptor = this.descriptors.fetch(selector, Vector.InvalidTss);
    return [descriptor, rightsOf(descriptor)];
  }

  private write(name: SegmentName, selector: number, descriptor: Descriptor): void {
    if ((rightsOf(descriptor) & SegmentTypeBit.Accessed) === 0) {
      this.descriptors.writeAccessByte(selector, (access) => access | SegmentTypeBit.Accessed);
    }
    const register = registerOf(selector, descriptor);
    writeSegment(this.vmcs, name, { ...register, rights: register.rights | SegmentTypeBit.Accessed });
  }
}

const invalidTss = (errorCode: number, what: string): ProcessorFault =>
  new ProcessorFault(Vector.InvalidTss, errorCode, `the new task: ${what}`);
