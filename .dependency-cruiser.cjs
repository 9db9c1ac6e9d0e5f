/**
 * Who may import whom. The folders of src/ stand in one line, the most general last:
 * imports point down it. `values/` (errors, secrets, shell words) may be used by all.
 */
const mayImport = {
  cli: '.*',
  rehearsal: 'rotation|kubernetes|pki|engine|modules|inventory|transport|evidence|lab',
  rotation: 'kubernetes|pki|playbook|engine|modules|facts|inventory|transport',
  kubernetes: 'pki|engine|modules|facts|inventory|transport',
  pki: '',
  evidence: 'engine|pki',
  engine: 'playbook|modules|facts|inventory|transport',
  playbook: 'inventory|modules',
  modules: 'facts|inventory|transport',
  facts: 'transport',
  inventory: 'transport',
  transport: '',
  lab: 'transport',
  values: '',
};

const layers = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} imports only from: ${allowed || 'nothing'} (and values)`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^src/',
    pathNot: `^src/(${[folder, 'values', allowed].filter(Boolean).join('|')})/`,
  },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unlisted-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node'],
    },
  },
};
