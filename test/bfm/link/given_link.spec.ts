// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { givenLink, refuseCode } from '../../../src/bfm/link/given_link.js';
import { LinkError } from '../../../src/bfm/link/link_error.js';
import { linkOfRun, type SharedRun } from '../../../src/site/machine/run_link.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const run: SharedRun = { guest: '0123456789abcdef', processors: 1, items: [], sources: {} };
const address = `http://127.0.0.1:8080/#run=${linkOfRun(run)}`;

describe('givenLink', () => {
  it('takes the address of a page, its end, and a file that has it', () => {
    expect(givenLink(address)).to.deep.equal(run);
    expect(givenLink(`#run=${linkOfRun(run)}`)).to.deep.equal(run);
    expect(givenLink(folder.write('link', `${address}\n`))).to.deep.equal(run);
  });

  it('leaves everything else to others: recordings, other files, files that are not there', () => {
    expect(givenLink(folder.write('run.bfr', `{"typed":"${address}"} {}\n{}`))).to.equal(undefined);
    expect(givenLink(folder.write('empty', ''))).to.equal(undefined);
    expect(givenLink(folder.path)).to.equal(undefined);
    expect(givenLink('no-such-file')).to.equal(undefined);
  });

  it('refuses a link that is cut, or longer than 8 KiB', () => {
    expect(() => givenLink(address.slice(0, -5))).to.throw(LinkError, 'the link is damaged: copy the whole of it');
    const long = `http://127.0.0.1/#run=${'a'.repeat(9000)}`;
    for (const given of [long, folder.write('long', long)])
      expect(() => givenLink(given)).to.throw(LinkError, 'a link has 8192 characters at most, this one 9000');
  });
});

describe('refuseCode', () => {
  it('shows the code that a link brings, without what would change a terminal', () => {
    expect(() => refuseCode(run)).to.not.throw();
    const sources = { edited_1: 'let a = 1;\u001b[2J\n\tlet b = "\u202e";' };
    expect(() => refuseCode({ ...run, sources })).to.throw(
      LinkError,
      'add --allow-code if it may run here:\n\nlet a = 1;\ufffd[2J\n\tlet b = "\ufffd";',
    );
  });
});
