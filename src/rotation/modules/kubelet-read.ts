import { z } from 'zod';
import { applyHostChanges, type HostChange } from '../../modules/host-change.js';
import type { ModuleContext, TaskModule } from '../../modules/module.js';
import { CaravanError } from '../../values/error.js';
import { sh } from '../../values/shell.js';
import { readHostSurvey, staleComponents, type HostSurvey } from '../host-survey.js';

const input = z.strictObject({
  /** Deadline for the restarted kubelet to be healthy, in seconds. */
  within: z.number().positive().default(60),
});

/**
 * Restarts the kubelet when it was started before its kubeconfig or client leaf changed. What is
 * embedded in a kubeconfig is never read again, and a client leaf is kept from the start.
 */
export const kubeletRead: TaskModule<z.infer<typeof input>, HostSurvey, HostChange> = {
  name: 'kubelet_read',
  doc: 'Restart the kubelet if it has not read its kubeconfig and client leaf as they are now.',
  input,
  observe: (_input, { connection, signal }) => readHostSurvey(connection, signal),
  check: (survey) => ({
    changes: staleComponents(survey).includes('kubelet')
      ? [
          {
            kind: 'run',
            summary: 'restart kubelet, which has not read its files',
            script: sh`systemctl restart kubelet`,
          },
        ]
      : [],
    reason: 'the kubelet was started after its files changed',
  }),
  apply: async (changes, { within }, context) => {
    await applyHostChanges(changes, context);
    await healthy(context, within);
    context.record('restarts', [{ component: 'kubelet', host: context.host.name }]);
    return {};
  },
};

async function healthy(context: ModuleContext, within: number): Promise<void> {
  const { connection, clock, signal, host } = context;
  const deadline = clock.now().getTime() + within * 1000;
  while (clock.now().getTime() < deadline) {
    const stale = staleComponents(await readHostSurvey(connection, signal)).includes('kubelet');
    // kubelet's own health port, plain HTTP on the loopback of the host.
    if (!stale && (await kubeletHealth(context)) === 200) return;
    await clock.sleep(300, signal);
  }
  throw new CaravanError('verify', `Restarted kubelet: not healthy within ${within} s.`, {
    host: host.name,
    hint: 'See `journalctl -u kubelet` on the host, then run the same command again.',
  });
}

async function kubeletHealth({ connection }: ModuleContext): Promise<number | undefined> {
  const stream = await connection.forward('127.0.0.1', 10248).catch(() => undefined);
  if (!stream) return undefined;
  return new Promise((resolve) => {
    let text = '';
    const done = (): void => {
      stream.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]));
    };
    stream.on('data', (part: Buffer) => (text += part.toString()));
    stream.once('end', done);
    stream.once('error', done);
    stream.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  });
}
