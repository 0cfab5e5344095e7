/** The imports of a source folder against the floors of `.dependency-cruiser.cjs`. */
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import extractDepcruiseConfig from 'dependency-cruiser/config-utl/extract-depcruise-config'
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config'

/** Fewer would mean that half the house was not seen: a cruiser that understands no TypeScript finds no module, and no fault. */
const MODULES_MIN = 40
const CONFIG_FILE = 'src/config.ts'
const house = resolve(import.meta.dirname, '..', '..')

export interface FloorsReport {
  modules: number
  /** A sentence each; empty where all is well. */
  problems: string[]
}

/**
 * Looks at every file of `<root>/src`.
 * @param root the house, or a model of it
 */
export async function checkFloors(root = house, modulesMin = MODULES_MIN): Promise<FloorsReport> {
  const files = globSync('src/**/*.ts', { cwd: root })
  const { options, ...ruleSet } = await extractDepcruiseConfig(join(house, '.dependency-cruiser.cjs'))
  const tsConfig = extractTsConfig(join(house, 'tsconfig.json'))
  const result = await cruise(
    ['src'],
    { ...options, ruleSet, baseDir: root, validate: true },
    {},
    { tsConfig },
  )
  const { summary, modules } = result.output as ICruiseResult
  const seen = modules.filter(({ source }) => source.startsWith('src/') && source.endsWith('.ts'))
  const problems = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)
  if (seen.length !== files.length || seen.length < modulesMin)
    problems.push(`looked at ${seen.length} modules, and src holds ${files.length} files`)
  for (const file of files) {
    if (file !== CONFIG_FILE && /\bprocess\.env\b/.test(readFileSync(join(root, file), 'utf8')))
      problems.push(`${file} reads process.env: only ${CONFIG_FILE} may`)
  }
  return { modules: seen.length, problems }
}
