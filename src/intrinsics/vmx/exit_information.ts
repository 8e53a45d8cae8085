// SPDX-License-Identifier: LGPL-2.1-only
// The meaning of the exit-information fields, by kind of exit. SDM 3C "Basic VM-Exit Information", "Information for VM Exits Due to Vectored
// Events", "Information for VM Exits That Occur During Event Delivery", "Information for VM Exits Due to Instruction Execution".
import { bitFieldsOf, bits, prefixed, scattered, valuesOf, withValues } from '../bit_fields.js';

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

/** The bits of those fields outside type and vector. */
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

/** The manual's mnemonics of exceptions, without the number sign. SDM 3A "Exception and Interrupt Vectors". */
export const vectorMnemonics = {
  DE: 'DivideError',
  DB: 'DebugException',
  NMI: 'NmiInterrupt',
  BP: 'Breakpoint',
  OF: 'Overflow',
  BR: 'BoundRangeExceeded',
  UD: 'InvalidOpcode',
  NM: 'DeviceNotAvailable',
  DF: 'DoubleFault',
  TS: 'InvalidTss',
  NP: 'SegmentNotPresent',
  SS: 'StackSegmentFault',
  GP: 'GeneralProtection',
  PF: 'PageFault',
  MF: 'FloatingPointError',
  AC: 'AlignmentCheck',
  MC: 'MachineCheck',
  XM: 'SimdFloatingPointException',
} as const satisfies Readonly<Record<string, keyof typeof Vector>>;

/** Exit qualification of control-register accesses. */
export const ControlRegisterAccess = {
  ControlRegisterNumber: 0xf,
  AccessType: 3 << 4,
  LmswOperandType: 1 << 6,
  GeneralPurposeRegister: 0xf << 8,
  SourceData: 0xffff0000,
} as const;

/** Values of ControlRegisterAccess.AccessType. */
export const ControlRegisterAccessType = {
  MovToCr: 0,
  MovFromCr: 1,
  Clts: 2,
  Lmsw: 3,
} as const;

/** Exit qualification of MOV DR. */
export const DebugRegisterAccess = {
  DebugRegisterNumber: 7,
  /** MOV from a debug register. */
  DirectionOfAccess: 1 << 4,
  GeneralPurposeRegister: 0xf << 8,
} as const;

/** Exit qualification of task switches. */
export const TaskSwitch = {
  TssSelector: 0xffff,
  SourceOfTaskSwitchInit: 0xc0000000,
} as const;

/** Values of TaskSwitch.SourceOfTaskSwitchInit. */
export const TaskSwitchSource = {
  CallInstruction: 0,
  IretInstruction: 1,
  JmpInstruction: 2,
  TaskGateInIdt: 3,
} as const;

/** Exit qualification of I/O instructions. */
export const IoAccess = {
  SizeOfAccess: 7,
  DirectionOfAccess: 1 << 3,
  StringInstruction: 1 << 4,
  RepPrefixed: 1 << 5,
  OperandEncoding: 1 << 6,
  PortNumber: 0xffff0000,
} as const;

/** Instruction information of INS and OUTS. */
export const StringIoInformation = {
  AddressSize: 7 << 7,
  SegmentRegister: 7 << 15,
} as const;

/** Exit qualification of EPT violations. */
export const EptViolationBit = {
  DataRead: 1 << 0,
  DataWrite: 1 << 1,
  InstructionFetch: 1 << 2,
  Readable: 1 << 3,
  Writeable: 1 << 4,
  Executable: 1 << 5,
  /** With "mode-based execute control for EPT". */
  ExecutableUserMode: 1 << 6,
  ValidGuestLinearAddress: 1 << 7,
  CausedByTranslation: 1 << 8,
  NmiUnblockingDueToIret: 1 << 12,
} as const;

/** Exit qualification of APIC accesses. */
export const LinearApicAccess = {
  Offset: 0xfff,
  AccessType: 0xf000,
} as const;

/** Values of LinearApicAccess.AccessType. Those of guest-physical accesses have no offset. */
export const ApicAccessType = {
  Read: 0,
  Write: 1,
  InstructionFetch: 2,
  EventDelivery: 3,
  GuestPhysicalEventDelivery: 10,
  GuestPhysicalExecution: 15,
} as const;

