// SPDX-License-Identifier: LGPL-2.1-only
// Reads the output of guests/vmx_probe, and leaves out what the SDM does not define.
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { vmcsFieldDefinition } from '../../src/intrinsics/vmcs/vmcs_field_details.js';

/** What came of each case, by its name: lines without leading blanks. */
export type Transcript = ReadonlyMap<string, readonly string[]>;

// SDM 3C "Information for VM Exits Due to Instruction Execution": these exits save the length of the instruction.
const withLength: ReadonlySet<number> = new Set<number>([
  ExitReason.Cpuid,
  ExitReason.Getsec,
  ExitReason.Hlt,
  ExitReason.Invd,
  ExitReason.Invlpg,
  ExitReason.Rdpmc,
  ExitReason.Rdtsc,
  ExitReason.Vmcall,
  ExitReason.Vmclear,
  ExitReason.Vmlaunch,
  ExitReason.Vmptrld,
  ExitReason.Vmptrst,
  ExitReason.Vmread,
  ExitReason.Vmresume,
  ExitReason.Vmwrite,
  ExitReason.Vmxoff,
  ExitReason.Vmxon,
  ExitReason.ControlRegisterAccesses,
  ExitReason.MovDr,
  ExitReason.IoInstruction,
  ExitReason.Rdmsr,
  ExitReason.Wrmsr,
  ExitReason.Mwait,
  ExitReason.Monitor,
  ExitReason.Pause,
  ExitReason.AccessToGdtrOrIdtr,
  ExitReason.AccessToLdtrOrTr,
  ExitReason.Invept,
  ExitReason.Rdtscp,
  ExitReason.Invvpid,
  ExitReason.Wbinvd,
  ExitReason.Xsetbv,
  ExitReason.Rdrand,
  ExitReason.Invpcid,
  ExitReason.Vmfunc,
  ExitReason.Rdseed,
  ExitReason.Xsaves,
  ExitReason.Xrstors,
]);

// The same section's tables of the instruction-information field: which bits have a meaning, by exit reason.
const MEMORY = 0x0fff8383;
const instructionBits: Readonly<Record<number, number>> = {
  [ExitReason.IoInstruction]: 0x00038380,
  [ExitReason.Invept]: MEMORY | 0xf0000000,
  [ExitReason.Invvpid]: MEMORY | 0xf0000000,
  [ExitReason.Invpcid]: MEMORY | 0xf0000000,
  [ExitReason.AccessToGdtrOrIdtr]: MEMORY | 0x30000800,
  [ExitReason.AccessToLdtrOrTr]: MEMORY | 0x30000478,
  [ExitReason.Rdrand]: 0x00001878,
  [ExitReason.Rdseed]: 0x00001878,
  [ExitReason.Vmclear]: MEMORY,
  [ExitReason.Vmptrld]: MEMORY,
  [ExitReason.Vmptrst]: MEMORY,
  [ExitReason.Vmxon]: MEMORY,
  [ExitReason.Xsaves]: MEMORY,
  [ExitReason.Xrstors]: MEMORY,
  [ExitReason.Vmread]: MEMORY | 0xf0000478,
  [ExitReason.Vmwrite]: MEMORY | 0xf0000478,
};

const IS_REGISTER = 1 << 10;
const NO_INDEX = 1 << 22;
const NO_BASE = 1 << 27;

/** The bits of the instruction information that have a meaning: register numbers only where there is such a register. */
function definedInstructionBits(reason: number, information: number): number {
  let mask = instructionBits[reason] ?? 0;
  const canBeRegister = (mask & IS_REGISTER) !== 0;
  if (canBeRegister && (information & IS_REGISTER) !== 0) return mask & (IS_REGISTER | 0x78 | 0xf0000000);
  if (canBeRegister) mask &= ~0x78;
  // The operand size of LGDT and its like is undefined in 64-bit mode, where the address size mostly is 64 bits.
  if (reason === ExitReason.AccessToGdtrOrIdtr && ((information >>> 7) & 7) === 2) mask &= ~(1 << 11);
  // Outside 64-bit mode INS and OUTS name no other registers.
  if (reason === ExitReason.IoInstruction) return mask;
  if ((information & NO_INDEX) !== 0) mask &= ~(0xf << 18) & ~3;
  if ((information & NO_BASE) !== 0) mask &= ~(0xf << 23);
  return mask;
}

const isValid = (information: number): boolean => information >>> 31 !== 0;
const typeOf = (information: number): number => (information >>> 8) & 7;
const isSoftware = (information: number): boolean =>
  isValid(information) && typeOf(information) >= 4 && typeOf(information) <= 6;
const hasErrorCode = (information: number): boolean => isValid(information) && (information & (1 << 11)) !== 0;

/** INS and OUTS. */
const isString = (qualification: number): boolean => (qualification & 0x10) !== 0;

function isLengthDefined(reason: number, values: Readonly<Record<string, number>>): boolean {
  if (withLength.has(reason) || isSoftware(values.vectoring!)) return true;
  if (reason === ExitReason.ExceptionOrNonMaskableInterrupt) return isSoftware(values.interruption!);
  // A task switch by CALL, IRET or JMP; by a task gate in the IDT only for software events.
  return reason === ExitReason.TaskSwitch && values.qualification! >>> 30 !== 3;
}

