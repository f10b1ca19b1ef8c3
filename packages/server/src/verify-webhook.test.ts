import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type VerifyWebhookOptions, verifyWebhook, WebhookVerificationError } from './verify-webhook.ts';

const NOW_MS = 1_800_000_000_000;
const SECRET = 'whsec-0123456789abcdef';
const OTHER = 'whsec-fedcba9876543210';
const BODY = '{"id":"d-1","event":"message.published","app":"default","message":{"payload":{"ä":"😀"}}}';

const sign = (secret: string, body: string | Buffer = BODY, nowMs = NOW_MS): string => {
  const t = Math.floor(nowMs / 1000);
  return `v1=${createHmac('sha256', secret).update(`${t}.`).update(body).digest('hex')}`;
};
const header = (...signatures: string[]): string => [`t=${NOW_MS / 1000}`, ...signatures].join(',');
const verify = (options: Partial<VerifyWebhookOptions>) =>
  verifyWebhook({ body: BODY, signature: header(sign(SECRET)), secret: SECRET, nowMs: NOW_MS, ...options });
const fault = (options: Partial<VerifyWebhookOptions>): unknown => {
  try {
    verify(options);
    return 'taken';
  } catch (error) {
    return error instanceof WebhookVerificationError ? error.code : error;
  }
};

describe('verifyWebhook', () => {
  it('takes what was signed, as text and as bytes', () => {
    expect(verify({})).toEqual(JSON.parse(BODY));
    expect(verify({ body: Buffer.from(BODY) })).toEqual(JSON.parse(BODY));
    expect(verify({ body: new TextEncoder().encode(BODY) }).id).toBe('d-1');
    expect(verify({ signature: [header(sign(SECRET))] }).id).toBe('d-1');
  });

  it('takes either secret while they are changed, on both sides', () => {
    expect(verify({ secret: [OTHER, SECRET] }).id).toBe('d-1');
    expect(verify({ signature: header(sign(OTHER), sign(SECRET)) }).id).toBe('d-1');
    expect(verify({ secret: [SECRET, OTHER] }).id).toBe('d-1');
    expect(verify({ signature: header(sign(SECRET), sign(OTHER)) }).id).toBe('d-1');
    expect(fault({ secret: OTHER })).toBe('signature-wrong');
    expect(fault({ secret: [OTHER] })).toBe('signature-wrong');
  });

  it.each([
    ['no header', { signature: undefined }, 'signature-missing'],
    ['an empty header', { signature: '' }, 'signature-missing'],
    ['no time', { signature: sign(SECRET) }, 'signature-malformed'],
    ['no signature', { signature: `t=${NOW_MS / 1000}` }, 'signature-malformed'],
    ['a short signature', { signature: header('v1=ab') }, 'signature-malformed'],
    ['another version', { signature: header(sign(SECRET).replace('v1', 'v0')) }, 'signature-malformed'],
    ['another body', { body: `${BODY} ` }, 'signature-wrong'],
    ['another time', { signature: header(sign(SECRET)).replace('t=18', 't=17') }, 'signature-wrong'],
    ['an old one', { nowMs: NOW_MS + 300_001 }, 'too-old'],
    ['one from the future', { nowMs: NOW_MS - 301_000 }, 'too-old'],
  ] as const)('refuses %s', (_case, options, code) => {
    expect(fault(options)).toBe(code);
  });

  it('looks at ten signatures, however many came', () => {
    const others = Array.from({ length: 9 }, () => sign(OTHER));
    expect(fault({ signature: header(...others, sign(SECRET)) })).toBe('taken');
    expect(fault({ signature: header(...others, sign(OTHER), sign(SECRET)) })).toBe('signature-wrong');
  });

  it.each([
    [
      'a body that a framework has parsed',
      { body: JSON.parse(BODY) },
      /^Option body is object; give the body as it came/,
    ],
    ['no body', { body: undefined }, /^Option body is undefined; give the body as it came/],
    [
      'a secret whose variable is not set',
      { secret: undefined },
      /^Option secret is undefined; give the secret/,
    ],
    ['one such secret of two', { secret: [SECRET, undefined] }, /^Option secret is object; give the secret/],
    ['an empty secret', { secret: '' }, /^Option secret is empty; give the secret/],
    ['an option that is none', { tolerance: 5 }, /^Option tolerance is unknown; known are body/],
    ['a tolerance that is no number', { toleranceMs: Number.NaN }, /^Option toleranceMs is NaN/],
  ] as const)('says what is wrong in the program: %s', (_case, options, message) => {
    const error = fault(options as never);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(message);
    // Holds for any input of the sender.
    expect(fault({ ...options, signature: undefined } as never)).toEqual(error);
  });

  it('keeps to the tolerance given', () => {
    expect(fault({ nowMs: NOW_MS + 300_000 })).toBe('taken');
    expect(fault({ nowMs: NOW_MS + 2000, toleranceMs: 1000 })).toBe('too-old');
  });

  it('refuses a signed body that is no event, and to work without a secret', () => {
    expect(fault({ body: '[]', signature: header(sign(SECRET, '[]')) })).toBe('body-invalid');
    expect(fault({ body: '{', signature: header(sign(SECRET, '{')) })).toBe('body-invalid');
    expect(fault({ secret: '' })).toBeInstanceOf(TypeError);
    expect(fault({ secret: [] })).toBeInstanceOf(TypeError);
  });
});
