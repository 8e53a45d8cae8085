// SPDX-License-Identifier: LGPL-2.1-only
// What the exit-information fields say, by kind of exit. SDM 3C "Basic VM-Exit Information", "Information for VM Exits Due to Vectored
// Events", "Information for VM Exits That Occur During Event Delivery", "Information for VM Exits Due to Instruction Execution".
import { bits, scattered, type BitField } from './bit_fields.js';

/** Bits 10:8 of the interruption-information and vectoring-information fields. */
export const InterruptionType = {
  ExternalInterrupt: 0,
  NonMaskableInterrupt: 2,
  HardwareException: 3,
  SoftwareInterrupt: 4,
  PrivilegedSoftwareException: 5,
  SoftwareException: 6,
  OtherEvent: 7,
} as const;

/** The bits of those fields that are no type or vector. */
export const InterruptionBit = {
  Vector: 0xff,
  Type: 7 << 8,
  /** The error-code field is valid (exit), deliver it (entry). */
  ErrorCode: 1 << 11,
  NmiUnblockingDueToIret: 1 << 12,
  Valid: 0x80000000,
} as const;

/** Vectors of exceptions. SDM 3A "Exception and Interrupt Vectors". */
export const Vector = {
  DivideError: 0,
  DebugException: 1,
  NmiInterrupt: 2,
  Breakpoint: 3,
  Overflow: 4,
  BoundRangeExceeded: 5,
  InvalidOpcode: 6,
  DeviceNotAvailable: 7,
  DoubleFault: 8,
  CoprocessorSegmentOverrun: 9,
  InvalidTss: 10,
  SegmentNotPresent: 11,
  StackSegmentFault: 12,
  GeneralProtection: 13,
  PageFault: 14,
  FloatingPointError: 16,
  AlignmentCheck: 17,
  MachineCheck: 18,
  SimdFloatingPointException: 19,
  VirtualizationException: 20,
  ControlProtection: 21,
} as const;

/** Exit qualification of control-register accesses. */
export const ControlRegisterAccess = {
  ControlRegisterNumber: 0xf,
  AccessType: 3 << 4,
  LmswOperandType: 1 << 6,
  GeneralPurposeRegister: 0xf << 8,
} as const;

/** Exit qualification of I/O instructions. */
export const IoAccess = {
  SizeOfAccess: 7,
  DirectionOfAccess: 1 << 3,
  StringInstruction: 1 << 4,
  RepPrefixed: 1 << 5,
  OperandEncoding: 1 << 6,
} as const;

/** Exit qualification of EPT violations. */
export const EptViolationBit = {
  DataRead: 1 << 0,
  DataWrite: 1 << 1,
  InstructionFetch: 1 << 2,
  Readable: 1 << 3,
  Writeable: 1 << 4,
  Executable: 1 << 5,
  ValidGuestLinearAddress: 1 << 7,
  CausedByTranslation: 1 << 8,
  NmiUnblockingDueToIret: 1 << 12,
} as const;

/** General-purpose registers in the SDM's order of encoding. */
export const registerNumbers: Readonly<Record<string, number>> = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
};

const interruptionTypes: Readonly<Record<string, number>> = {
  external_interrupt: 0,
  reserved: 1,
  non_maskable_interrupt: 2,
  hardware_exception: 3,
  software_interrupt: 4,
  privileged_software_exception: 5,
  software_exception: 6,
  other_event: 7,
};

/** Layout of the VM-entry interruption-information field. SDM 3C "VM-Entry Controls for Event Injection". */
export const entryInterruptionFields: readonly BitField[] = [
  bits('vector', 0, 7),
  bits('interruption_type', 8, 10, interruptionTypes),
  bits('deliver_error_code_bit', 11),
  bits('reserved', 12, 30),
  bits('valid_bit', 31),
];

/** Layout of the VM-exit interruption-information field. */
export const exitInterruptionFields: readonly BitField[] = [
  bits('vector', 0, 7),
  bits('interruption_type', 8, 10, interruptionTypes),
  bits('error_code_valid', 11),
  bits('nmi_unblocking_due_to_iret', 12),
  bits('reserved', 13, 30),
  bits('valid_bit', 31),
];

