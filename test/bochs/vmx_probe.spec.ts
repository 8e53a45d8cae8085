// SPDX-License-Identifier: LGPL-2.1-only
// The oracle of the VMX engine: guests/vmx_probe on our machine and on Bochs 2.7.
import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { findBochs, runOnBochs } from './bochs.js';
import { compare } from './comparison.js';
import { differences } from './differences.js';
import { runOnOurMachine } from './our_machine.js';
import { parseTranscript, type Transcript } from './transcript.js';

const guest = (name: string): string => fileURLToPath(new URL(`../../guests/${name}`, import.meta.url));
const bochs = findBochs();

describe('vmx_probe', function () {
  this.timeout(240_000);
  let ours: Transcript;

  before(async () => {
    ours = parseTranscript(await runOnOurMachine(guest('vmx_probe.bin'), 500e6));
  });

  it('runs at least 300 cases on our machine', () => {
    expect([...ours.keys()].filter((name) => !name.startsWith('capability '))).to.have.length.of.at.least(300);
  });

  describe('next to Bochs 2.7', () => {
    let theirs: Transcript;

    before(async function () {
      if (bochs === undefined) {
        // In CI the comparison must run: .ci/run installs Bochs.
        if (process.env.CI === 'true')
          throw new Error('Bochs is not installed (Debian: bochs, bochsbios), so nothing was compared');
        this.skip();
      }
      theirs = parseTranscript(await runOnBochs(bochs, guest('vmx_probe.disk.img'), 180));
    });

    it('runs the same cases', () => {
      expect([...theirs.keys()]).to.deep.equal([...ours.keys()]);
    });

    it('has the same results, except for reviewed differences', () => {
      expect(compare(ours, theirs, differences).unexpected).to.deep.equal([]);
    });

    it('has no reviewed difference that is gone', () => {
      expect(compare(ours, theirs, differences).gone).to.deep.equal([]);
    });
  });
});
