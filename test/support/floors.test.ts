import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { checkFloors } from './floors.ts'

/** A model of the house: paths below src with what they hold. */
async function problemsOf(files: Record<string, string>, modulesMin = 1): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), 'floors-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      const file = join(root, 'src', name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    return (await checkFloors(root, modulesMin)).problems
  } finally {
    rmSync(root, { recursive: true })
  }
}

const thing = 'export interface Thing { a: number }\nexport const one = 1\n'

it('lets a floor use what is below it', async () => {
  expect(
    await problemsOf({
      'model/thing.ts': thing,
      'store/rows.ts': "import { one } from '../model/thing.ts'\nexport const two = one\n",
      'app.ts': "import { two } from './store/rows.ts'\nexport const three = two\n",
    }),
  ).toEqual([])
})

it.each([
  [
    'a type from a floor above',
    {
      'store/thing.ts': thing,
      'model/up.ts': "import type { Thing } from '../store/thing.ts'\nexport type Up = Thing\n",
    },
    'floor-of-model',
  ],
  [
    'one connector in another',
    {
      'connectors/fhir/thing.ts': thing,
      'connectors/sandbox/peek.ts': "import { one } from '../fhir/thing.ts'\nexport const peek = one\n",
    },
    'connectors-are-strangers',
  ],
  [
    'a circle of types',
    {
      'model/a.ts': "import type { B } from './b.ts'\nexport type A = B | 1\n",
      'model/b.ts': "import type { A } from './a.ts'\nexport type B = A[]\n",
    },
    'no-circles',
  ],
  [
    'a path that leads nowhere',
    { 'model/lost.ts': "import { one } from './nowhere.ts'\nexport const lost = one\n" },
    'no-unresolvable',
  ],
  [
    'the roof from below',
    { 'config.ts': thing, 'http/read.ts': "import { one } from '../config.ts'\nexport const read = one\n" },
    'only-the-roof-sees-all',
  ],
  [
    'the practice from the server',
    {
      'sandbox/thing.ts': thing,
      'app.ts': "import { one } from './sandbox/thing.ts'\nexport const app = one\n",
    },
    'the-sandbox-is-a-stranger',
  ],
  [
    'the environment outside the one file',
    { 'cli/read.ts': 'export const home = process.env.HOME\n' },
    'src/cli/read.ts reads process.env',
  ],
])('refuses %s', async (_what, files, rule) => {
  const problems = await problemsOf(files as Record<string, string>)
  expect(problems.join('\n')).toContain(rule)
})

it('refuses to have looked at too little', async () => {
  expect(await problemsOf({ 'model/thing.ts': thing }, 2)).toEqual([
    'looked at 1 modules, and src holds 1 files',
  ])
})
