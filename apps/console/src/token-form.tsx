import { type FormEvent, useState } from 'react';

/** Outside single-process mode the page gets no token by itself: a person brings one. It stays in memory. */
export function TokenForm({ gatewayUrl, onToken }: { readonly gatewayUrl: string; readonly onToken: (token: string) => void }) {
  const [text, setText] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onToken(text.trim());
  };
  return (
    <form className="token-form" onSubmit={submit}>
      <h2>A token, please</h2>
      <p className="muted">
        This installation hands out no development tokens. Paste one that may subscribe and publish on <code>chat:*</code>; <code>npx carillon token</code> makes it. The page connects to{' '}
        <code>{gatewayUrl}</code>.
      </p>
      <textarea value={text} onChange={(event) => setText(event.target.value)} rows={5} aria-label="Token" spellCheck={false} autoComplete="off" />
      <button type="submit" disabled={text.trim() === ''}>
        Connect
      </button>
    </form>
  );
}
