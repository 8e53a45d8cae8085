// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { virtualDate } from '../../src/driver/virtual_date.js';

const now = Date.UTC(2020, 0, 2, 3, 4, 5, 6);
const VirtualDate = virtualDate(() => now);

/** What code says that uses the virtual `Date` in a process with another time zone and language. */
function elsewhere(code: string, environment: NodeJS.ProcessEnv): unknown {
  const module = new URL('../../src/driver/virtual_date.js', import.meta.url).href;
  const script = `import { virtualDate } from '${module}'; const D = virtualDate(() => ${now}); console.log(JSON.stringify(${code}))`;
  const env = { ...process.env, ...environment };
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' }));
}

describe('virtualDate', () => {
  it('is in UTC and in English, whatever the host uses', () => {
    const code = `[
      new D().getHours(), new D().getTimezoneOffset(), new D().toString(), String(new D()), D(), new D(2020, 5, 1).getTime(),
      new D().toLocaleString(), new D().toLocaleDateString([]), new D().toLocaleTimeString(undefined, { timeZone: undefined }),
      D.parse('2020-06-01T12:00'), D.parse('June 1, 2020 12:00'), new D('2020-06-01 12:00').getTime(), new D(0).setHours(5)]`;
    const found = elsewhere(code, { TZ: 'Asia/Kolkata', LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8' });
    expect(found).to.deep.equal(elsewhere(code, { TZ: 'America/New_York', LC_ALL: 'en_US.UTF-8' }));
    const text = 'Thu Jan 02 2020 03:04:05 GMT+0000 (Coordinated Universal Time)';
    const [june, noon] = [Date.UTC(2020, 5, 1), Date.UTC(2020, 5, 1, 12)];
    const values = found as unknown[];
    expect(values.slice(0, 6)).to.deep.equal([3, 0, text, text, text, june]);
    expect(values.slice(6, 9).map((each) => String(each).replace(/\s/gu, ' '))).to.deep.equal([
      '1/2/2020, 3:04:05 AM',
      '1/2/2020',
      '3:04:05 AM',
    ]);
    expect(values.slice(9)).to.deep.equal([noon, noon, noon, 5 * 3_600_000]);
  });

  it('reads the zone that a text names, and takes dates, numbers and objects as Date does', () => {
    const texts = ['2020-01-01', '2020', '2020-01', '2020-01-01T00:00Z', '2020-01-01T00:00+05:30', '1 Jan 2020 GMT'];
    for (const text of [...texts, 'Wed Jan 01 2020 00:00:00 GMT+0100 (CET)', '1 Jan 2020 EST', 'no date'])
      expect(VirtualDate.parse(text), text).to.deep.equal(Date.parse(text));
    expect(new VirtualDate(new Date(7)).getTime()).to.equal(7);
    expect(new VirtualDate(new VirtualDate(7)).getTime()).to.equal(7);
    expect(new VirtualDate(99, 1).getUTCFullYear()).to.equal(1999);
    expect(new VirtualDate(Object('5') as string).toJSON()).to.equal(new VirtualDate('5').toJSON());
    expect([new VirtualDate(NaN).toString(), new VirtualDate(NaN).toDateString()]).to.deep.equal(
      Array(2).fill('Invalid Date'),
    );
  });

  it('leads back to itself: an instance makes no date of the host', () => {
    const again = new VirtualDate().constructor as DateConstructor;
    expect(again).to.equal(VirtualDate);
    expect(again.name).to.equal('Date');
    expect(new again().getTime()).to.equal(now);
    expect([new Date(), new VirtualDate()].every((each) => each instanceof VirtualDate)).to.equal(true);
    class Later extends VirtualDate {}
    expect([new Later(), new VirtualDate()].map((each) => each instanceof Later)).to.deep.equal([true, false]);
    expect(Object.keys(new VirtualDate()).concat(Object.keys(VirtualDate.prototype))).to.deep.equal([]);
  });

  it('has each method that Date has, with the same result for the parts of a date', () => {
    const methods = Object.getOwnPropertyNames(Date.prototype).filter((name) => /^get|^to.*String$/.test(name));
    for (const name of methods.filter((each) => !/Locale|Offset/.test(each))) {
      const call = (date: Date): unknown => (date as unknown as Record<string, () => unknown>)[name]!();
      if (process.env.TZ === 'UTC' || /UTC|ISO|Time$/.test(name))
        expect(call(new VirtualDate(now)), name).to.equal(call(new Date(now)));
      else expect(call(new VirtualDate(now)), name).to.be.a(typeof call(new Date(now)));
    }
    const date = new VirtualDate(now) as Date & { setYear(year: number): number; getYear(): number };
    date.setYear(85);
    expect([date.getYear(), date.getFullYear()]).to.deep.equal([85, 1985]);
  });
});
