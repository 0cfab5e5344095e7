/**
 * Brings HAPI FHIR's JPA server onto this machine: its libraries from Maven's central repository as `server/pom.xml`
 * pins them, and `server/HapiServer.java` compiled beside them, kept under `.peers/` (git-ignored) until either changes.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const repository = fileURLToPath(new URL('../../../', import.meta.url))
const SOURCES = ['server/pom.xml', 'server/HapiServer.java'].map((file) => join(here, file))
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1'

/** The folder that holds `lib/` and `classes/`; installs what is missing, telling `say` each step. */
export async function installHapi(say: (line: string) => void): Promise<string> {
  const hash = createHash('sha256')
  for (const file of SOURCES) hash.update(readFileSync(file))
  const place = join(repository, '.peers', 'hapi', hash.digest('hex').slice(0, 16))
  if (existsSync(place)) return place
  await installTools(say)
  const building = `${place}.${randomUUID()}`
  mkdirSync(building, { recursive: true })
  try {
    say('downloading HAPI FHIR (about 300 MB, once)')
    await run('mvn', [
      '-B',
      '-f',
      join(here, 'server/pom.xml'),
      `${DEPENDENCY_PLUGIN}:copy-dependencies`,
      `-DoutputDirectory=${join(building, 'lib')}`,
    ])
    say('compiling its start program')
    await run('javac', [
      '-nowarn',
      '-cp',
      join(building, 'lib', '*'),
      '-d',
      join(building, 'classes'),
      join(here, 'server/HapiServer.java'),
    ])
    if (existsSync(place)) return place // another run was quicker
    renameSync(building, place)
  } finally {
    rmSync(building, { recursive: true, force: true })
  }
  return place
}

/** Java 17 with its compiler, and Maven: from Debian's packages where they are missing and we are root. */
async function installTools(say: (line: string) => void): Promise<void> {
  if (hasCommand('mvn') && hasCommand('javac')) return
  if (process.getuid?.() !== 0 || !hasCommand('apt-get')) {
    throw new Error('the HAPI peer needs Maven and a Java development kit, 17 or newer (mvn, javac)')
  }
  say('installing Maven and Java from Debian')
  await run('apt-get', ['update', '-qq'])
  await run('apt-get', [
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    'maven',
    'openjdk-17-jdk-headless',
  ])
}

function hasCommand(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Runs a program to its end; its last output is the error's text where it fails. */
async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let tail = ''
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${tail}`)
}
