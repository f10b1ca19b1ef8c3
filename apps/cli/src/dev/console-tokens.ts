/** Tokens that the console's page gets without asking anybody: for two users, on the channels of the demonstration. */
import { mintToken } from '@carillon/server';

const USERS = ['ada', 'grace'];
const CAPABILITIES = { 'chat:*': ['subscribe', 'publish', 'history'] } as const;
const VALID_FOR_MS = 86_400_000;
const RENEW_EVERY_MS = 3_600_000;

/** Tokens by user. They are renewed in place while the process runs, since the page may stay open for days. */
export async function consoleTokens(secret: string): Promise<Readonly<Record<string, string>>> {
  const tokens: Record<string, string> = {};
  const renew = async () => {
    for (const userId of USERS) {
      tokens[userId] = await mintToken({
        secret,
        userId,
        capabilities: CAPABILITIES,
        expiresInMs: VALID_FOR_MS,
      });
    }
  };
  await renew();
  setInterval(renew, RENEW_EVERY_MS).unref();
  return tokens;
}
