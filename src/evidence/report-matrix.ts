import { html, duration, type Html } from './report-html.js';
import type { CellState, Matrix, MatrixRow, Walk, WalkStep } from './report-model.js';

const LETTER: Readonly<Record<CellState, string>> = {
  old: 'O',
  both: 'B',
  new: 'N',
  foreign: 'F',
  missing: '∅',
  '-': '·',
};

/** A state as a coloured square with its letter, and its word for screen readers. */
export function cell(state: CellState): Html {
  const style = state === '-' ? 'none' : state;
  const word = state === '-' ? 'not here' : state;
  return html`<span class="cell ${style}" title="${word}">${LETTER[state]}</span>`;
}

/** What the letters mean. */
export function matrixKey(): Html {
  const words: [CellState, string][] = [
    ['old', 'old CA only'],
    ['both', 'both'],
    ['new', 'new CA only'],
    ['foreign', 'neither'],
    ['missing', 'missing'],
    ['-', 'not there by design'],
  ];
  return html`<div class="key">
    ${words.map(([state, text]) => html`<span>${cell(state)} ${text}</span>`)}
  </div>`;
}

function rowKey(row: MatrixRow): string {
  return JSON.stringify([row.authority, row.kind, row.item]);
}

function change(before: CellState, after: CellState): Html {
  return before === after
    ? html`<td class="c same">${cell(after)}</td>`
    : html`<td class="c">${cell(before)}<span class="to">→</span>${cell(after)}</td>`;
}

/** Rows of both matrices, in the order of the later one. */
function joinRows(before: Matrix, after: Matrix): [MatrixRow | undefined, MatrixRow | undefined][] {
  const earlier = new Map(before.rows.map((row) => [rowKey(row), row]));
  const later = new Set(after.rows.map(rowKey));
  const gone = before.rows.filter((row) => !later.has(rowKey(row)));
  return [
    ...after.rows.map((row): [MatrixRow | undefined, MatrixRow] => [earlier.get(rowKey(row)), row]),
    ...gone.map((row): [MatrixRow, undefined] => [row, undefined]),
  ];
}

interface JoinedRow {
  readonly row: MatrixRow;
  readonly cells: readonly (readonly [before: CellState, after: CellState])[];
}

function joined(step: WalkStep): { columns: readonly string[]; rows: JoinedRow[] } {
  const { matrixBefore, matrixAfter } = step;
  const columns = [...new Set([...matrixAfter.columns, ...matrixBefore.columns])];
  const rows = joinRows(matrixBefore, matrixAfter).flatMap(([before, after]) => {
    const row = after ?? before;
    if (row === undefined) return [];
    const cells = columns.map(
      (name) => [before?.cells[name] ?? '-', after?.cells[name] ?? '-'] as const,
    );
    return [{ row, cells }];
  });
  return { columns, rows };
}

function table(columns: readonly string[], rows: readonly JoinedRow[]): Html {
  const authorities = [...new Set(rows.map(({ row }) => row.authority))];
  return html`<div class="card">
    <table class="matrix">
      <thead>
        <tr>
          <th>item</th>
          <th>kind</th>
          ${columns.map((name) => html`<th class="c">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${authorities.map(
          (authority) =>
            html`<tr class="group">
                <th colspan="${columns.length + 2}">${authority}</th>
              </tr>
              ${rows
                .filter(({ row }) => row.authority === authority)
                .map(
                  ({ row, cells }) =>
                    html`<tr>
                      <td>${row.item}</td>
                      <td class="dim">${row.kind}</td>
                      ${cells.map(([before, after]) => change(before, after))}
                    </tr>`,
                )}`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Every step of a walk, with the matrix before and after it in one table. */
export function walkMatrices(walk: Walk): Html {
  return html`<h3>${walk.name}</h3>
    ${walk.steps.map((step) => {
      const { columns, rows } = joined(step);
      const changed = rows.flatMap((row) => row.cells).filter(([a, b]) => a !== b).length;
      return html`<details open>
        <summary>
          to ${step.state}
          <span class="dim">— ${duration(step.seconds)}, ${changed} places changed</span>
        </summary>
        ${table(columns, rows)}
      </details>`;
    })}`;
}
