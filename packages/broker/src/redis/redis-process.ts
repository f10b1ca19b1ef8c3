/**
 * Names the process and its replication history: either changes when another server, or the same one with other data, answers.
 * @param infoOf what INFO answers for a section
 */
export async function runOf(infoOf: (section: string) => Promise<string>): Promise<string> {
  const value = (info: string, name: string): string =>
    new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const [server, replication] = await Promise.all([infoOf('server'), infoOf('replication')]);
  return `${value(server, 'run_id')}:${value(replication, 'master_replid')}`;
}
