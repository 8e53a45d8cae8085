// SPDX-License-Identifier: LGPL-2.1-only
import { vmcsFieldLabel } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { ContributionError, VmcsError } from '../errors.js';
import { hex } from '../support/text.js';

interface Entry {
  readonly who: string;
  readonly mask: bigint;
  readonly value: bigint;
}

/** VMCS fields that no contribution may set up, and why. */
export interface ReservedFields {
  readonly fields: ReadonlySet<number>;
  /** Ends the sentence "'name' writes FIELD, but". */
  readonly reason: string;
}

/** Records which contribution wrote what during set-up, to find contradictions. */
export class WriteLedger {
  private readonly entries = new Map<number, Entry[]>();
  private writer = '';

  constructor(private readonly reserved: ReservedFields = { fields: new Set(), reason: '' }) {}

  /** Runs `body`, whose writes are those of `writer`. */
  as(writer: string, body: () => void): void {
    const before = this.writer;
    this.writer = writer;
    try {
      body();
    } finally {
      this.writer = before;
    }
  }

  /**
   * Records that the writer gives the bits of `mask` in `field` their values in `value`.
   *
   * @throws ContributionError for a reserved field.
   * @throws VmcsError if another writer gave one of these bits another value.
   */
  note(field: number, mask: bigint, value: bigint): void {
    const who = this.writer;
    if (this.reserved.fields.has(field & ~1))
      throw new ContributionError(`'${who}' writes ${vmcsFieldLabel(field)}, but ${this.reserved.reason}`);
    const before = this.entries.get(field) ?? [];
    const other = before.find((entry) => entry.who !== who && (entry.mask & mask & (entry.value ^ value)) !== 0n);
    if (other !== undefined) {
      const bits = other.mask & mask & (other.value ^ value);
      throw new VmcsError(
        `'${other.who}' and '${who}' give ${vmcsFieldLabel(field)} different values: ${hex(other.value & bits)} and ${hex(value & bits)} in the bits ${hex(bits)}; they cannot be loaded together`,
      );
    }
    this.entries.set(field, [...before, { who, mask, value }]);
  }
}
