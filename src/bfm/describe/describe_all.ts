// SPDX-License-Identifier: LGPL-2.1-only
// Every definition as plain data, for `bfm describe` and for tests that walk over all of them.
import { camelCase } from '../../intrinsics/accessors/build_accessors.js';
import type { BitField } from '../../intrinsics/bit_fields.js';
import { bitMeaning } from '../../intrinsics/texts/bit_meanings.js';
import {
  BaudRate,
  DataBits,
  FifoControl,
  LineControl,
  LineStatus,
  ParityBits,
  SERIAL_DLAB,
  SerialPortAddress,
  SerialRegister,
  StopBits,
} from '../../intrinsics/registers/serial_registers.js';
import { DebugRingTag } from '../../vmm/debug_ring/debug_ring.js';
import { ErrorCode } from '../../vmm/error_codes.js';
import { MemoryDescriptorType, PAT_VALUE, PatIndex } from '../../vmm/memory_manager/memory_attributes.js';
import { SERIAL_DEFAULT_PORT } from '../../vmm/serial/serial_port.js';
import { VCPUID_GUEST_FROM, VcpuId } from '../../vmm/vcpu_identity.js';
import {
  VMCALL_MAGIC,
  VMCALL_VERSION,
  VmcallDataType,
  VmcallOpcode,
  VmcallVersions,
} from '../../vmm/exit/vmcall_interface.js';
import { VmmStatus } from '../../vmm/entry/vmm_status.js';
import { cpuidLeafDefinitions } from '../../intrinsics/registers/cpuid_leaves.js';
import { exitReasonDefinitions } from '../../intrinsics/vmx/exit_reasons.js';
import { msrDefinitions } from '../../intrinsics/registers/msr_definitions.js';
import { registerDefinitions, registerFields } from '../../intrinsics/registers/registers.js';
import { entryRules } from '../../intrinsics/rules/entry_rules.js';
import { msrLoadRules, msrLoadValueRule } from '../../intrinsics/rules/msr_load_rules.js';
import { segmentNames } from '../../intrinsics/instructions/segments.js';
import { announcedFeatures } from './model_features.js';
import { processorModels } from '../../machine/models/processor_models.js';
import { vmcsFieldDefinitions } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { vmInstructionErrorDefinitions } from '../../intrinsics/vmx/vm_instruction_errors.js';

/** A bit field as JSON has it: values beyond 2^53 as "0x…" strings. */
export interface DescribedField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly mask?: string;
  readonly values?: Readonly<Record<string, number>>;
  /** What it does, in a line. */
  readonly meaning?: string;
}

/** A number of any size as JSON has it. */
export type DescribedNumber = number | string;

/** Constants of one kind by name. */
export type DescribedConstants = Readonly<Record<string, DescribedNumber>>;

/** All definitions, ready for `JSON.stringify`. */
export interface Description {
  readonly vmcsFields: readonly {
    readonly name: string;
    readonly encoding: number;
    readonly width: number | string;
    readonly group: string;
    readonly readOnly: boolean;
    /** How code reaches it: `vmcs.guestCr0`. */
    readonly accessor: string;
    readonly existsIf: string;
    readonly section: string;
    readonly fields: readonly DescribedField[];
    readonly values: Readonly<Record<string, number>>;
  }[];
  readonly msrs: readonly {
    readonly name: string;
    readonly address: number;
    readonly accessor: string;
    readonly section: string;
    readonly fields: readonly DescribedField[];
  }[];
  readonly cpuid: readonly {
    readonly name: string;
    readonly leaf: number;
    readonly accessor: string;
    readonly section: string;
    readonly registers: readonly {
      readonly register: string;
      readonly subleaf: number | null;
      readonly fields: readonly DescribedField[];
    }[];
  }[];
  readonly registers: readonly {
    readonly name: string;
    /** Empty for a layout that is not itself a register. */
    readonly accessor: string;
    readonly section: string;
    readonly fields: readonly DescribedField[];
  }[];
  readonly exitReasons: readonly {
    readonly number: number;
    readonly name: string;
    readonly description: string;
    readonly section: string;
  }[];
  readonly vmInstructionErrors: readonly {
    readonly number: number;
    readonly name: string;
    readonly text: string;
    readonly section: string;
  }[];
  readonly vmcsChecks: readonly {
    readonly name: string;
    readonly area: string;
    readonly section: string;
    readonly wants: string;
    readonly fields: readonly string[];
    readonly msrs: readonly number[];
    readonly inputs: readonly string[];
  }[];
  /** The processor models that `--cpu` takes; the first is the default. */
  readonly models: readonly {
    readonly name: string;
    readonly description: string;
    /** The processor after which it is modelled. */
    readonly realProcessor: string;
    readonly physicalAddressBits: number;
    /** The file in src/machine/models with the dump of the real processor. */
    readonly dump: string;
    /** The features that its CPUID announces, by the names of their bits. */
    readonly features: readonly string[];
  }[];
  readonly constants: Readonly<Record<string, DescribedConstants>>;
}