function isLinearDefined(reason: number, values: Readonly<Record<string, number>>): boolean {
  const qualification = values.qualification!;
  if (reason === ExitReason.EptViolation) return (qualification & 0x80) !== 0;
  if (reason === ExitReason.IoInstruction) return isString(qualification);
  // LMSW with a memory operand.
  return reason === ExitReason.ControlRegisterAccesses && (qualification & 0x7f) === 0x70;
}

/** The exit line with the fields that the SDM defines for this exit, the ones that are 0 left out. */
function definedExit(line: string): string {
  const texts = Object.fromEntries([...line.matchAll(/ (\w+)=([0-9a-f]+)/g)].map(([, name, value]) => [name!, value!]));
  // Only the low halves decide.
  const values = Object.fromEntries(
    Object.entries(texts).map(([name, value]) => [name, Number.parseInt(value.slice(-8), 16)]),
  );
  const reason = values.reason! & 0xffff;
  const isEntryFailure = values.reason! >>> 31 !== 0;
  const has: Record<string, boolean> = {
    reason: true,
    qualification: true,
    length: isLengthDefined(reason, values),
    interruption: true,
    error: hasErrorCode(values.interruption!),
    vectoring: isValid(values.vectoring!),
    vectoringError: hasErrorCode(values.vectoring!),
    linear: isLinearDefined(reason, values),
    physical: reason === ExitReason.EptViolation || reason === ExitReason.EptMisconfiguration,
  };
  const shown = Object.keys(has).filter(
    (name) => has[name] && (!isEntryFailure || name === 'reason' || name === 'qualification'),
  );
  const parts = shown.map((name) => [name, BigInt(`0x${texts[name]!}`)] as const);
  if (
    instructionBits[reason] !== undefined &&
    (reason !== ExitReason.IoInstruction || isString(values.qualification!))
  ) {
    parts.push([
      'instruction',
      BigInt((values.instruction! & definedInstructionBits(reason, values.instruction!)) >>> 0),
    ]);
  }
  return [
    'exit',
    ...parts
      .filter(([name, value]) => name === 'reason' || value !== 0n)
      .map(([name, value]) => `${name}=${value.toString(16)}`),
  ].join(' ');
}

/** Where the image has its guests' code: a stub of 16 bytes for each vector, then pieces of code of 256 bytes. */
interface Addresses {
  readonly stubs: number;
  readonly code: number;
}

const STUB_BYTES = 16;
const STUBS = 64;

/** Names a place in a guest's code, so that transcripts do not change with the image: `stub 13`, `code+5`. */
function place(address: bigint, { stubs, code }: Addresses): string {
  const value = Number(address);
  const offset = value - stubs;
  if (offset >= 0 && offset < STUBS * STUB_BYTES) {
    const within = offset % STUB_BYTES;
    return `stub ${Math.floor(offset / STUB_BYTES)}${within === 0 ? '' : `+${within}`}`;
  }
  return value >= code && value < 0x400000 ? `code+${value & 0xff}` : value.toString(16);
}

// SDM 3C "Saving Segment Registers and Descriptor-Table Registers": of an unusable register only bit 16 is defined, and the DPL of SS.
function definedRights(name: string, rights: number): string {
  const isUnusable = (rights & 0x10000) !== 0;
  return (isUnusable ? rights & (name === 'guest_ss_access_rights' ? 0x10060 : 0x10000) : rights).toString(16);
}

/** `681e=0000000000201ea1` → `guest_rip=code+1`. */
function namedField(line: string, addresses: Addresses): string {
  return line.replace(/^([0-9a-f]{4})=0*([0-9a-f]+)$/, (_, encoding: string, value: string) => {
    const name = vmcsFieldDefinition(Number.parseInt(encoding, 16))?.name ?? encoding;
    if (name === 'guest_rip') return `${name}=${place(BigInt(`0x${value}`), addresses)}`;
    return `${name}=${name.endsWith('_access_rights') ? definedRights(name, Number.parseInt(value, 16)) : value}`;
  });
}

function readable(line: string, addresses: Addresses): string {
  return line.startsWith('exit ') ? definedExit(line) : namedField(line, addresses);
}

/** Reads a transcript. Lines of the machine that ran it (they begin with "(") are not part of it. @throws if it did not reach its end. */
export function parseTranscript(text: string): Transcript {
  const lines = text.replaceAll('\r', '').split('\n');
  const start = lines.findIndex((line) => line.startsWith('vmx_probe '));
  if (start < 0) throw new Error(`the probe printed nothing; last lines: ${lines.slice(-5).join(' | ')}`);
  const [stubs, code] = /^vmx_probe \d+ (\w+) (\w+)/
    .exec(lines[start]!)!
    .slice(1)
    .map((address) => Number.parseInt(address, 16));
  const addresses = { stubs: stubs!, code: code! };
  const cases = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of lines.slice(start + 1)) {
    const head = /^case \d+ (.*)$/.exec(line);
    if (line === 'end') return cases;
    if (head !== null) {
      const name = head[1]!;
      if (cases.has(name)) throw new Error(`two cases are called "${name}"`);
      current = [];
      cases.set(name, current);
    } else if (line.startsWith('capability ')) {
      const [, msr, value] = /^capability (\w+)=(\w+)$/.exec(line)!;
      cases.set(`capability ${msr!}`, [value!]);
    } else if (!line.startsWith('(') && line !== '') {
      current.push(readable(line.trim(), addresses));
    }
  }
  throw new Error(`the probe did not reach its end; last case: ${[...cases.keys()].pop()}`);
}
