import { toolEnvironment } from './environment.mjs';
import { fetchedTools, fetchTools } from './fetch-tools.mjs';
import { dependenciesAreInstalled, installDependencies } from './install-dependencies.mjs';
import { withStartLock } from './start-lock.mjs';

/** @typedef {{ node: string, pnpm: string, env: NodeJS.ProcessEnv }} Toolbox absolute paths, and the environment to use them in */

/**
 * Node and pnpm, without the dependencies.
 *
 * @returns {Promise<Toolbox>}
 */
export async function prepareTools() {
  const tools = fetchedTools() ?? (await withStartLock(fetchTools));
  return { ...tools, env: toolEnvironment(tools) };
}

/**
 * Brings the checkout to where a command can run: Node, pnpm, dependencies. Costs a few file reads when all is there.
 *
 * @returns {Promise<Toolbox>}
 */
export async function prepare() {
  const present = fetchedTools();
  if (present && dependenciesAreInstalled()) return { ...present, env: toolEnvironment(present) };
  return withStartLock(async () => {
    const tools = await fetchTools();
    const env = toolEnvironment(tools);
    if (!dependenciesAreInstalled()) await installDependencies(tools.pnpm, env);
    return { ...tools, env };
  });
}
