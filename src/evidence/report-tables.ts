import { clockTime, count, html, type Html } from './report-html.js';
import type { ReportData } from './report-model.js';
import type { ProbeSummary, Tally } from './probe-model.js';

function mark(ok: boolean, yes: string, no: string): Html {
  return ok
    ? html`<span class="mark ok">✓ ${yes}</span>`
    : html`<span class="mark bad">✗ ${no}</span>`;
}

/** What was checked. */
export function checksTable({ checks }: ReportData): Html {
  if (checks.length === 0) return html`<p class="dim">Nothing was checked.</p>`;
  const failedFirst = [...checks].sort((a, b) => Number(a.ok) - Number(b.ok));
  return html`<div class="card">
    <table>
      <thead>
        <tr>
          <th>result</th>
          <th>check</th>
          <th>found</th>
        </tr>
      </thead>
      <tbody>
        ${failedFirst.map(
          ({ ok, name, detail }) =>
            html`<tr>
              <td>${mark(ok, 'holds', 'fails')}</td>
              <td>${name}</td>
              <td class="dim">${detail}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function tallyRows(title: string, tallies: Readonly<Record<string, Tally>>): Html {
  return html`<tr class="group">
      <th colspan="7">${title}</th>
    </tr>
    ${Object.entries(tallies).map(
      ([name, tally]) =>
        html`<tr>
          <td>${name}</td>
          <td class="num">${count(tally.total)}</td>
          <td class="num">${count(tally.passed)}</td>
          <td class="num">${count(tally.refused)}</td>
          <td class="num">${count(tally.errors)}</td>
          <td class="num">
            ${
              tally.failed === 0
                ? html`<span class="ok">0</span>`
                : html`<b class="bad">${count(tally.failed)}</b>`
            }
          </td>
          <td class="num">${count(tally.slowestMs)}</td>
        </tr>`,
    )}`;
}

/** Probes by each way of grouping them. */
export function probesTable({ probes }: ReportData): Html {
  return html`<div class="card">
      <table class="matrix">
        <thead>
          <tr>
            <th></th>
            <th class="num">sent</th>
            <th class="num">passed</th>
            <th class="num">refused</th>
            <th class="num">broken</th>
            <th class="num">not as it should be</th>
            <th class="num">slowest, ms</th>
          </tr>
        </thead>
        <tbody>
          ${tallyRows('through', probes.byKind)}${tallyRows('target', probes.byTarget)}${tallyRows('client', probes.byClient)}${tallyRows('call', probes.byCall)}${tallyRows('phase', probes.byPhase)}
        </tbody>
      </table>
    </div>
    ${reasons(probes)}${violations(probes)}`;
}

function reasons({ reasons: seen }: ProbeSummary): Html {
  if (seen.length === 0) return html``;
  return html`<details>
    <summary>Why probes did not pass <span class="dim">— expected or not</span></summary>
    <div class="card">
      <table>
        <tbody>
          ${seen.map(
            ({ outcome, reason, count: times }) =>
              html`<tr>
                <td class="num">${count(times)}</td>
                <td>${outcome}</td>
                <td><code>${reason}</code></td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}

function violations({ violations: seen, overall }: ProbeSummary): Html {
  if (seen.length === 0) return html``;
  return html`<details open>
    <summary>
      Not as it should be
      <span class="dim">— the first ${seen.length} of ${count(overall.failed)}</span>
    </summary>
    <div class="card">
      <table>
        <thead>
          <tr>
            <th>time</th>
            <th>phase</th>
            <th>target</th>
            <th>client</th>
            <th>call</th>
            <th>expected</th>
            <th>was</th>
          </tr>
        </thead>
        <tbody>
          ${seen.map(
            (one) =>
              html`<tr>
                <td><code>${clockTime(one.at)}</code></td>
                <td>${one.phase}</td>
                <td>${one.target}</td>
                <td>${one.client}</td>
                <td>${one.call}</td>
                <td>${one.expected}</td>
                <td>${one.outcome}: <code>${one.reason}</code></td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}

/** Restarts of each component on each host. */
export function restartsTable({ restarts }: ReportData): Html {
  const hosts = [
    ...new Set(Object.values(restarts).flatMap((counts) => Object.keys(counts))),
  ].sort();
  if (hosts.length === 0) return html`<p class="dim">No restarts were observed or recorded.</p>`;
  return html`<div class="card">
    <table class="matrix">
      <thead>
        <tr>
          <th>component</th>
          ${hosts.map((host) => html`<th class="num">${host}</th>`)}
          <th class="num">most of one</th>
        </tr>
      </thead>
      <tbody>
        ${Object.entries(restarts).map(
          ([component, counts]) =>
            html`<tr>
              <td>${component}</td>
              ${hosts.map((host) => html`<td class="num">${counts[host] ?? '·'}</td>`)}
              <td class="num"><b>${Math.max(0, ...Object.values(counts))}</b></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
