/**
 * The house's floors (ARCHITECTURE.md): a file may import only what is below its own, type imports included.
 * `from` a folder → the folders it may reach; everything else of ours is forbidden to it.
 */
const floors = {
  sandbox: ['model'],
  model: [],
  db: [],
  scheduling: ['model'],
  connectors: ['model'],
  work: ['db', 'model'],
  store: ['db', 'model', 'scheduling'],
  webhooks: ['work', 'store', 'db', 'model'],
  sync: ['connectors', 'work', 'store', 'scheduling', 'db', 'model'],
  booking: ['scheduling', 'store', 'db', 'model'],
  http: ['booking', 'store', 'db', 'model'],
}

const floorRules = Object.entries(floors).map(([folder, below]) => ({
  name: `floor-of-${folder}`,
  comment: `src/${folder} may import only ${below.length > 0 ? below.join(', ') : 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [folder, ...below].map((name) => `^src/${name}/`) },
}))

/** The connectors, each in a folder of its own, and what all of them may see. */
const strangers = {
  name: 'connectors-are-strangers',
  comment: 'a connector sees the port and itself, never another connector; the registry names them all',
  severity: 'error',
  from: { path: '^src/connectors/([^/]+)/', pathNot: '^src/connectors/conformance/' },
  to: {
    path: '^src/connectors/',
    pathNot: ['^src/connectors/$1/', '^src/connectors/connector\\.ts$', '^src/connectors/conformance/'],
  },
}

module.exports = {
  forbidden: [
    ...floorRules,
    strangers,
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'a mistyped path would escape every other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'only-the-roof-sees-all',
      comment: 'app, installation and cli compose; nobody below may reach up to them',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', '^src/[^/]+\\.ts$'] },
      to: { path: ['^src/cli/', '^src/[^/]+\\.ts$'] },
    },
    {
      name: 'cli-is-for-main',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', '^src/main\\.ts$'] },
      to: { path: '^src/cli/' },
    },
    {
      name: 'the-sandbox-is-a-stranger',
      comment: 'a program of its own: only the command line starts it',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/sandbox/', '^src/cli/'] },
      to: { path: '^src/sandbox/' },
    },
    {
      name: 'source-imports-no-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['import', 'node', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
