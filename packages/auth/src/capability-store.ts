import { type Capabilities, compileCapabilities } from './capabilities.ts';

const MAX_ENTRIES = 1024;
const MAX_KEY_LENGTH = 1024;

/**
 * Compiles claims and gives equal claims the same result: ten thousand connections with one role's capabilities share one
 * compiled object instead of holding about a kilobyte each.
 */
export function createCapabilityStore(): (claim: unknown) => Capabilities {
  const byText = new Map<string, Capabilities>();
  return (claim) => {
    const text = JSON.stringify(claim) ?? '';
    const known = byText.get(text);
    if (known !== undefined) return known;
    const compiled = compileCapabilities(claim);
    if (text.length > MAX_KEY_LENGTH) return compiled;
    if (byText.size >= MAX_ENTRIES) byText.delete(byText.keys().next().value!);
    byText.set(text, compiled);
    return compiled;
  };
}
