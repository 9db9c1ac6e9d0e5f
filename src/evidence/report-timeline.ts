import { clockTime, html, type Html } from './report-html.js';
import type { ReportData } from './report-model.js';
import type { TimelineCell } from './probe-model.js';

const WIDTH = 1120;
const LEFT = 92;
const TOP = 46;
const LANE = 46;
const GAP = 12;
const COLUMNS = 514;

type Sums = { -readonly [K in keyof TimelineCell]: TimelineCell[K] };

interface Frame {
  readonly from: number;
  readonly to: number;
  readonly targets: readonly string[];
  readonly x: (time: number) => number;
}

function frameOf(data: ReportData): Frame {
  const { buckets, bucketSeconds } = data.probes.timeline;
  const times = [
    ...buckets.map((bucket) => bucket.at),
    ...data.events.map((event) => event.at),
  ].map((at) => Date.parse(at));
  const from = times.reduce((a, b) => Math.min(a, b), times[0] ?? Date.parse(data.startedAt));
  const end = times.reduce((a, b) => Math.max(a, b), from);
  const to = Math.max(end + bucketSeconds * 1000, from + 1000);
  const targets = [...new Set(buckets.flatMap((bucket) => Object.keys(bucket.targets)))].sort();
  const scale = (WIDTH - LEFT) / (to - from);
  return {
    from,
    to,
    targets,
    x: (time) => LEFT + (Math.min(Math.max(time, from), to) - from) * scale,
  };
}

/** Sums of one target by drawn column; long runs draw several seconds as one bar. */
function columnsOf(
  data: ReportData,
  target: string,
  frame: Frame,
  width: number,
): Map<number, Sums> {
  const columns = new Map<number, Sums>();
  for (const bucket of data.probes.timeline.buckets) {
    const from = bucket.targets[target];
    if (from === undefined) continue;
    const index = Math.floor((Date.parse(bucket.at) - frame.from) / width);
    const into = columns.get(index) ?? { passed: 0, refused: 0, errors: 0, failed: 0 };
    into.passed += from.passed;
    into.refused += from.refused;
    into.errors += from.errors;
    into.failed += from.failed;
    columns.set(index, into);
  }
  return columns;
}

/** One path a colour: thousands of bars stay a few kilobytes. */
function lane(data: ReportData, target: string, top: number, frame: Frame, widthMs: number): Html {
  const columns = columnsOf(data, target, frame, widthMs);
  const most = Math.max(1, ...[...columns.values()].map((c) => c.passed + c.refused + c.errors));
  const paths = { pass: '', refuse: '', error: '', fail: '' };
  for (const [index, sums] of columns) {
    const x = frame.x(frame.from + index * widthMs);
    // Half a pixel of overlap: rounding must not draw a gap that looks like an outage.
    const w = frame.x(frame.from + (index + 1) * widthMs) - x + 0.6;
    let y = top + LANE;
    const bar = (kind: keyof typeof paths, value: number): void => {
      if (value === 0) return;
      const h = (value / most) * LANE;
      y -= h;
      paths[kind] +=
        `M${x.toFixed(1)} ${y.toFixed(1)}h${w.toFixed(2)}v${h.toFixed(1)}h-${w.toFixed(2)}z`;
    };
    bar('pass', sums.passed);
    bar('refuse', sums.refused);
    bar('error', sums.errors);
    // A violation is marked above the lane, wide enough to be seen however rare it is.
    if (sums.failed > 0)
      paths.fail += `M${(x - 2).toFixed(1)} ${top - 7}h${(w + 4).toFixed(1)}v6h-${(w + 4).toFixed(1)}z`;
  }
  const kinds = ['pass', 'refuse', 'error', 'fail'] as const;
  return html`<text class="lane" x="0" y="${top + LANE / 2 + 4}">${target}</text>
    ${kinds.map((kind) => html`<path class="${kind}" d="${paths[kind]}" />`)}
    <path class="edge" d="M${LEFT} ${top + LANE}H${WIDTH}" />`;
}

function bands(data: ReportData, frame: Frame, height: number): Html[] {
  const free = [0, 0];
  const drawn = data.probes.phases.map((phase, i) => {
    const x = frame.x(Date.parse(phase.from));
    const w = frame.x(phase.to === undefined ? frame.to : Date.parse(phase.to)) - x;
    // Two rows of labels; one that fits in neither is left to the tooltip.
    const row = free.findIndex((end) => x >= end);
    if (row >= 0) free[row] = x + phase.name.length * 6 + 10;
    const shade = html`<rect class="band" x="${x}" y="4" width="${w}" height="${height - 22}" />`;
    const band = html`<g>
      ${i % 2 === 0 ? shade : ''}<path class="edge" d="M${x} 4V${height - 18}" />
      <title>${phase.name}, from ${clockTime(phase.from)}</title>
    </g>`;
    const label = html`<text x="${x + 4}" y="${14 + row * 14}">${phase.name}</text>`;
    return { band, label: row >= 0 ? label : html`` };
  });
  // Labels last, so that no band covers the end of the one before.
  return [...drawn.map(({ band }) => band), ...drawn.map(({ label }) => label)];
}

function axis(frame: Frame, height: number): Html[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const time = frame.from + (frame.to - frame.from) * share;
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
    return html`<text x="${frame.x(time)}" y="${height - 4}" text-anchor="${anchor}"
      >${clockTime(new Date(time).toISOString())}</text
    >`;
  });
}

/** Answers by target over time, with the phases behind them and the events as numbered lines. */
export function timeline(data: ReportData): Html {
  const frame = frameOf(data);
  const height = TOP + frame.targets.length * (LANE + GAP) + 34;
  const seconds = Math.max(
    data.probes.timeline.bucketSeconds,
    Math.ceil((frame.to - frame.from) / 1000 / COLUMNS),
  );
  const lanes = frame.targets.map((target, i) =>
    lane(data, target, TOP + i * (LANE + GAP), frame, seconds * 1000),
  );
  const events = data.events.map((event, i) => {
    const x = frame.x(Date.parse(event.at));
    return html`<g
      ><path class="event" d="M${x} 34V${height - 30}" /><text
        class="pin"
        x="${x}"
        y="${height - 20}"
        text-anchor="middle"
        >${i + 1}</text
      ><title>${event.what}</title></g
    >`;
  });
  return html`<div class="key">
      <span><i style="background:var(--pass)"></i>passed</span>
      <span><i style="background:var(--refuse)"></i>refused</span>
      <span><i style="background:var(--error)"></i>broken connection or 5xx</span>
      <span><i style="background:var(--fail)"></i>mark above a bar: not as it should be</span>
      <span>one bar = ${seconds} s</span>
    </div>
    <div class="card" style="padding:14px">
      <svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Probes by target over time">
        ${bands(data, frame, height)}${lanes}${events}${axis(frame, height)}
      </svg>
    </div>
    <ol class="events">
      ${data.events.map((event) => html`<li><code>${clockTime(event.at)}</code> ${event.what}</li>`)}
    </ol>`;
}