/** Layout of the IDT-vectoring information field. */
export const idtVectoringFields: readonly BitField[] = [
  bits('vector', 0, 7),
  bits('interruption_type', 8, 10, interruptionTypes),
  bits('error_code_valid', 11),
  bits('reserved', 13, 30),
  bits('valid_bit', 31),
];

/** The whole field is one value (an address or a displacement) for these exits. */
function whole(name: string): BitField {
  return bits(name, 0, 63);
}

/** Exit qualifications, each name prefixed by its kind of exit. SDM 3C "Basic VM-Exit Information". */
export const exitQualificationFields: readonly BitField[] = [
  bits('debug_exception.b0', 0),
  bits('debug_exception.b1', 1),
  bits('debug_exception.b2', 2),
  bits('debug_exception.b3', 3),
  scattered('debug_exception.reserved', 0xffffffffffff9ff0n),
  bits('debug_exception.bd', 13),
  bits('debug_exception.bs', 14),
  whole('page_fault_exception'),
  bits('sipi.vector', 0, 7),
  bits('task_switch.tss_selector', 0, 15),
  scattered('task_switch.reserved', 0xffffffff3fff0000n),
  bits('task_switch.source_of_task_switch_init', 30, 31, {
    call_instruction: 0,
    iret_instruction: 1,
    jmp_instruction: 2,
    task_gate_in_idt: 3,
  }),
  ...[
    'invept',
    'invlpg',
    'invpcid',
    'invvpid',
    'lgdt',
    'lidt',
    'lldt',
    'ltr',
    'sgdt',
    'sidt',
    'sldt',
    'str',
    'vmclear',
    'vmptrld',
    'vmptrst',
    'vmread',
    'vmwrite',
    'vmxon',
    'xrstors',
    'xsaves',
  ].map(whole),
  bits('control_register_access.control_register_number', 0, 3),
  bits('control_register_access.access_type', 4, 5, { mov_to_cr: 0, mov_from_cr: 1, clts: 2, lmsw: 3 }),
  bits('control_register_access.lmsw_operand_type', 6, 6, { reg: 0, mem: 1 }),
  scattered('control_register_access.reserved', 0xffffffff0000f080n),
  bits('control_register_access.general_purpose_register', 8, 11, registerNumbers),
  bits('control_register_access.source_data', 16, 31),
  bits('mov_dr.debug_register_number', 0, 2),
  scattered('mov_dr.reserved', 0xfffffffffffff0e8n),
  bits('mov_dr.direction_of_access', 4, 4, { to_dr: 0, from_dr: 1 }),
  bits('mov_dr.general_purpose_register', 8, 11, registerNumbers),
  bits('io_instruction.size_of_access', 0, 2, { one_byte: 0, two_byte: 1, four_byte: 3 }),
  bits('io_instruction.direction_of_access', 3, 3, { out: 0, in: 1 }),
  bits('io_instruction.string_instruction', 4, 4, { not_string: 0, string: 1 }),
  bits('io_instruction.rep_prefixed', 5, 5, { not_rep: 0, rep: 1 }),
  bits('io_instruction.operand_encoding', 6, 6, { dx: 0, immediate: 1 }),
  scattered('io_instruction.reserved', 0xffffffff0000ff80n),
  bits('io_instruction.port_number', 16, 31),
  bits('mwait', 0),
  bits('linear_apic_access.offset', 0, 11),
  bits('linear_apic_access.access_type', 12, 15, {
    read_during_instruction_execution: 0,
    write_during_instruction_execution: 1,
    instruction_fetch: 2,
    event_delivery: 3,
  }),
  bits('linear_apic_access.reserved', 16, 63),
  bits('guest_physical_apic_access.access_type', 12, 15, { event_delivery: 10, instruction_fetch_or_execution: 15 }),
  bits('guest_physical_apic_access.reserved', 16, 63),
  bits('ept_violation.data_read', 0),
  bits('ept_violation.data_write', 1),
  bits('ept_violation.instruction_fetch', 2),
  bits('ept_violation.readable', 3),
  bits('ept_violation.writeable', 4),
  bits('ept_violation.executable', 5),
  scattered('ept_violation.reserved', 0xffffffffffffee40n),
  bits('ept_violation.valid_guest_linear_address', 7),
  bits('ept_violation.caused_by_translation', 8),
  bits('ept_violation.nmi_unblocking_due_to_iret', 12),
  bits('eoi_virtualization.vector', 0, 7),
  bits('apic_write.offset', 0, 11),
];

