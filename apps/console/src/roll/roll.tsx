import type { Pane } from '../chat/use-pane.ts';
import { type Cell, rollOf } from './roll-cells.ts';

const WIDTH = 48;
const EVERY = 8;

const LEGEND: readonly (readonly [Cell, string])[] = [
  ['history', 'history'],
  ['live', 'live'],
  ['awaited', 'not here yet'],
  ['recovered', 'recovered'],
];

/** The channel as a piano roll: one column a message, one row a user. Both rows end up the same; that is the point. */
export function RollView({ panes }: { readonly panes: readonly Pane[] }) {
  const { firstSeq, topSeq, rows } = rollOf(
    panes.map(({ user, state }) => ({ user, messages: state.messages })),
    WIDTH,
  );
  const columns = Array.from({ length: WIDTH }, (_, i) => firstSeq + i);
  return (
    <section className="roll" aria-label="Messages of the channel by place">
      {rows.map(({ user, cells, behind }) => (
        <div className="roll-row" key={user} role="img" aria-label={rowText(user, topSeq, behind)}>
          <span className="roll-name">{user}</span>
          <span className="roll-cells">
            {columns.map((seq, i) => (
              <i key={seq} className={`cell cell-${cells[i] ?? 'future'}`} />
            ))}
          </span>
          <span className={behind > 0 ? 'roll-behind late' : 'roll-behind'}>
            {topSeq === 0 ? '' : behind > 0 ? `−${behind}` : 'all'}
          </span>
        </div>
      ))}
      <div className="roll-row roll-axis" aria-hidden="true">
        <span className="roll-name">seq</span>
        <span className="roll-cells">
          {columns.map((seq) => (
            <i key={seq}>{seq % EVERY === 0 ? seq : ''}</i>
          ))}
        </span>
        <span className="roll-behind" />
      </div>
      <ul className="roll-legend" aria-hidden="true">
        {LEGEND.map(([cell, text]) => (
          <li key={cell}>
            <i className={`cell cell-${cell}`} />
            {text}
          </li>
        ))}
      </ul>
    </section>
  );
}

function rowText(user: string, topSeq: number, behind: number): string {
  if (topSeq === 0) return `${user}: no messages yet`;
  return behind === 0
    ? `${user} has everything up to ${topSeq}`
    : `${user} is ${behind} messages behind ${topSeq}`;
}
