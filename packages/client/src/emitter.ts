/** Events by name, each with one typed value. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` at each `name` event. Returns the function that takes it off again. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set.add(listener));
    return () => {
      set.delete(listener);
    };
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      callUser(() => (listener as (event: Events[Name]) => void)(event));
    }
  }
}

/**
 * Runs the application's code. What it throws goes to the platform as an uncaught error, as with a DOM listener: it must be
 * seen, but it must not stop the SDK between two messages.
 */
export function callUser(code: () => void): void {
  try {
    code();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
