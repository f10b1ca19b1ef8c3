import { type FormEvent, useState } from 'react';

/** Outside single-process mode the page gets no token by itself: a person brings one. It stays in memory. */
export function TokenForm({
  gatewayUrl,
  onToken,
}: {
  readonly gatewayUrl: string;
  readonly onToken: (token: string) => void;
}) {
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onToken(text.trim());
  };
  return (
    <form className="notice" onSubmit={submit}>
      <h2>A token, please</h2>
      <p>
        This installation hands out no development tokens. Paste one that may subscribe, publish and read
        history on <code>chat:*</code>; <code>./carillon token</code> makes it. It goes to{' '}
        <code>{gatewayUrl}</code> only.
      </p>
      <textarea
        value={text}
        onChange={(event) => setText(event.target.value)}
        rows={5}
        aria-label="Token"
        spellCheck={false}
        autoComplete="off"
      />
      <button type="submit" disabled={text.trim() === ''}>
        Connect
      </button>
    </form>
  );
}
