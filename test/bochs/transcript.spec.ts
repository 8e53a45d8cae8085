// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseTranscript } from './transcript.js';

const zeros = 'interruption=00000000 error=00000000 vectoring=00000000 vectoringError=00000000';
const exitLine = (reason: string, rest: string): string => `  exit reason=${reason} ${rest}`;

/** The lines of one case. */
function read(...lines: string[]): readonly string[] {
  return parseTranscript(
    ['noise', 'vmx_probe 1 00200bd0 00201700', 'case 1 one', ...lines, 'end', 'noise'].join('\n'),
  ).get('one')!;
}

describe('parseTranscript', () => {
  it('leaves out the instruction length where the SDM does not define it', () => {
    const fields = `qualification=0000000000000181 length=00000007 instruction=00000000 ${zeros} linear=0000000000600123 physical=0000000000600123`;
    expect(read(exitLine('00000030', fields))).to.deep.equal([
      'exit reason=30 qualification=181 linear=600123 physical=600123',
    ]);
  });

  it('keeps the instruction length of instructions and of software exceptions', () => {
    const none = 'linear=0000000000000000 physical=0000000000000000';
    expect(
      read(
        exitLine('0000000a', `qualification=0000000000000000 length=00000002 instruction=00000000 ${zeros} ${none}`),
      ),
    ).to.deep.equal(['exit reason=a length=2']);
    const breakpoint = 'interruption=80000603 error=00000000 vectoring=00000000 vectoringError=00000000';
    expect(
      read(
        exitLine(
          '00000000',
          `qualification=0000000000000000 length=00000001 instruction=00000000 ${breakpoint} ${none}`,
        ),
      ),
    ).to.deep.equal(['exit reason=0 length=1 interruption=80000603']);
  });

  it('keeps of a failed entry the reason and the qualification only', () => {
    const fields = `qualification=0000000000000004 length=00000003 instruction=00000001 ${zeros} linear=0000000000000001 physical=0000000000000001`;
    expect(read(exitLine('80000021', fields))).to.deep.equal(['exit reason=80000021 qualification=4']);
  });

  it('keeps of the instruction information the bits that have a meaning', () => {
    const fields = (information: string): string =>
      `qualification=0000000000000000 length=00000004 instruction=${information} ${zeros} linear=0000000000000000 physical=0000000000000000`;
    // RDRAND R9W: Bochs sets bit 10 too.
    expect(read(exitLine('00000039', fields('00000c48')))).to.deep.equal(['exit reason=39 length=4 instruction=848']);
    // VMREAD RAX, RCX: nothing of a memory operand.
    expect(read(exitLine('00000017', fields('10400400')))).to.deep.equal([
      'exit reason=17 length=4 instruction=10000400',
    ]);
    // VMCLEAR [RAX]: no index, so no scaling.
    expect(read(exitLine('00000013', fields('00418103')))).to.deep.equal([
      'exit reason=13 length=4 instruction=418100',
    ]);
  });

  it('names fields, and places in the code of guests', () => {
    expect(read('    681e=0000000000200bf0', '    681c=000000000050ffd8')).to.deep.equal([
      'guest_rip=stub 2',
      'guest_rsp=50ffd8',
    ]);
    expect(read('    681e=0000000000202805')).to.deep.equal(['guest_rip=code+5']);
    expect(read('    681e=0000000000600000')).to.deep.equal(['guest_rip=600000']);
  });

  it('keeps capabilities and other lines as they are, and drops lines of the machine', () => {
    const text = [
      'vmx_probe 1 00200bd0 00201700',
      'capability 0480=00d8',
      'case 1 one',
      '  fail error=7',
      '(0).[1] ud2',
      'end',
    ].join('\n');
    const transcript = parseTranscript(text);
    expect(transcript.get('capability 0480')).to.deep.equal(['00d8']);
    expect(transcript.get('one')).to.deep.equal(['fail error=7']);
  });

  it('refuses a transcript without beginning, without end, and with two cases of one name', () => {
    expect(() => parseTranscript('nothing')).to.throw(/printed nothing; last lines: nothing/);
    expect(() => parseTranscript('vmx_probe 1 0 0\ncase 1 one\n')).to.throw(/did not reach its end; last case: one/);
    expect(() => parseTranscript('vmx_probe 1 0 0\ncase 1 one\ncase 2 one\nend')).to.throw(
      /two cases are called "one"/,
    );
  });
});
