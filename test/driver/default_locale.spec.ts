// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { localesOr } from '../../src/driver/default_locale.js';

const url = new URL('../../src/driver/handler_globals.js', import.meta.url).href;
const texts = `[(1234.5).toLocaleString(), 1234n.toLocaleString(), [1234.5].toLocaleString(), 'i'.toLocaleUpperCase(), (1234.5).toLocaleString('en')]`;

/** What a Turkish host says with the globals of a machine, and with its own. */
function turkish(): unknown[] {
  const script = `import { handlerGlobals, useHandlerGlobals } from '${url}';
    useHandlerGlobals(handlerGlobals({ start: 0, now: () => 0 }));
    const own = ${texts};
    useHandlerGlobals();
    console.log(JSON.stringify([own, ${texts}]));`;
  const env = { ...process.env, LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' };
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' }),
  ) as unknown[];
}

describe('The default language', () => {
  it('is that of the machine for numbers and texts while modules have its globals, and then that of the host again', () => {
    const [own, host] = turkish();
    expect(own).to.deep.equal(['1,234.5', '1,234', '1,234.5', 'I', '1,234.5']);
    expect(host).to.deep.equal(['1.234,5', '1.234', '1.234,5', 'I', '1,234.5']);
  });

  it('takes the place of no language only', () => {
    expect([localesOr(undefined, 'a'), localesOr([] as string[], ['a']), localesOr('b', 'a')]).to.deep.equal([
      'a',
      ['a'],
      'b',
    ]);
  });
});
