// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BitAccessor } from '../../../src/intrinsics/accessors/bit_accessor.js';
import { BitsAccessor } from '../../../src/intrinsics/accessors/bits_accessor.js';
import { ControlBitAccessor } from '../../../src/intrinsics/accessors/control_bit_accessor.js';
import { WordAccessor } from '../../../src/intrinsics/accessors/word_accessor.js';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { writePlace } from '../../../src/vmm/vmcs_fields/write_place.js';
import { VmcsIntelX64 } from '../../../src/vmm/vmcs/vmcs_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

type Methods = Record<string, (...values: unknown[]) => unknown>;

function tracedVmcs(): VmcsIntelX64 {
  const machine = new FakeMachine();
  const vmcs = make(VmcsIntelX64, { vmx: machine.vmx, msrs: machine.msrs });
  vmcs.traceWrites = true;
  return vmcs;
}

/** Who is found to have written a field last; undefined if nobody has. */
function writerOf(field: number, write: (vmcs: VmcsIntelX64) => void): string | undefined {
  const vmcs = tracedVmcs();
  function theWriter(): void {
    write(vmcs);
  }
  theWriter();
  return vmcs.lastWrittenAt(field);
}

/** The public methods of classes, each once. */
const namesOf = (...classes: readonly { readonly prototype: object }[]): string[] =>
  [...new Set(classes.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype)))].filter(
    (name) => !['constructor', 'store', 'isThere', 'checked', 'named', 'is'].includes(name),
  );

describe('writePlace', () => {
  // The arrow function that is given to `writerOf` is the first frame, and its caller the second.
  const isFound = (place: string | undefined): boolean => place?.split('\n')[1]?.includes('theWriter') === true;

  const controls = VmcsField.PrimaryProcessorBasedVmExecutionControls;
  const accessors: readonly [string, number, (vmcs: VmcsIntelX64) => object, string[], number][] = [
    ['a word', VmcsField.GuestCr0, (vmcs) => vmcs.guestCr0, namesOf(BitsAccessor, WordAccessor), 2],
    ['a bit', VmcsField.GuestCr0, (vmcs) => vmcs.guestCr0.paging, namesOf(BitsAccessor, BitAccessor), 6],
    [
      'a control',
      controls,
      (vmcs) => vmcs.primaryProcessorBasedVmExecutionControls.hltExiting,
      namesOf(BitsAccessor, BitAccessor, ControlBitAccessor),
      8,
    ],
  ];
  for (const [what, field, of, names, writing] of accessors)
    it(`is outside the accessor of ${what}, whichever of its methods writes`, () => {
      const places = names
        .map((name) => writerOf(field, (vmcs) => (of(vmcs) as Methods)[name]!(1n)))
        .filter((place) => place !== undefined);
      expect(places).to.have.length(writing);
      expect(places.filter((place) => !isFound(place))).to.deep.equal([]);
    });

  it('is outside the VMCS, whichever of its methods writes', () => {
    const mask = PrimaryControl.HltExiting;
    const writes: ((vmcs: VmcsIntelX64) => void)[] = [
      (vmcs) => vmcs.write(controls, 1n),
      (vmcs) => vmcs.writeIfExists(controls, 1n),
      (vmcs) => vmcs.change(controls, 1n, 1n),
      (vmcs) => vmcs.enable('primary', mask),
      (vmcs) => vmcs.disable('primary', mask),
      (vmcs) => vmcs.enableIfAllowed('primary', mask),
      (vmcs) => vmcs.disableIfAllowed('primary', mask),
    ];
    expect(writes.map((write) => isFound(writerOf(controls, write)))).to.deep.equal(writes.map(() => true));
  });

  it('is the whole stack where the engine cannot cut it, and the engine is left as it was', () => {
    const { captureStackTrace, stackTraceLimit } = Error;
    try {
      Object.assign(Error, { captureStackTrace: undefined });
      expect(writePlace([])).to.match(/^(\S+\.)?writePlace /);
    } finally {
      Object.assign(Error, { captureStackTrace });
    }
    expect(Error.stackTraceLimit).to.equal(stackTraceLimit);
  });
});
