import type { CapabilitiesClaim } from '@carillon/protocol';
import { capabilitiesKind } from '../capabilities-kind.ts';
import { builtGroup } from '../group.ts';
import { type JwtAlgorithm, keyAlgorithm, publicKeyPem, signingSecret } from '../jwt-keys.ts';
import { choice, listOf, text, url } from '../kinds.ts';
import { type Kind, optional, withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

const DAY_MS = 86_400_000;

const algorithm = choice(['HS256', 'RS256', 'ES256', 'EdDSA']);
const claimName = text(/^[^\s,]{1,128}$/, 'a claim name');
const claimValue = text(/^[^\s,]{1,512}$/, 'text without commas and white space');

/** Capabilities of clients without a token; absent when such clients are refused. */
export interface AnonymousPolicy {
  readonly capabilities: CapabilitiesClaim;
}

const anonymous: Kind<AnonymousPolicy | undefined> = {
  allowed: `off, or ${capabilitiesKind.allowed}`,
  format: () => 'off',
  parse: (given) => {
    if (given.toLowerCase() === 'off') return { value: undefined };
    const parsed = capabilitiesKind.parse(given);
    return 'fault' in parsed ? parsed : { value: { capabilities: parsed.value } };
  },
};

/** The algorithms that the given keys can verify. A JWKS may hold keys of every asymmetric one. */
function verifiable(values: {
  readonly secret: string | undefined;
  readonly publicKey: string | undefined;
  readonly jwksUrl: string | undefined;
}): readonly JwtAlgorithm[] {
  const found: JwtAlgorithm[] = values.secret === undefined ? [] : ['HS256'];
  if (values.jwksUrl !== undefined) return [...found, 'RS256', 'ES256', 'EdDSA'];
  const own = values.publicKey === undefined ? undefined : keyAlgorithm(values.publicKey);
  return own === undefined ? found : [...found, own];
}

function algorithmFault(values: {
  readonly secret: string | undefined;
  readonly publicKey: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly algorithms: readonly JwtAlgorithm[] | undefined;
}): string | undefined {
  if (values.algorithms === undefined) return undefined;
  if (values.algorithms.length === 0)
    return 'CARILLON_JWT_ALGORITHMS is an empty list: no token would be accepted';
  const possible = verifiable(values);
  const without = values.algorithms.filter((name) => !possible.includes(name));
  if (without.length > 0) {
    const have = possible.length === 0 ? 'none' : possible.join(', ');
    return `CARILLON_JWT_ALGORITHMS has ${without.join(', ')}, but the keys given can verify: ${have}`;
  }
  if (values.secret !== undefined && !values.algorithms.includes('HS256')) {
    return 'CARILLON_JWT_SECRET is given, but CARILLON_JWT_ALGORITHMS does not have HS256: remove one or add the other';
  }
  const own = values.publicKey === undefined ? undefined : keyAlgorithm(values.publicKey);
  if (own !== undefined && !values.algorithms.includes(own)) {
    return `CARILLON_JWT_PUBLIC_KEY is a key for ${own}, but CARILLON_JWT_ALGORITHMS does not have it: remove one or add the other`;
  }
  return undefined;
}

export const authSettings = builtGroup(
  {
    title: 'Authentication',
    intro:
      'Used by the gateway (and by admin for its own requests). At least one key has to be given, unless anonymous clients are allowed.',
    settings: {
      secret: optional(signingSecret, {
        variable: 'CARILLON_JWT_SECRET',
        description: 'Secret of HS256 tokens, shared with the back end that signs them.',
        example: '"$(openssl rand -base64 48)"',
        secrecy: 'secret',
        fromFile: true,
      }),
      publicKey: optional(publicKeyPem, {
        variable: 'CARILLON_JWT_PUBLIC_KEY',
        description:
          'Public key (or certificate) of RS256, ES256 or EdDSA tokens. Line breaks may be written as `\\n`.',
        example: '@/etc/carillon/jwt-public.pem',
        fromFile: true,
      }),
      jwksUrl: optional(url('https', 'http'), {
        variable: 'CARILLON_JWT_JWKS_URL',
        description:
          'Key set of the identity provider. Read at first use, kept, and read again when it rotates.',
        example: 'https://id.example.com/.well-known/jwks.json',
        secrecy: 'url',
      }),
      algorithms: optional(listOf(algorithm), {
        variable: 'CARILLON_JWT_ALGORITHMS',
        description: 'Algorithms that tokens may be signed with. Default: those that the given keys are for.',
        example: 'ES256',
      }),
      issuers: withDefault(listOf(claimValue), [], {
        variable: 'CARILLON_JWT_ISSUER',
        description: 'Issuers (`iss`) of which a token needs one. Empty: not checked.',
        example: 'https://id.example.com/',
      }),
      audiences: withDefault(listOf(claimValue), [], {
        variable: 'CARILLON_JWT_AUDIENCE',
        description: 'Audiences (`aud`) of which a token needs one. Empty: not checked.',
        example: 'carillon',
      }),
      userClaims: withDefault(listOf(claimName), ['sub', 'userId', 'user_id'], {
        variable: 'CARILLON_JWT_USER_CLAIM',
        description: 'Claim with the user id. With several, the first that the token has is used.',
        example: 'uid',
      }),
      roleClaim: withDefault(claimName, 'role', {
        variable: 'CARILLON_JWT_ROLE_CLAIM',
        description:
          "Claim with the user's role, or a list of at most 32 (optional in tokens). What is neither is ignored, and the log says so.",
        example: 'https://example.com/role',
      }),
      nameClaim: withDefault(claimName, 'name', {
        variable: 'CARILLON_JWT_NAME_CLAIM',
        description: "Claim with the user's display name (optional in tokens).",
        example: 'preferred_username',
      }),
      leewayMs: withDefault(durationMs(0, 600_000), 60_000, {
        variable: 'CARILLON_JWT_LEEWAY_MS',
        description: 'Difference of clocks that is forgiven.',
        example: '60s',
      }),
      maxTokenAgeMs: withDefault(durationMs(0, 3650 * DAY_MS), DAY_MS, {
        variable: 'CARILLON_JWT_MAX_AGE_MS',
        description:
          'Oldest token, from its `iat`, whatever its `exp`. 0: not checked; tokens then need `exp` instead of `iat`.',
        example: '24h',
      }),
      defaultCapabilities: optional(capabilitiesKind, {
        variable: 'CARILLON_DEFAULT_CAPABILITIES',
        description:
          'Capabilities of tokens without a `capabilities` claim. Default: none, such tokens may connect and do nothing.',
        example: `'{"news:*":["subscribe","history"]}'`,
        fromFile: true,
      }),
      anonymous: withDefault(anonymous, undefined, {
        variable: 'CARILLON_ANONYMOUS',
        description: 'What clients without a token may do.',
        example: `'{"public:*":["subscribe"]}'`,
        fromFile: true,
      }),
    },
    rules: [
      {
        needs: ['secret', 'publicKey', 'jwksUrl', 'anonymous'],
        test: (values) =>
          (values.secret ?? values.publicKey ?? values.jwksUrl ?? values.anonymous)
            ? undefined
            : 'no token can be verified: give CARILLON_JWT_SECRET, CARILLON_JWT_PUBLIC_KEY or CARILLON_JWT_JWKS_URL (or allow CARILLON_ANONYMOUS)',
      },
      { needs: ['secret', 'publicKey', 'jwksUrl', 'algorithms'], test: algorithmFault },
      {
        needs: ['userClaims'],
        test: ({ userClaims }) =>
          userClaims.length > 0 ? undefined : 'CARILLON_JWT_USER_CLAIM needs at least one claim',
      },
      {
        needs: ['leewayMs', 'maxTokenAgeMs'],
        test: ({ leewayMs, maxTokenAgeMs }) =>
          maxTokenAgeMs === 0 || leewayMs < maxTokenAgeMs
            ? undefined
            : `CARILLON_JWT_LEEWAY_MS (${leewayMs}) must be below CARILLON_JWT_MAX_AGE_MS (${maxTokenAgeMs})`,
      },
    ],
  },
  (values) => ({ ...values, algorithms: values.algorithms ?? verifiable(values) }),
);
