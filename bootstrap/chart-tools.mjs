import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, TOOLS } from './places.mjs';
import { say, step } from './progress.mjs';
import { runQuietly } from './run-quietly.mjs';

const MODULE = join(ROOT, 'infra/helm/tools');
const PROGRAMS = [
  'helm.sh/helm/v3/cmd/helm',
  'github.com/yannh/kubeconform/cmd/kubeconform',
  'github.com/helm-unittest/helm-unittest/cmd/helm-unittest',
];
/** The Kubernetes that Helm takes for granted without a cluster: its own release sets it so, by the same flags. */
const KUBERNETES = { Major: '1', Minor: '37' };

/** Where the programs that test the charts lie, or would lie. Another set of versions is another folder. */
export function chartToolsFolder() {
  const pinned = ['go.mod', 'go.sum'].map((file) => readFileSync(join(MODULE, file), 'utf8')).join('');
  return join(TOOLS, `charts-${createHash('sha256').update(pinned).digest('hex').slice(0, 12)}`);
}

/**
 * Builds helm, kubeconform and helm-unittest once. They are Go programs; without Go, or when the modules can't be had, the tests of the charts
 * that need them are left out, and the reason is printed. The build of a cut-off try is kept by Go and continued next time.
 *
 * @param {number} [withinMs]
 * @returns {Promise<boolean>} whether they are there
 */
export async function ensureChartTools(withinMs) {
  const folder = chartToolsFolder();
  if (existsSync(folder)) return true;
  const go = await runQuietly('go', ['version']);
  if (go.status !== 0) return leftOut('there is no Go here');
  const partial = `${folder}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  mkdirSync(partial, { recursive: true });
  try {
    const result = await step('Building helm, kubeconform and helm-unittest', (note) =>
      build(partial, withinMs, note),
    );
    if (result === 'late') return leftOut(`they were not built within ${(withinMs ?? 0) / 1000} s`);
    if (result.status !== 0) return leftOut(`they can not be built:\n${result.output.slice(-2000)}`);
    renameSync(partial, folder);
    return true;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** @param {string} folder @param {number | undefined} withinMs @param {(line: string) => void} onLine */
async function build(folder, withinMs, onLine) {
  const kubernetes = Object.entries(KUBERNETES).flatMap(([part, value]) =>
    ['chartutil', 'lint/rules'].map((where) => `-X helm.sh/helm/v3/pkg/${where}.k8sVersion${part}=${value}`),
  );
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', ['-s', '-w', ...kubernetes].join(' ')];
  const args = ['build', ...flags, '-o', `${folder}/`, ...PROGRAMS];
  const env = { ...process.env, CGO_ENABLED: '0' };
  const stop = new AbortController();
  const running = runQuietly('go', args, { cwd: MODULE, env, onLine, signal: stop.signal });
  if (withinMs === undefined) return running;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, withinMs, 'late');
  });
  const result = await Promise.race([running, late]);
  clearTimeout(timer);
  if (result === 'late') {
    stop.abort();
    await running;
  }
  return result;
}

/** @param {string} reason */
function leftOut(reason) {
  say(`The tests of the charts that need helm, kubeconform and helm-unittest are left out: ${reason}`);
  return false;
}
