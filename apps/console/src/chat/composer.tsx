import { type FormEvent, useState } from 'react';

const MAX_LENGTH = 500;

interface ComposerProps {
  readonly name: string;
  readonly unsent: number;
  readonly send: (text: string) => void;
}

export function Composer({ name, unsent, send }: ComposerProps) {
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
      {unsent > 0 && (
        <span className="unsent" role="status" data-unsent={unsent}>
          {unsent} to be sent
        </span>
      )}
      <button type="submit" className="quiet" disabled={text.trim() === ''}>
        Send
      </button>
    </form>
  );
}
