// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LinkError } from '../../../src/bfm/link/link_error.js';
import { LinkRun } from '../../../src/bfm/link/link_run.js';
import { RunControl, StopRequest } from '../../../src/bfm/worker/run_control.js';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { linkOfRun, type SharedRun } from '../../../src/site/machine/run_link.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';
import { echoRun, hashOf, writeSite } from './linked_run.js';

const folder = temporaryFolder();

describe('LinkRun', () => {
  let site: string;
  let shared: SharedRun;

  before(async () => {
    site = await writeSite(folder);
    shared = await echoRun();
  });

  const again = (run: SharedRun, control = new RunControl()): Promise<RunReport> =>
    new LinkRun({ run, site }, control, ({ kind, ...rest }) => {
      if (kind === 'console' || kind === 'vmm') control.outputTaken((rest as { bytes: Uint8Array }).bytes.length);
    }).run();

  it('comes to the state of the link, under its extension', async () => {
    const { outcome, machine, extensions, detail } = await again(shared);
    expect(outcome, detail).to.equal('replayed');
    expect(machine.stateHash).to.equal(hashOf(shared));
    expect(extensions).to.have.property('cpuidcount');
    expect(detail).to.match(/^the run of the link, up to its end: [\d ]+ instructions, state [0-9a-f]{16}$/);
  });

  // Numbers of the two vCPUs are added up.
  it('runs the extension that a link brings', async () => {
    const source = `import { ReportContribution, vcpuModule } from 'bareflank';
      export default vcpuModule(({ bind }) => bind(ReportContribution).toConstantValue({ name: 'mine', report: () => ({ big: 5n }) }));`;
    const items = JSON.parse(
      JSON.stringify(shared.items).replaceAll('"cpuidcount"', '"edited_1"'),
    ) as SharedRun['items'];
    const { extensions } = await again({ ...shared, items, sources: { edited_1: source } });
    expect(extensions).to.deep.equal({ mine: { big: '10' } });
  });

  it('says that a run is another one', async () => {
    const items = shared.items.map((item) => (item.kind === 'end' ? { ...item, hash: '0'.repeat(16) } : item));
    const { outcome, detail } = await again({ ...shared, items });
    expect(outcome).to.equal('diverged');
    expect(detail).to.match(/^this run is not that of the link: /);
  });

  it('ends when it is asked to', async () => {
    const control = new RunControl();
    control.requestStop(StopRequest.Timeout);
    const { outcome } = await again(shared, control);
    expect(outcome).to.equal('timeout');
  });

  it('refuses what the site has not', async () => {
    const refusal = await again({ ...shared, guest: 'another' }).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(LinkError);
    expect((refusal as Error).message).to.include('the site has not the guest another');
  });

  it('is what bfm replay does with a link, whose code runs only when that is allowed', async () => {
    const link = `http://127.0.0.1:8080/#run=${linkOfRun(shared)}`;
    const { status, stdout, stderr } = await bfm('replay', link, '--site', site, '--json');
    expect(status, stderr).to.equal(0);
    const { outcome, machine } = JSON.parse(stdout) as RunReport;
    expect([outcome, machine.stateHash]).to.deep.equal(['replayed', hashOf(shared)]);
    expect(stderr).to.include('typed');
    const code = linkOfRun({ ...shared, sources: { mine: 'export {};' } });
    const shown = await bfm('replay', folder.write('link', `#run=${code}`), '--site', site);
    expect([shown.status, shown.stderr]).to.deep.equal([
      1,
      'bfm: the link brings an extension of its own; read it, and add --allow-code if it may run here:\n\nexport {};\n',
    ]);
  });
});
