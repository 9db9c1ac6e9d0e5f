import { expect, test } from 'vitest';
import { html } from '../../src/evidence/report-html.js';
import { renderHtml, reportJson, verdictOf, type ReportData } from '../../src/evidence/report.js';
import { sampleReport } from './report-sample.js';

const VOID = new Set(['meta', 'br', '!doctype']);

/** Throws where tags are not closed in the order in which they were opened. */
function checkNesting(page: string): number {
  const open: string[] = [];
  const tags = [...page.matchAll(/<(\/?)([!a-z][a-z0-9]*)((?:[^<>"]|"[^"]*")*?)(\/?)>/g)];
  for (const [text, end, name = '', , selfClosed] of tags) {
    if (VOID.has(name) || selfClosed === '/') continue;
    if (end !== '/') open.push(name);
    else if (open.pop() !== name) throw new Error(`${text} closes what is not open`);
  }
  expect(open).toEqual([]);
  return tags.length;
}

test('renderHtml gives one well-nested page that loads nothing', () => {
  const page = renderHtml(sampleReport(2));
  expect(checkNesting(page)).toBeGreaterThan(500);
  expect(page).not.toMatch(/<script|<link|<img|\bsrc=|\bhref=|url\(|@import/i);
  expect(page).not.toMatch(/NaN|undefined|\[object/);
  expect(page.length).toBeLessThan(400_000);
});

test('renderHtml escapes every text that it is given', () => {
  const evil = '"><script>alert(1)</script>';
  const renamed = JSON.parse(
    JSON.stringify(sampleReport(2))
      .replaceAll('cp1', JSON.stringify(evil).slice(1, -1))
      .replaceAll('balancer', JSON.stringify(`balancer${evil}`).slice(1, -1)),
  ) as ReportData;
  const page = renderHtml({
    ...renamed,
    ...{ title: evil, cluster: evil, kubernetesVersion: evil, notes: [evil] },
    leftovers: [{ where: evil, what: evil }],
    checks: [{ name: evil, ok: false, detail: evil }],
  });
  expect(page).not.toMatch(/<script/i);
  expect(page).toContain('&#60;script&#62;');
  checkNesting(page);
});

test('html keeps a text within its attribute', () => {
  expect(html`<i title="${`"'\`&<>`}"></i>`.text).toBe(
    '<i title="&#34;&#39;&#96;&#38;&#60;&#62;"></i>',
  );
});

test('renderHtml shows a report in which nothing has happened yet', () => {
  const { probes, ...rest } = sampleReport();
  const page = renderHtml({
    ...rest,
    ...{ walks: [], restarts: {}, events: [], checks: [] },
    probes: {
      ...probes,
      ...{ byKind: {}, byTarget: {}, byClient: {}, byCall: {}, byPhase: {} },
      ...{ reasons: [], violations: [], phases: [] },
      overall: { ...probes.overall, total: 0 },
      timeline: { bucketSeconds: 1, buckets: [] },
    },
  });
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(page).toContain('Not proven');
});

test('verdictOf is violated by one probe, one check or one leftover', () => {
  const held = sampleReport();
  expect(verdictOf(held).outcome).toBe('held');
  expect(verdictOf(sampleReport(1)).outcome).toBe('violated');
  const leftovers = [{ where: 'worker1:/etc/x', what: 'old CA' }];
  expect(verdictOf({ ...held, leftovers }).outcome).toBe('violated');
  const checks = [{ name: 'c', ok: false, detail: '' }];
  expect(verdictOf({ ...held, checks })).toEqual({
    outcome: 'violated',
    because: ['check failed: c'],
  });
  expect(verdictOf({ ...held, checks: [] }).outcome).toBe('unproven');
  const { overall } = held.probes;
  const outcomeOf = (missed: number, total = overall.total) =>
    verdictOf({ ...held, probes: { ...held.probes, missed, overall: { ...overall, total } } });
  expect(outcomeOf(overall.total).outcome).toBe('held');
  expect(outcomeOf(overall.total + 1).outcome).toBe('unproven');
  expect(outcomeOf(0, 0).outcome).toBe('unproven');
});

test('reportJson gives back the data with its verdict', () => {
  const data = sampleReport();
  expect(JSON.parse(reportJson(data))).toEqual({ verdict: verdictOf(data), ...data });
});
