/** What `doctor` asks of each data source: the record system itself, and what we hold of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Probe } from '../connectors/connector.ts'
import { connectors } from '../connectors/registry.ts'
import { inGlobal, inTenant } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import { countAsideByReason, countStuckWrites } from '../store/check-up.ts'
import { type DataSource, listDataSources } from '../store/data-sources.ts'
import { type InstitutionRow, listInstitutions } from '../store/institutions.ts'
import { type Finding, fail, ok, warn } from './doctor-installation.ts'

const PROBE_MS = 15_000
const SKEW_MAX_MS = 60_000
const STUCK_SECONDS = 1_800
const INSTITUTIONS_MAX = 10_000

/** The findings of every data source of every institution. */
export async function checkSources(installation: Installation): Promise<Finding[]> {
  const filter = { accountId: null, institutionIds: null }
  const institutions = await inGlobal(installation.database, (tx) =>
    listInstitutions(tx, filter, { limit: INSTITUTIONS_MAX, offset: 0 }),
  )
  const findings: Finding[] = []
  for (const institution of institutions) {
    const sources = await inTenant(installation.database, institution.id, listDataSources)
    for (const source of sources) findings.push(...(await checkSource(installation, institution, source)))
  }
  return findings
}

async function checkSource(
  installation: Installation,
  { id, subdomain }: InstitutionRow,
  source: DataSource,
): Promise<Finding[]> {
  const check = `data source ${source.id} (${subdomain})`
  const findings = await probe(check, installation, source)
  const show = `./slotbridge source show ${source.id} --institution ${subdomain}`
  if (source.writing_stopped_at)
    findings.push(
      fail(
        check,
        `nothing is written since ${source.writing_stopped_at}: it went back behind what we had read`,
        `Did the practice restore a backup? ${show}, then source resume.`,
      ),
    )
  if (!source.loaded_at) findings.push(warn(check, 'the first load is not complete', `${show} says why.`))
  const { aside, stuck, undecided } = await inTenant(installation.database, id, async (tx) => ({
    aside: await countAsideByReason(tx, source.id),
    ...(await countStuckWrites(tx, source.id, STUCK_SECONDS)),
  }))
  for (const { noun, reason, count } of aside)
    findings.push(
      warn(
        check,
        `${count} rows set aside (${noun}): ${reason}`,
        `Put them right in the record system; ${show} lists them.`,
      ),
    )
  if (stuck > 0)
    findings.push(
      warn(
        check,
        `${stuck} writes open for over ${STUCK_SECONDS / 60} min`,
        `./slotbridge writes --institution ${subdomain} shows them.`,
      ),
    )
  if (undecided > 0)
    findings.push(
      warn(
        check,
        `${undecided} writes wait for a person`,
        `./slotbridge writes resolve --institution ${subdomain}`,
      ),
    )
  return findings
}

async function probe(check: string, { clock }: Installation, source: DataSource): Promise<Finding[]> {
  const factory = connectors[source.connector]
  if (!factory)
    return [fail(check, `there is no connector ${source.connector}`, 'Run the version that has it.')]
  let found: Probe | null
  try {
    await using system = await factory.open(source.configuration, clock)
    const late = new AbortController()
    found = await Promise.race([system.probe(), sleep(PROBE_MS, null, { signal: late.signal })])
    late.abort()
  } catch (error) {
    // The kind alone, but for a connector's own sentence: other texts may quote what was sent.
    const why =
      error instanceof Error && error.name === 'Unavailable'
        ? error.message
        : `it failed (${error instanceof Error ? error.name : 'unknown error'})`
    return [
      fail(check, why, 'Is it running, and are address and key right? ./slotbridge source set changes them.'),
    ]
  }
  if (!found)
    return [fail(check, `no answer within ${PROBE_MS / 1000} s`, 'Is it running, and the network up?')]
  const { systemName, version, clockSkewMs, missing } = found
  const findings = missing.map((sentence) =>
    warn(check, sentence, 'Give our login that right in the record system.'),
  )
  if (clockSkewMs !== null && Math.abs(clockSkewMs) > SKEW_MAX_MS)
    findings.push(
      warn(
        check,
        `its clock differs by ${Math.round(clockSkewMs / 1000)} s`,
        'Set the clock of the record system right.',
      ),
    )
  return [ok(check, `${systemName} ${version} answers`), ...findings]
}
