// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { once } from 'node:events';
import { Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { isHeldByDebugger, releaseFromDebugger } from '../../../src/bfm/worker/worker_debugger.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

/** A thread that stops if a debugger is attached, and then never comes to an end. */
const program = `import { parentPort } from 'node:worker_threads';
parentPort.once('message', () => {
  debugger;
  parentPort.postMessage('goes on');
  for (;;);
});
parentPort.postMessage('ready');
`;

/** A debugger that is attached to a worker. @param paused is called when the worker is at a breakpoint */
function attach(session: Session, file: URL, paused: () => void): Promise<void> {
  session.connect();
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    if ((JSON.parse(params.message) as { method?: string }).method === 'Debugger.paused') paused();
  });
  return new Promise((resolve) => {
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      if (workerInfo.url !== file.href) return;
      const message = JSON.stringify({ id: 1, method: 'Debugger.enable' });
      session.post('NodeWorker.sendMessageToWorker', { sessionId, message }, () => resolve());
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  });
}

describe('isHeldByDebugger', () => {
  const folder = temporaryFolder();
  let file: URL;
  let worker: Worker;
  let session: Session;
  beforeEach(async () => {
    file = pathToFileURL(folder.write('held.mjs', program));
    session = new Session();
    worker = new Worker(file);
    await once(worker, 'message');
  });
  afterEach(async () => {
    session.disconnect();
    await worker.terminate();
  });

  it('is true at a breakpoint alone, and releaseFromDebugger lets the thread go on', async () => {
    let tell = (): void => {};
    const paused = new Promise<void>((resolve) => (tell = resolve));
    await attach(session, file, () => tell());
    expect(await isHeldByDebugger(file), 'the thread waits for a message').to.equal(false);
    worker.postMessage('go');
    await paused;
    expect(await isHeldByDebugger(file)).to.equal(true);
    const goesOn = once(worker, 'message');
    await releaseFromDebugger(file);
    expect(await goesOn).to.deep.equal(['goes on']);
    expect(await isHeldByDebugger(file), 'the thread is in an endless loop').to.equal(false);
  });

  it('attaches no debugger itself: a debugger statement stops nothing', async () => {
    expect(await isHeldByDebugger(file)).to.equal(false);
    const goesOn = once(worker, 'message');
    worker.postMessage('go');
    expect(await goesOn).to.deep.equal(['goes on']);
  });
});
