// SPDX-License-Identifier: LGPL-2.1-only
// What the main thread of a run with --inspect asks the debugger of its worker. It asks from outside, and enables nothing in the worker: a `debugger`
// statement still stops a run only if somebody is attached.
import { Session } from 'node:inspector';
import { CLOSE_INSPECTOR } from './open_inspector.js';

/** How long an answer may take. A thread that executes JavaScript answers at once, also in an endless loop. */
const PATIENCE_MILLISECONDS = 1000;

/** V8's answer, while no breakpoint holds the thread, to what can be done only then. */
const NOT_PAUSED = 'Can only perform operation while paused.';

interface Answer {
  readonly error?: { readonly message: string };
}

/** @param worker the file of its program @returns undefined without an answer */
async function ask(worker: URL, method: string, params: object): Promise<Answer | undefined> {
  const session = new Session();
  session.connect();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve) => {
      timer = setTimeout(() => resolve(undefined), PATIENCE_MILLISECONDS);
      session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
        if (workerInfo.url !== worker.href) return;
        const message = JSON.stringify({ id: 1, method, params });
        session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
      });
      session.on('NodeWorker.receivedMessageFromWorker', ({ params: { message } }) =>
        resolve(JSON.parse(message) as Answer),
      );
      session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    });
  } finally {
    clearTimeout(timer);
    session.disconnect();
  }
}

/** Whether a breakpoint holds a worker. @param worker the file of its program, of which this process has one */
export async function isHeldByDebugger(worker: URL): Promise<boolean> {
  // There is no such frame: only the kind of refusal counts.
  const answer = await ask(worker, 'Debugger.evaluateOnCallFrame', { callFrameId: '0.0.0', expression: '0' });
  return answer?.error !== undefined && answer.error.message !== NOT_PAUSED;
}

/** Hangs up all debuggers of a worker that is to be ended, also out of an endless loop of it. */
export async function closeWorkerInspector(worker: URL): Promise<void> {
  const expression = `globalThis[Symbol.for('${Symbol.keyFor(CLOSE_INSPECTOR)!}')]?.()`;
  await ask(worker, 'Runtime.evaluate', { expression });
}

/** Lets a worker go on that a breakpoint holds. */
export async function releaseFromDebugger(worker: URL): Promise<void> {
  await ask(worker, 'Debugger.resume', {});
}
