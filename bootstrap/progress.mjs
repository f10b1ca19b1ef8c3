/**
 * Tells what is being done while it takes long, on stderr so that stdout belongs to the program that is started:
 * a spinner with the elapsed time at a terminal, one line at begin and end otherwise.
 */
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_INTERVAL_MS = 80;
const DEFAULT_COLUMNS = 80;

const out = process.stderr;
const interactive = Boolean(out.isTTY) && process.env.TERM !== 'dumb' && !process.env.CI;
const colored = interactive && !process.env.NO_COLOR;

/** @param {number} code @param {string} text */
const paint = (code, text) => (colored ? `\u001b[${code}m${text}\u001b[0m` : text);
/** @param {string} text */
const green = (text) => paint(32, text);
/** @param {string} text */
export const red = (text) => paint(31, text);
/** @param {string} text */
export const dim = (text) => paint(2, text);
/** @param {string} text */
export const bold = (text) => paint(1, text);

/** @param {number} sinceMs */
function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)}s`;
}

/** @param {string} line */
export function say(line) {
  out.write(`${line}\n`);
}

/**
 * @template T
 * @param {string} title what is done, e.g. "Fetching Node 24.21.0"
 * @param {(note: (text: string) => void) => Promise<T>} work gets a function that shows how far it is
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const startedAt = Date.now();
  const shown = interactive ? spinner(title, startedAt) : plain(title);
  try {
    const result = await work(shown.note);
    shown.end(`${green('✓')} ${title} ${dim(seconds(startedAt))}`);
    return result;
  } catch (error) {
    shown.end(`${red('✗')} ${title} ${dim(seconds(startedAt))}`);
    throw error;
  }
}

/** @param {string} title */
function plain(title) {
  say(`… ${title}`);
  return { note: (/** @type {string} */ _text) => undefined, end: say };
}

/** @param {string} title @param {number} startedAt */
function spinner(title, startedAt) {
  let frame = 0;
  let detail = '';
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    const head = `${FRAMES[frame]} ${title} ${seconds(startedAt)}`;
    const room = (out.columns ?? DEFAULT_COLUMNS) - head.length - 2;
    out.write(`\r\u001b[K${head} ${dim(detail.slice(0, Math.max(0, room)))}`);
  };
  draw();
  const timer = setInterval(draw, FRAME_INTERVAL_MS);
  return {
    /** @param {string} text */
    note: (text) => {
      detail = text;
    },
    /** @param {string} line */
    end: (line) => {
      clearInterval(timer);
      out.write('\r\u001b[K');
      say(line);
    },
  };
}
