// SPDX-License-Identifier: LGPL-2.1-only
import { unsignedBits } from '../support/unsigned_bits.js';
import { Cr0, Cr4, Efer, Rflags } from '../../intrinsics/registers/registers.js';
import { SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { pdpteTable } from '../../intrinsics/contents/control_register_contents.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import { PageFaultError } from '../../intrinsics/structures/memory_structures.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { GuestMemory } from '../memory_manager/guest_memory.js';
import { pageAddressMask } from '../../intrinsics/structures/page_levels.js';
import { PageTableEntryBit as Bit } from '../memory_manager/page_table_entry_x64.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { GuestPageFault } from './guest_page_fault.js';

/** Who makes an access: a program at CPL 3, one at a lower CPL, or the processor for itself, as to a descriptor table or a TSS. */
export type AccessMaker = 'user' | 'supervisor' | 'system';
/** `fetch` is one that the processor has made: NX and SMEP have allowed it. */
export type AccessDirection = 'read' | 'write' | 'fetch';

/** An access that is being translated. */
interface Access {
  readonly linear: bigint;
  readonly isWrite: boolean;
  readonly isFetch: boolean;
  readonly maker: AccessMaker;
}

/** A paging-structure entry that the walk used. */
interface UsedEntry {
  readonly address: bigint;
  readonly value: bigint;
}

const indexMask = 511n;
const entryRights = Bit.rw | Bit.us;
/** PAE paging outside IA-32e mode: bits 62:52. */
const reservedInPae = 0x7ff0_0000_0000_0000n;
/** Bits of an address that must be 0 in a large page's entry, by level: 2 maps 1 GiB, 1 maps 2 MiB. */
const reservedInLarge = [0n, 0x1f_e000n, 0x3fff_e000n] as const;
/** Bits 39:32 of a 4-MiB page's address are bits 20:13 of its entry. SDM 3A "32-Bit Paging". */
const pse36 = { shift: 13, bits: 8 } as const;

/**
 * Translates addresses of a guest as its processor does, for instructions that the VMM executes in its stead: with 32-bit, PAE and 4-level paging,
 * with rights, and with accessed and dirty flags. SDM 3A "Paging".
 */
export class GuestPaging {
  constructor(
    private readonly vmcs: Vmcs,
    private readonly memory: Pick<GuestMemory, 'readAsGuest64' | 'writeAsGuest'>,
    private readonly facts: Pick<RegisterFacts, 'physicalAddressWidth'>,
  ) {}

  /** @returns the guest-physical address. @throws GuestPageFault */
  translate(linear: bigint, direction: AccessDirection, maker: AccessMaker): bigint {
    if ((this.vmcs.readLow(VmcsField.GuestCr0) & Cr0.Paging) === 0) return linear;
    const access = { linear, isWrite: direction === 'write', isFetch: direction === 'fetch', maker };
    return (this.cr4 & Cr4.PhysicalAddressExtensions) === 0 ? this.walk32(access) : this.walk64(access);
  }

  private get cr4(): number {
    return this.vmcs.readLow(VmcsField.GuestCr4);
  }

  private get efer(): number {
    return this.vmcs.readLow(VmcsField.GuestIa32Efer);
  }

  private walk64(access: Access): bigint {
    const { linear } = access;
    const isPae = (this.efer & Efer.Lma) === 0;
    let table = isPae ? this.pdpteOf(access) : this.vmcs.read(VmcsField.GuestCr3);
    const used: UsedEntry[] = [];
    let rights = entryRights;
    for (let level = isPae ? 1 : 3; ; level--) {
      const shift = BigInt(12 + 9 * level);
      const address = (table & pageAddressMask) + 8n * ((linear >> shift) & indexMask);
      const value = this.memory.readAsGuest64(address);
      if ((value & Bit.present) === 0n) throw fault(access, 0);
      if ((value & this.reserved(level, value, isPae)) !== 0n) {
        throw fault(access, PageFaultError.Present | PageFaultError.ReservedBit);
      }
      rights &= value;
      used.push({ address, value });
      if (level === 0 || (value & Bit.ps) !== 0n) {
        this.finish(access, rights, used);
        const inside = (1n << shift) - 1n;
        return (value & pageAddressMask & ~inside) | (linear & inside);
      }
      table = value;
    }
  }

  /** The PDPTE of an address: VM exits save the registers if EPT is on, else VM entry loads them from memory. */
  private pdpteOf(access: Access): bigint {
    const index = Number((access.linear >> 30n) & 3n);
    const value = this.vmcs.isEnabled('secondary', SecondaryControl.EnableEpt)
      ? this.vmcs.read(VmcsField.GuestPdpte0 + 2 * index)
      : this.memory.readAsGuest64(BigInt(pdpteTable(this.vmcs.readLow(VmcsField.GuestCr3)) + 8 * index));
    if ((value & Bit.present) === 0n) throw fault(access, 0);
    return value;
  }

  /** SDM 3A "Paging-Structure Entries": bits that must be 0. */
  private reserved(level: number, value: bigint, isPae: boolean): bigint {
    const width = BigInt(this.facts.physicalAddressWidth);
    const beyond = pageAddressMask & ~((1n << width) - 1n);
    const noExecute = (this.efer & Efer.Nxe) === 0 ? Bit.nx : 0n;
    const always = beyond | noExecute | (isPae ? reservedInPae : 0n);
    if (level === 3) return always | Bit.ps;
    return level === 0 || (value & Bit.ps) === 0n ? always : always | reservedInLarge[level]!;
  }

  private walk32(access: Access): bigint {
    const { linear } = access;
    const directory = this.entry32(access, this.vmcs.read(VmcsField.GuestCr3), linear >> 22n);
    if ((directory.value & Bit.ps) !== 0n && (this.cr4 & Cr4.PageSizeExtensions) !== 0) {
      return this.largePage32(access, directory);
    }
    const page = this.entry32(access, directory.value, linear >> 12n);
    this.finish(access, directory.value & page.value, [directory, page]);
    return (page.value & 0xffff_f000n) | (linear & 0xfffn);
  }

  private largePage32(access: Access, directory: UsedEntry): bigint {
    const highBits = Math.min(pse36.bits, Math.max(0, this.facts.physicalAddressWidth - 32));
    const all = (1 << pse36.bits) - 1;
    const high = (Number(directory.value) >>> pse36.shift) & all;
    if (high >>> highBits !== 0) throw fault(access, PageFaultError.Present | PageFaultError.ReservedBit);
    this.finish(access, directory.value, [directory]);
    return (BigInt(high) << 32n) | (directory.value & 0xffc0_0000n) | (access.linear & 0x3f_ffffn);
  }

  private entry32(access: Access, table: bigint, index: bigint): UsedEntry {
    const address = (table & 0xffff_f000n) + 4n * (index & 0x3ffn);
    const pair = this.memory.readAsGuest64(address & ~7n);
    const value = unsignedBits(32, (address & 4n) === 0n ? pair : pair >> 32n);
    if ((value & Bit.present) === 0n) throw fault(access, 0);
    return { address, value };
  }

  /** Checks the rights of all levels together; then marks the entries. */
  private finish(access: Access, rights: bigint, used: readonly UsedEntry[]): void {
    if (!this.isPermitted(access, rights)) throw fault(access, PageFaultError.Present);
    used.forEach(({ address, value }, index) => {
      const isLast = index === used.length - 1;
      const wanted = Bit.accessed | (isLast && access.isWrite ? Bit.dirty : 0n);
      if ((value & wanted) === wanted) return;
      this.memory.writeAsGuest(address, Uint8Array.of(Number((value | wanted) & 0xffn)));
    });
  }

  /** SDM 3A "Determination of Access Rights". */
  private isPermitted({ isWrite, isFetch, maker }: Access, rights: bigint): boolean {
    const isWritable = (rights & Bit.rw) !== 0n;
    const isUser = (rights & Bit.us) !== 0n;
    if (maker === 'user') return isUser && (!isWrite || isWritable);
    if (isFetch) return true;
    const isProtected = (this.vmcs.readLow(VmcsField.GuestCr0) & Cr0.WriteProtect) !== 0;
    if (isWrite && !isWritable && isProtected) return false;
    if (!isUser || (this.cr4 & Cr4.SmapEnableBit) === 0) return true;
    const isSuspended = (this.vmcs.readLow(VmcsField.GuestRflags) & Rflags.AlignmentCheckAccessControl) !== 0;
    return maker === 'supervisor' && isSuspended;
  }
}

function fault({ linear, isWrite, maker }: Access, cause: number): GuestPageFault {
  const code = cause | (isWrite ? PageFaultError.Write : 0) | (maker === 'user' ? PageFaultError.User : 0);
  return new GuestPageFault(linear, code);
}