const FIELD_SECTION = 'SDM 3D "Field Encoding in VMCS"';

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16).toUpperCase()}` : `0x${value.toString(16).toUpperCase()}`;
}

function describeField({ name, from, to, mask, values }: BitField): DescribedField {
  const meaning = bitMeaning(name);
  return {
    name,
    from,
    to,
    ...(mask === undefined ? {} : { mask: hex(mask) }),
    ...(values === undefined ? {} : { values }),
    ...(meaning === undefined ? {} : { meaning }),
  };
}

function plain(...groups: readonly Readonly<Record<string, number | bigint>>[]): DescribedConstants {
  const entries = groups.flatMap((group) => Object.entries(group));
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'bigint' ? hex(value) : value]));
}

function describeConstants(): Readonly<Record<string, DescribedConstants>> {
  return {
    vcpuid: plain(VcpuId, { guestFrom: VCPUID_GUEST_FROM }),
    vmcall: plain({ magic: VMCALL_MAGIC, version: VMCALL_VERSION }, VmcallOpcode, VmcallVersions, VmcallDataType),
    vmmStatus: plain(VmmStatus),
    errorCodes: plain(ErrorCode),
    debugRing: plain(DebugRingTag),
    memoryDescriptor: plain(MemoryDescriptorType),
    pat: plain({ patValue: PAT_VALUE }, PatIndex),
    serial: plain(
      { defaultPort: SERIAL_DEFAULT_PORT, dlab: SERIAL_DLAB },
      SerialPortAddress,
      BaudRate,
      DataBits,
      StopBits,
      ParityBits,
      SerialRegister,
      FifoControl,
      LineStatus,
      LineControl,
    ),
  };
}

/** Other definitions are layouts, which occur in VMCS fields, MSRs and memory. */
function registerAccessor(name: string): string {
  const own = name.slice(name.indexOf('.') + 1);
  return own in registerFields || (segmentNames as readonly string[]).includes(own) ? `registers.${own}` : '';
}

/** Describes everything. */
export function describeAll(): Description {
  return {
    vmcsFields: vmcsFieldDefinitions.map(({ name, encoding, width, group, readOnly, existsIf, fields, values }) => ({
      name,
      encoding,
      width,
      group,
      readOnly,
      accessor: `vmcs.${camelCase(name)}`,
      existsIf: existsIf
        .map((controls) => controls.map((control) => `${control.name} may be 1`).join(' and '))
        .join(' or '),
      section: FIELD_SECTION,
      fields: fields.map(describeField),
      values,
    })),
    msrs: msrDefinitions.map(({ name, address, section, fields }) => ({
      name,
      address,
      accessor: `msrs.${camelCase(name)}`,
      section,
      fields: fields.map(describeField),
    })),
    cpuid: cpuidLeafDefinitions.map(({ name, leaf, section, registers }) => ({
      name,
      leaf,
      accessor: `cpuid.${camelCase(name)}`,
      section,
      registers: registers.map(({ register, subleaf, fields }) => ({
        register,
        subleaf,
        fields: fields.map(describeField),
      })),
    })),
    registers: registerDefinitions.map(({ name, section, fields }) => ({
      name,
      accessor: registerAccessor(name),
      section,
      fields: fields.map(describeField),
    })),
    exitReasons: exitReasonDefinitions.map((reason) => ({ ...reason, section: 'SDM 3D "VMX Basic Exit Reasons"' })),
    vmInstructionErrors: vmInstructionErrorDefinitions.map((error) => ({
      ...error,
      section: 'SDM 3C "VM Instruction Error Numbers"',
    })),
    vmcsChecks: [
      ...entryRules.map(({ name, area, section, wants, fields, msrs, inputs }) => ({
        name,
        area: area as string,
        section,
        wants,
        fields: fields.map((encoding) => vmcsFieldDefinitions.find((field) => field.encoding === encoding)!.name),
        msrs,
        inputs,
      })),
      ...[...msrLoadRules, msrLoadValueRule].map(({ name, section, wants }) => ({
        name,
        area: 'msrLoad',
        section,
        wants,
        fields: [],
        msrs: [],
        inputs: ['memory'],
      })),
    ],
    models: processorModels.map((model) => ({
      name: model.name,
      description: model.title,
      realProcessor: model.realProcessor,
      physicalAddressBits: model.physicalAddressBits,
      dump: model.dump,
      features: announcedFeatures(model),
    })),
    constants: describeConstants(),
  };
}