/** Fields of the VM-exit instruction information. SDM 3C "Information for VM Exits Due to Instruction Execution". */
export const InstructionInformation = {
  Scaling: 3 << 0,
  Register1: 0xf << 3,
  AddressSize: 7 << 7,
  /** The operand is Register1, not in memory. */
  RegisterForm: 1 << 10,
  OperandSize: 1 << 11,
  /** Of RDRAND and RDSEED: 0 is 16 bits, 1 is 32 and 2 is 64. */
  OperandWidth: 3 << 11,
  Segment: 7 << 15,
  Index: 0xf << 18,
  IndexInvalid: 1 << 22,
  Base: 0xf << 23,
  BaseInvalid: 1 << 27,
  Register2: 0xf0000000,
  /** Which of the instructions with the same exit reason it is. These have no Register2. */
  InstructionIdentity: 0x30000000,
} as const;

/** Values of InstructionInformation.InstructionIdentity at exits for GDTR and IDTR. */
export const DescriptorTableInstruction = { Sgdt: 0, Sidt: 1, Lgdt: 2, Lidt: 3 } as const;

/** The same at exits for LDTR and TR. */
export const SystemSegmentInstruction = { Sldt: 0, Str: 1, Lldt: 2, Ltr: 3 } as const;

/** General-purpose registers in the SDM's order of encoding. */
export const registerNumbers = {
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
} as const;

const interruptionTypes = { ...valuesOf(InterruptionType), reserved: 1 } as const;

/** Layout of the VM-entry interruption-information field. SDM 3C "VM-Entry Controls for Event Injection". */
export const entryInterruptionFields = [
  bits('vector', 0, 7),
  bits('interruption_type', 8, 10, interruptionTypes),
  bits('deliver_error_code_bit', 11),
  bits('reserved', 12, 30),
  bits('valid_bit', 31),
] as const;

/** Layout of the VM-exit interruption-information field. */
export const exitInterruptionFields = [
  bits('vector', 0, 7),
  bits('interruption_type', 8, 10, interruptionTypes),
  bits('error_code_valid', 11),
  bits('nmi_unblocking_due_to_iret', 12),
  bits('reserved', 13, 30),
  bits('valid_bit', 31),
] as const;

/** Layout of the IDT-vectoring information field. */
export const idtVectoringFields = [
  bits('vector', 0, 7),
  bits('interruption_type', 8, 10, interruptionTypes),
  bits('error_code_valid', 11),
  bits('reserved', 13, 30),
  bits('valid_bit', 31),
] as const;

const reserved = (mask: bigint) => scattered('reserved', mask);

/** Exits whose qualification is one value: an address, a displacement or nothing. */
const wholeQualifications = [
  'page_fault_exception',
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
] as const;

