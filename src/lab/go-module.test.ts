import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GO_MODULES, linkerFlags, moduleKey, renderGoMod } from './go-module.js';

const kubernetes = GO_MODULES[0]!;

test('renderGoMod replaces each staging module by its published version', () => {
  const upstream = [
    'module k8s.io/kubernetes',
    'go 1.25.0',
    'replace (',
    '\tk8s.io/api => ./staging/src/k8s.io/api',
    '\tk8s.io/kube-proxy => ./staging/src/k8s.io/kube-proxy',
    '\tgithub.com/other/thing => ./elsewhere',
    ')',
  ].join('\n');
  const text = renderGoMod('v1.35.4', upstream);
  expect(text).toContain('go 1.25.0\n');
  expect(text).toContain('require k8s.io/kubernetes v1.35.4\n');
  expect(text).toContain('replace (\n\tk8s.io/api => k8s.io/api v0.35.4\n');
  expect(text).toContain('\tk8s.io/kube-proxy => k8s.io/kube-proxy v0.35.4\n');
  expect(text).not.toContain('other/thing');
});

test('the go.mod kept here names all programs and one version', () => {
  const kept = readFileSync(
    new URL('../../lab/kubernetes/kubernetes/go.mod', import.meta.url),
    'utf8',
  );
  for (const { package: name } of kubernetes.programs) expect(kept).toContain(name);
  expect(kept.match(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ v0\.36\.3$/gm)).toHaveLength(33);
});

test('linkerFlags tells Kubernetes its version', () => {
  expect(linkerFlags(kubernetes, 'v1.36.3')).toBe(
    '-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3' +
      ' -X k8s.io/component-base/version.gitMajor=1' +
      ' -X k8s.io/component-base/version.gitMinor=36',
  );
});

test('moduleKey changes with the version and with go.mod', () => {
  const keys = [
    moduleKey(kubernetes, 'v1.36.3', 'a'),
    moduleKey(kubernetes, 'v1.36.3', 'b'),
    moduleKey(kubernetes, 'v1.35.4', 'a'),
  ];
  expect(new Set(keys).size).toBe(3);
});
