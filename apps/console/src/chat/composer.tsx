import { type FormEvent, useState } from 'react';

const MAX_LENGTH = 500;

export function Composer({ name, send }: { readonly name: string; readonly send: (text: string) => void }) {
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === '') return;
    send(text.trim());
    setText('');
  };
  return (
    <form className="composer" onSubmit={submit}>
      <input
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder={`Write as ${name}`}
        aria-label={`Message from ${name}`}
        maxLength={MAX_LENGTH}
        autoComplete="off"
        enterKeyHint="send"
      />
      <button type="submit" className="quiet" disabled={text.trim() === ''}>
        Send
      </button>
    </form>
  );
}
