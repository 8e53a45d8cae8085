// SPDX-License-Identifier: LGPL-2.1-only
// Traces and profiles, opened by programs of others: Chromium's developer tools by their own readers of both formats, and speedscope.
import { expect } from 'chai';
import { copyFileSync, cpSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { MachineRun } from '../../../src/bfm/run/machine_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { CpuProfile } from '../../../src/session/profile/cpu_profile.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import type { FileEvent } from '../../session/trace/trace_format.js';
import { hasBrowser, serveFolder, startBrowser } from '../../site/page/site_browser.js';
import { cpuidRun } from '../recording/own_run.js';

const folder = temporaryFolder();
const files = { trace: join(folder.path, 'trace.json'), profile: join(folder.path, 'run.cpuprofile') };
const speedscope = dirname(createRequire(import.meta.url).resolve('speedscope/dist/release/index.html'));
const developerTools = 'devtools://devtools/bundled/';

/** The bottom of a profile's tree: milliseconds by name. */
type Times = Readonly<Record<string, number>>;

/** What the developer tools make of a trace: by thread its name and its slices. */
type Threads = readonly {
  readonly name: string;
  readonly slices: readonly { name: string; ts: number; dur: number }[];
}[];

/** Nodes with time of their own, as the file says. */
function timesOf({ nodes, samples, timeDeltas }: CpuProfile): Times {
  const nameOf = (id: number): string => nodes.find((node) => node.id === id)!.callFrame.functionName;
  return Object.fromEntries(samples.slice(0, -1).map((id, index) => [nameOf(id), timeDeltas[index + 1]! / 1000]));
}

function expectTimes(found: Times, expected: Times): void {
  expect(Object.keys(found)).to.have.members(Object.keys(expected));
  // Viewers count in intervals, or round to two digits.
  for (const [name, time] of Object.entries(expected))
    expect(found[name], name).to.be.closeTo(time, Math.max(0.001, time / 50));
}

describe('A trace and a profile', () => {
  let browser: Browser | undefined;
  let server: Server | undefined;

  before(async function () {
    if (process.env.BAREFLANK_FULL !== '1' || !hasBrowser()) return this.skip();
    this.timeout(120_000);
    const request = {
      ...cpuidRun,
      trace: { file: files.trace, limit: 100_000 },
      profile: { file: files.profile, interval: 1000 },
    };
    await new MachineRun(request, new RunControl(), () => {}).run();
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    server?.close();
  });

  const opened = async (address: string): Promise<Page> => {
    const page = await browser!.newPage();
    await page.goto(address);
    return page;
  };

  it('are read by the developer tools of Chromium: the trace', async () => {
    const page = await opened(`${developerTools}devtools_app.html`);
    const threads = (await page.evaluate(
      `(async (text) => {
        const { TraceModel } = await import('${developerTools}models/trace/trace.js');
        const model = TraceModel.Model.createWithAllHandlers();
        await model.parse(JSON.parse(text).traceEvents, {});
        const { processes } = model.parsedTrace(0).data.Renderer;
        return [...processes.values()].flatMap(({ threads }) => [...threads.values()].map(({ name, entries }) =>
          ({ name, slices: entries.map(({ name, ts, dur }) => ({ name, ts, dur })) })));
      })(${JSON.stringify(readFileSync(files.trace, 'utf8'))})`,
    )) as Threads;
    const { traceEvents } = JSON.parse(readFileSync(files.trace, 'utf8')) as { traceEvents: readonly FileEvent[] };
    const slices = traceEvents.filter(({ ph }) => ph === 'X').map(({ name, ts, dur }) => ({ name, ts, dur }));
    expect(slices.filter(({ name }) => name === 'cpuid')).to.have.length(100);
    expect(threads.map(({ name }) => name)).to.deep.equal(['processor 0']);
    const order = (a: { ts: number }, b: { ts: number }): number => a.ts - b.ts;
    expect([...threads[0]!.slices].sort(order)).to.have.deep.members([...slices].sort(order));
  });

  it('are read by the developer tools of Chromium: the profile', async () => {
    const page = await opened(`${developerTools}devtools_app.html`);
    const found = (await page.evaluate(
      `(async (text) => {
        const { CPUProfileDataModel } = await import('${developerTools}models/cpu_profile/cpu_profile.js');
        const times = {};
        const visit = ({ functionName, self, children }) => {
          if (self > 0) times[functionName] = self;
          children.forEach(visit);
        };
        visit(new CPUProfileDataModel.CPUProfileDataModel(JSON.parse(text)).profileHead);
        return times;
      })(${JSON.stringify(readFileSync(files.profile, 'utf8'))})`,
    )) as Times;
    const expected = timesOf(JSON.parse(readFileSync(files.profile, 'utf8')) as CpuProfile);
    expect(Object.keys(expected)).to.include.members(['(kernel code)', 'cpuid: ExitHandlerCpuidCount, exits: 100']);
    expectTimes(found, expected);
  });

  it('are read by speedscope: the profile', async () => {
    const site = join(folder.path, 'site');
    cpSync(speedscope, site, { recursive: true });
    copyFileSync(files.profile, join(site, 'run.cpuprofile'));
    const served = await serveFolder(site);
    ({ server } = served);
    const page = await opened(`${served.address}#profileURL=${encodeURIComponent(`${served.address}run.cpuprofile`)}`);
    await page.waitForFunction("document.title.startsWith('run.cpuprofile')");
    // The table of all functions.
    await page.keyboard.press('3');
    await page.waitForFunction("document.body.innerText.includes('Symbol Name')");
    const rows = (await page.evaluate(
      `[...document.querySelectorAll('tr')].map((row) => [...row.querySelectorAll('td')].map((cell) => cell.innerText.trim()))`,
    )) as string[][];
    const milliseconds = { ns: 1e-6, µs: 1e-3, ms: 1, s: 1000 } as const;
    const self = rows.flatMap(([, own, name]): [string, number][] => {
      const [, number, unit] = /^([\d.]+)(ns|µs|ms|s) /.exec(own ?? '') ?? [];
      const time = Number(number) * milliseconds[unit as keyof typeof milliseconds];
      return time > 0 ? [[name!, time]] : [];
    });
    expectTimes(Object.fromEntries(self), timesOf(JSON.parse(readFileSync(files.profile, 'utf8')) as CpuProfile));
  });
});