/** Exit qualifications, each name prefixed by its kind of exit. SDM 3C "Basic VM-Exit Information". */
export const exitQualificationFields = [
  ...wholeQualifications.map((name) => bits(name, 0, 63)),
  ...prefixed(
    ['debug_exception'],
    [
      bits('b0', 0),
      bits('b1', 1),
      bits('b2', 2),
      bits('b3', 3),
      reserved(0xffffffffffff9ff0n),
      bits('bd', 13),
      bits('bs', 14),
    ],
  ),
  ...prefixed(['sipi', 'eoi_virtualization'], [bits('vector', 0, 7)]),
  ...prefixed(
    ['task_switch'],
    [
      ...withValues(bitFieldsOf(TaskSwitch, ['TssSelector', 'SourceOfTaskSwitchInit']), {
        source_of_task_switch_init: valuesOf(TaskSwitchSource),
      }),
      reserved(0xffffffff3fff0000n),
    ],
  ),
  ...prefixed(
    ['control_register_access'],
    [
      ...withValues(
        bitFieldsOf(ControlRegisterAccess, [
          'ControlRegisterNumber',
          'AccessType',
          'GeneralPurposeRegister',
          'SourceData',
        ]),
        {
          access_type: valuesOf(ControlRegisterAccessType),
          lmsw_operand_type: { reg: 0, mem: 1 },
          general_purpose_register: registerNumbers,
        },
      ),
      reserved(0xffffffff0000f080n),
    ],
  ),
  ...prefixed(
    ['mov_dr'],
    [
      ...withValues(bitFieldsOf(DebugRegisterAccess, ['DebugRegisterNumber', 'GeneralPurposeRegister']), {
        direction_of_access: { to_dr: 0, from_dr: 1 },
        general_purpose_register: registerNumbers,
      }),
      reserved(0xfffffffffffff0e8n),
    ],
  ),
  ...prefixed(
    ['io_instruction'],
    [
      ...withValues(bitFieldsOf(IoAccess, ['SizeOfAccess', 'PortNumber']), {
        size_of_access: { one_byte: 0, two_byte: 1, four_byte: 3 },
        direction_of_access: { out: 0, in: 1 },
        string_instruction: { not_string: 0, string: 1 },
        rep_prefixed: { not_rep: 0, rep: 1 },
        operand_encoding: { dx: 0, immediate: 1 },
      }),
      reserved(0xffffffff0000ff80n),
    ],
  ),
  bits('mwait', 0),
  ...prefixed(
    ['linear_apic_access'],
    [
      bits('offset', 0, 11),
      bits('access_type', 12, 15, {
        read_during_instruction_execution: ApicAccessType.Read,
        write_during_instruction_execution: ApicAccessType.Write,
        instruction_fetch: ApicAccessType.InstructionFetch,
        event_delivery: ApicAccessType.EventDelivery,
      }),
      bits('reserved', 16, 63),
    ],
  ),
  ...prefixed(
    ['guest_physical_apic_access'],
    [
      bits('access_type', 12, 15, {
        event_delivery: ApicAccessType.GuestPhysicalEventDelivery,
        instruction_fetch_or_execution: ApicAccessType.GuestPhysicalExecution,
      }),
      bits('reserved', 16, 63),
    ],
  ),
  ...prefixed(['ept_violation'], [...bitFieldsOf(EptViolationBit), reserved(0xffffffffffffee00n)]),
  ...prefixed(['apic_write'], [bits('offset', 0, 11)]),
] as const;

const addressSizes = { '16bit': 0, '32bit': 1, '64bit': 2 } as const;
const segmentNumbers = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 } as const;
const validity = { valid: 0, invalid: 1 } as const;

const reg1 = bits('reg1', 3, 6, registerNumbers);
const addressSize = bits('address_size', 7, 9, addressSizes);
const memReg = bits('mem_reg', 10, 10, { mem: 0, reg: 1 });
const segmentRegister = bits('segment_register', 15, 17, segmentNumbers);
const reg2 = bits('reg2', 28, 31, registerNumbers);

const memoryOperand = [
  bits('scaling', 0, 1, { no_scaling: 0, scale_by_2: 1, scale_by_4: 2, scale_by_8: 3 }),
  addressSize,
  segmentRegister,
  bits('index_reg', 18, 21, registerNumbers),
  bits('index_reg_invalid', 22, 22, validity),
  bits('base_reg', 23, 26, registerNumbers),
  bits('base_reg_invalid', 27, 27, validity),
] as const;

/** Instruction information, each name prefixed by its instruction. SDM 3C "Information for VM Exits Due to Instruction Execution". */
export const exitInstructionInformationFields = [
  ...prefixed(['ins'], [addressSize]),
  ...prefixed(['outs'], [addressSize, segmentRegister]),
  ...prefixed(['invept', 'invpcid', 'invvpid'], [...memoryOperand, reg2]),
  ...prefixed(
    ['lidt', 'lgdt', 'sidt', 'sgdt'],
    [
      ...memoryOperand,
      bits('operand_size', 11, 11, { '16bit': 0, '32bit': 1 }),
      bits('instruction_identity', 28, 29, valuesOf(DescriptorTableInstruction)),
    ],
  ),
  ...prefixed(
    ['lldt', 'ltr', 'sldt', 'str'],
    [...memoryOperand, reg1, memReg, bits('instruction_identity', 28, 29, valuesOf(SystemSegmentInstruction))],
  ),
  ...prefixed(
    ['rdrand', 'rdseed'],
    [bits('destination_register', 3, 6, registerNumbers), bits('operand_size', 11, 12, addressSizes)],
  ),
  ...prefixed(['vmclear', 'vmptrld', 'vmptrst', 'vmxon', 'xrstors', 'xsaves'], memoryOperand),
  ...prefixed(['vmread', 'vmwrite'], [...memoryOperand, reg1, memReg, reg2]),
] as const;
