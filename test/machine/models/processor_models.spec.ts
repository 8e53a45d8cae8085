// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { processorModel, processorModels } from '../../../src/machine/models/processor_models.js';

describe('processorModels', () => {
  it('have a name each, by which they are found', () => {
    expect(processorModels.map(({ name }) => processorModel(name))).to.deep.equal(processorModels);
    expect(new Set(processorModels.map(({ name }) => name)).size).to.equal(processorModels.length);
    expect(processorModel('skylake')).to.equal(undefined);
  });

  it('begin with the default', () => {
    expect(processorModels[0].name).to.equal('skylake-client');
  });

  it('contain one with 40 physical-address bits or more', () => {
    expect(processorModels.map(({ physicalAddressBits }) => physicalAddressBits >= 40)).to.include(true);
  });
});
