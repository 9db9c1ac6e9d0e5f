import { clockTime, count, duration, html, Html, type HtmlValue } from './report-html.js';
import { cell, matrixKey, walkMatrices } from './report-matrix.js';
import { verdictOf, type CellState, type ReportData, type Walk } from './report-model.js';
import { REPORT_STYLE } from './report-style.js';
import { checksTable, probesTable, restartsTable } from './report-tables.js';
import { timeline } from './report-timeline.js';

export { verdictOf } from './report-model.js';
export type * from './report-model.js';

interface StateKnobs {
  readonly name: string;
  readonly trust: CellState;
  readonly clients: CellState;
  readonly servers: CellState;
}

/** The line of states, as docs and playbooks name them. */
const STATES: readonly StateKnobs[] = [
  { name: 'old', trust: 'old', clients: 'old', servers: 'old' },
  { name: 'trust-both', trust: 'both', clients: 'old', servers: 'old' },
  { name: 'clients-new', trust: 'both', clients: 'new', servers: 'old' },
  { name: 'servers-new', trust: 'both', clients: 'new', servers: 'both' },
  { name: 'new', trust: 'new', clients: 'new', servers: 'new' },
];

const VERDICT = {
  held: 'What must hold was seen to hold',
  violated: 'Something that must hold did not',
  unproven: 'Not proven',
} as const;

function stateCard(state: StateKnobs, walk: Walk): Html {
  const steps = walk.steps.filter((step) => step.state === state.name);
  const knob = (name: string, value: CellState): Html =>
    html`<span class="knob"><span>${name}</span>${cell(value)}</span>`;
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const start = walk.name.split(' ')[0] === state.name;
  const style = steps.length > 0 ? 'state seen' : start ? 'state start' : 'state';
  const reached =
    steps.length > 0
      ? html`reached in <span class="t">${duration(seconds)}</span>`
      : html`${start ? 'from here' : 'no step to it'}`;
  return html`<div class="${style}">
    <b>${state.name}</b><small>${reached}</small>
    ${knob('trust', state.trust)}${knob('clients', state.clients)}${knob('servers', state.servers)}
  </div>`;
}

function walkLine(walk: Walk): Html {
  const order = STATES.map((state) => state.name);
  const [first, last] = [walk.steps[0], walk.steps.at(-1)].map((step) =>
    order.indexOf(step?.state ?? ''),
  );
  const back = (first ?? 0) > (last ?? 0) || (walk.steps.length === 1 && walk.name.endsWith('old'));
  const total = walk.steps.reduce((sum, step) => sum + step.seconds, 0);
  return html`<h3>${walk.name} <span class="dim">— ${duration(total)}</span></h3>
    <div class="walk">
      ${STATES.map(
        (state, i) =>
          html`${i === 0 ? '' : html`<span class="arrow">${back ? '←' : '→'}</span>`}${stateCard(state, walk)}`,
      )}
    </div>`;
}

function tile(value: HtmlValue, label: string): Html {
  return html`<div class="tile"><b>${value}</b><span>${label}</span></div>`;
}

function tiles(data: ReportData): Html {
  const balancer = data.probes.byKind['balancer'];
  const steps = data.walks.flatMap((walk) => walk.steps);
  const most = Math.max(0, ...Object.values(data.restarts).flatMap((one) => Object.values(one)));
  return html`<div class="tiles">
    ${tile(duration(steps.reduce((sum, step) => sum + step.seconds, 0)), `for ${steps.length} steps`)}
    ${tile(count(balancer?.failed ?? 0), `of ${count(balancer?.total ?? 0)} probes on the balancer not as they should be`)}
    ${tile(count(data.probes.overall.total), 'probes in all, each on a fresh connection')}
    ${tile(most, 'restarts, at most, of one instance')}
    ${tile(data.leftovers.length, 'places that still hold the old CA')}
  </div>`;
}

function list(items: readonly string[], none: string): Html {
  return items.length === 0
    ? html`<p class="dim">${none}</p>`
    : html`<ul>
        ${items.map((item) => html`<li>${item}</li>`)}
      </ul>`;
}

function body(data: ReportData): Html {
  const { outcome, because } = verdictOf(data);
  const leftovers = data.leftovers.map(({ where, what }) => `${where}: ${what}`);
  return html`<main>
    <h1>${data.title}</h1>
    <p class="dim">
      ${data.cluster} · Kubernetes ${data.kubernetesVersion} · ${data.startedAt.slice(0, 10)},
      ${clockTime(data.startedAt)} to ${clockTime(data.endedAt)} UTC
    </p>
    <div class="verdict ${outcome}"><b>${VERDICT[outcome]}</b>${list(because, '')}</div>
    ${tiles(data)}
    <h2>The walk</h2>
    ${data.walks.map(walkLine)}
    <h2>Checks</h2>
    ${checksTable(data)}
    <h2>Availability</h2>
    ${timeline(data)}
    <h2>Probes</h2>
    ${probesTable(data)}
    <h2>Restarts</h2>
    ${restartsTable(data)}
    <h2>What each step changed</h2>
    ${matrixKey()}${data.walks.map(walkMatrices)}
    <h2>Leftovers</h2>
    ${list(leftovers, 'Nothing holds the old CA any more, as far as the scan reaches.')}
    <h2>Not verified, and notes</h2>
    ${list(data.notes, 'None.')}
    <footer>Times are UTC. The same data as JSON is in the file beside this one.</footer>
  </main>`;
}

/** The whole report as one HTML file: no script, no external resource, every value escaped. */
export function renderHtml(data: ReportData): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>${data.title}</title>
        <style>
          ${Html.of(REPORT_STYLE)}
        </style>
      </head>
      <body>
        ${body(data)}
      </body>
    </html> `.text;
}

/** The same data and its verdict as JSON, for machines. */
export function reportJson(data: ReportData): string {
  return `${JSON.stringify({ verdict: verdictOf(data), ...data }, undefined, 2)}\n`;
}
