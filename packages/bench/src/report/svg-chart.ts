/** Line charts as SVG, for docs: logarithmic on both axes, readable on light and on dark pages. */

export interface Series {
  readonly name: string;
  /** Both numbers > 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly xLabel: string;
  /** With its unit. */
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const PANEL = { width: 420, height: 250, left: 62, right: 96, top: 20, bottom: 44 };
const TITLE_HEIGHT = 34;
const LABEL_GAP = 13;

const STYLE = `
  svg { font: 12px system-ui, sans-serif; }
  .back { fill: #ffffff; } .text { fill: #1f2328; } .soft { fill: #59636e; } .grid { stroke: #d8dee4; } .axis { stroke: #818b98; }
  .line { fill: none; stroke-width: 2; } .s0 { --c: #0969da; } .s1 { --c: #bc4c00; } .s2 { --c: #1a7f37; } .s3 { --c: #8250df; }
  .line { stroke: var(--c); } .dot, .name { fill: var(--c); }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; } .text { fill: #f0f6fc; } .soft { fill: #9198a1; } .grid { stroke: #2a3038; } .axis { stroke: #656c76; }
    .s0 { --c: #58a6ff; } .s1 { --c: #f0883e; } .s2 { --c: #3fb950; } .s3 { --c: #bc8cff; }
  }`;

interface Scale {
  readonly ticks: readonly number[];
  /** From 0 to 1. */
  at(value: number): number;
}

/** From a tick below the smallest value to one above the largest. @throws Error on values that no logarithm has */
export function logScale(values: readonly number[]): Scale {
  if (values.length === 0 || values.some((value) => !(value > 0 && Number.isFinite(value))))
    throw new Error('a logarithmic axis needs values, all of them above 0');
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const steps = high / low > 300 ? [1] : high / low > 20 ? [1, 3] : [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power++)
    for (const step of steps) all.push(Number((step * 10 ** power).toPrecision(1)));
  const first = all.findLastIndex((tick) => tick <= low * 1.0001);
  const last = Math.max(
    first + 1,
    all.findIndex((tick) => tick >= high * 0.9999),
  );
  const ticks = all.slice(first, last + 1);
  const [from, to] = [Math.log10(ticks[0]!), Math.log10(ticks.at(-1)!)];
  return { ticks, at: (value) => (Math.log10(value) - from) / (to - from) };
}

/** From the smallest to the largest value, with a tick at each of them: what was chosen is to be read. */
function exactScale(values: readonly number[]): Scale {
  const { at } = logScale(values);
  const ticks = [...new Set(values)].toSorted((a, b) => a - b);
  const [from, to] = [at(ticks[0]!), at(ticks.at(-1)!)];
  return { ticks, at: (value) => (to === from ? 0.5 : (at(value) - from) / (to - from)) };
}

/** A value of an axis as text: 1000 as 1k. */
export function tickText(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(2))}k` : String(value);
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

/** Names stand at the end of their lines; where two would cover each other, the lower one moves down. */
function nameHeights(ends: readonly number[]): readonly number[] {
  const order = ends.map((y, i) => ({ y, i })).toSorted((a, b) => a.y - b.y);
  const heights: number[] = [...ends];
  let free = Number.NEGATIVE_INFINITY;
  for (const { y, i } of order) {
    heights[i] = Math.max(y, free);
    free = heights[i]! + LABEL_GAP;
  }
  return heights;
}

function panelSvg({ xLabel, yLabel, series }: Panel, offsetX: number): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const [x0, x1, y0, y1] = [
    offsetX + left,
    offsetX + width - right,
    TITLE_HEIGHT + height - bottom,
    TITLE_HEIGHT + top,
  ];
  const xScale = exactScale(series.flatMap(({ points }) => points.map(([x]) => x)));
  const yScale = logScale(series.flatMap(({ points }) => points.map(([, y]) => y)));
  const px = (x: number): number => x0 + (x1 - x0) * xScale.at(x);
  const py = (y: number): number => y0 + (y1 - y0) * yScale.at(y);
  const line = (name: string, ax: number, ay: number, bx: number, by: number): string =>
    `<line class="${name}" x1="${ax.toFixed(1)}" y1="${ay.toFixed(1)}" x2="${bx.toFixed(1)}" y2="${by.toFixed(1)}"/>`;
  const heights = nameHeights(series.map(({ points }) => py(points.at(-1)![1])));
  return [
    ...yScale.ticks.flatMap((tick) => [
      line('grid', x0, py(tick), x1, py(tick)),
      text(x0 - 8, py(tick) + 4, tickText(tick), 'class="soft" text-anchor="end"'),
    ]),
    ...xScale.ticks.flatMap((tick) => [
      line('axis', px(tick), y0, px(tick), y0 + 4),
      text(px(tick), y0 + 18, tickText(tick), 'class="soft" text-anchor="middle"'),
    ]),
    line('axis', x0, y0, x1, y0),
    text((x0 + x1) / 2, y0 + 36, xLabel, 'class="text" text-anchor="middle"'),
    text(x0 - 8, y1 - 10, yLabel, 'class="text"'),
    ...series.map(({ name, points }, i) => {
      const path = points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`);
      const dots = points.map(
        ([x, y]) => `<circle class="dot" cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3"/>`,
      );
      const label = text(px(points.at(-1)![0]) + 8, heights[i]! + 4, name, 'class="name"');
      return `<g class="s${i % 4}"><polyline class="line" points="${path.join(' ')}"/>${dots.join('')}${label}</g>`;
    }),
  ].join('\n');
}

/** @throws Error when a panel has no points, or one that is not above 0 */
export function chart(title: string, panels: readonly Panel[]): string {
  const width = PANEL.width * panels.length;
  const height = TITLE_HEIGHT + PANEL.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title).replaceAll('"', '&quot;')}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${width}" height="${height}" rx="6"/>`,
    text(16, 22, title, 'class="text" font-weight="600"'),
    ...panels.map((panel, i) => panelSvg(panel, i * PANEL.width)),
    '</svg>',
    '',
  ].join('\n');
}
