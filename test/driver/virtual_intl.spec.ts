// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { virtualIntl } from '../../src/driver/virtual_intl.js';

const own = virtualIntl(() => Date.UTC(2020, 0, 2));

describe('virtualIntl', () => {
  it('formats the time of the machine in UTC, unless something else is named', () => {
    const format = own.DateTimeFormat(undefined, { dateStyle: 'short' });
    expect(format.format()).to.equal('1/2/20');
    expect(
      format
        .formatToParts()
        .map(({ value }) => value)
        .join(''),
    ).to.equal('1/2/20');
    expect([5, 6].map(format.format)).to.deep.equal(['1/1/70', '1/1/70']);
    expect(new own.DateTimeFormat().resolvedOptions()).to.include({ timeZone: 'UTC', locale: 'en-US' });
    expect(new own.DateTimeFormat('de', { timeZone: 'Asia/Kolkata' }).resolvedOptions().locale).to.equal('de');
    expect(format).to.be.instanceOf(own.DateTimeFormat).and.to.be.instanceOf(Intl.DateTimeFormat);
  });

  it('has one language for everything that names none', () => {
    expect(own.NumberFormat().format(1234.5)).to.equal('1,234.5');
    expect(new own.NumberFormat('de').format(1234.5)).to.equal('1.234,5');
    expect(new own.Collator([]).resolvedOptions().locale).to.match(/^en/);
    expect(new own.PluralRules().resolvedOptions().locale).to.match(/^en/);
    expect(new own.Locale('fr').language).to.equal('fr');
    expect(own.getCanonicalLocales('EN-us')).to.deep.equal(['en-US']);
  });
});