const addressSizes: Readonly<Record<string, number>> = { '16bit': 0, '32bit': 1, '64bit': 2 };
const segmentNumbers: Readonly<Record<string, number>> = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 };
const validity: Readonly<Record<string, number>> = { valid: 0, invalid: 1 };

type Part = (kind: string) => BitField;
const scaling: Part = (kind) =>
  bits(`${kind}.scaling`, 0, 1, { no_scaling: 0, scale_by_2: 1, scale_by_4: 2, scale_by_8: 3 });
const reg1: Part = (kind) => bits(`${kind}.reg1`, 3, 6, registerNumbers);
const addressSize: Part = (kind) => bits(`${kind}.address_size`, 7, 9, addressSizes);
const memReg: Part = (kind) => bits(`${kind}.mem_reg`, 10, 10, { mem: 0, reg: 1 });
const operandSize: Part = (kind) => bits(`${kind}.operand_size`, 11, 11, { '16bit': 0, '32bit': 1 });
const segmentRegister: Part = (kind) => bits(`${kind}.segment_register`, 15, 17, segmentNumbers);
const indexReg: Part = (kind) => bits(`${kind}.index_reg`, 18, 21, registerNumbers);
const indexRegInvalid: Part = (kind) => bits(`${kind}.index_reg_invalid`, 22, 22, validity);
const baseReg: Part = (kind) => bits(`${kind}.base_reg`, 23, 26, registerNumbers);
const baseRegInvalid: Part = (kind) => bits(`${kind}.base_reg_invalid`, 27, 27, validity);
const reg2: Part = (kind) => bits(`${kind}.reg2`, 28, 31, registerNumbers);
const destination: Part = (kind) => bits(`${kind}.destination_register`, 3, 6, registerNumbers);
const wideOperandSize: Part = (kind) => bits(`${kind}.operand_size`, 11, 12, addressSizes);
const tableIdentity: Part = (kind) =>
  bits(`${kind}.instruction_identity`, 28, 29, { sgdt: 0, sidt: 1, lgdt: 2, lidt: 3 });
const selectorIdentity: Part = (kind) =>
  bits(`${kind}.instruction_identity`, 28, 29, { sldt: 0, str: 1, lldt: 2, ltr: 3 });

const memoryOperand: readonly Part[] = [
  scaling,
  addressSize,
  segmentRegister,
  indexReg,
  indexRegInvalid,
  baseReg,
  baseRegInvalid,
];
const layouts: readonly (readonly [kinds: readonly string[], parts: readonly Part[]])[] = [
  [['ins'], [addressSize]],
  [['outs'], [addressSize, segmentRegister]],
  [
    ['invept', 'invpcid', 'invvpid'],
    [...memoryOperand, reg2],
  ],
  [
    ['lidt', 'lgdt', 'sidt', 'sgdt'],
    [...memoryOperand, operandSize, tableIdentity],
  ],
  [
    ['lldt', 'ltr', 'sldt', 'str'],
    [...memoryOperand, reg1, memReg, selectorIdentity],
  ],
  [
    ['rdrand', 'rdseed'],
    [destination, wideOperandSize],
  ],
  [['vmclear', 'vmptrld', 'vmptrst', 'vmxon', 'xrstors', 'xsaves'], memoryOperand],
  [
    ['vmread', 'vmwrite'],
    [...memoryOperand, reg1, memReg, reg2],
  ],
];

/** Instruction information, each name prefixed by its instruction. SDM 3C "Information for VM Exits Due to Instruction Execution". */
export const exitInstructionInformationFields: readonly BitField[] = layouts.flatMap(([kinds, parts]) =>
  kinds.flatMap((kind) => parts.map((part) => part(kind))),
);
