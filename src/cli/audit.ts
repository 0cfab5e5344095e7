/** `audit head|export`: what to keep of the audit elsewhere, and what it says. */
import { inAuditChain, inWork } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import { readTime } from '../model/wire-time.ts'
import { type AuditFilter, appendAudit, listAudit } from '../store/audit.ts'
import { listSeals, type Seal } from '../store/audit-seals.ts'
import { chainsOf, headsOf, ofChain } from './audit-chains.ts'
import { auditVerify } from './audit-verify.ts'
import type { Command } from './command.ts'
import { commandRow } from './command-audit.ts'
import { withInstallation } from './open.ts'
import { asJson, showRows } from './output.ts'

const PAGE = 1_000
const SEALS_PAGE = 100

const head: Command = {
  name: 'audit head',
  about: 'Print the hash of the newest seal of each chain, to keep elsewhere',
  options: { ...ofChain, ...asJson },
  details:
    'Whoever may change everything in the database may also rewrite a whole chain. Kept elsewhere, these hashes prove that nobody did: ./slotbridge audit verify --heads <file>.',
  run: async (input) => {
    const rows = await withInstallation(input, async (installation) => {
      const names = new Map((await chainsOf(input, installation)).map(({ id, name }) => [id, name]))
      const heads = await headsOf(installation.database)
      return heads.flatMap(({ institution_id: id, number, hash, sealed_at }) =>
        names.has(id)
          ? [
              {
                institution_id: id,
                subdomain: names.get(id) ?? null,
                seal: number,
                sealed_at,
                hash: hash.toString('hex'),
              },
            ]
          : [],
      )
    })
    showRows(input, rows, {
      institution: ({ institution_id }) => institution_id,
      subdomain: ({ subdomain }) => subdomain,
      seal: ({ seal }) => seal,
      sealed: ({ sealed_at }) => sealed_at,
      hash: ({ hash }) => hash,
    })
    return 0
  },
}

const exportRows: Command = {
  name: 'audit export',
  about: 'Print rows of the audit, a line of JSON each',
  options: {
    ...ofChain,
    from: { type: 'string', value: '<time>', about: 'Only rows from then on, such as 2026-12-07T09:00Z' },
    to: { type: 'string', value: '<time>', about: 'Only rows before then' },
    patient: { type: 'string', value: '<id>', about: 'Only rows that touched this patient' },
    seals: { type: 'boolean', about: 'Print the seals of the chain too, after its rows' },
  },
  details: "The export is audited itself. What a row's hash is made of stands in docs/operations/audit.md.",
  run: async (input) => {
    const { values, terminal } = input
    const filter: AuditFilter = {
      from: readInstant('from', values.text('from')),
      to: readInstant('to', values.text('to')),
      patientId: values.whole('patient', 1),
    }
    await withInstallation(input, async (installation) => {
      const { database } = installation
      const chains = await chainsOf(input, installation)
      const { patientId } = filter
      const patientIds = patientId === undefined ? null : [patientId]
      const rows = chains.map(({ id }) =>
        commandRow({ institutionId: id, kind: 'export', command: 'audit export', patientIds }),
      )
      await inWork(database, (tx) => appendAudit(tx, rows))
      for (const { id } of chains) {
        for await (const row of pages(PAGE, (after) =>
          inAuditChain(database, id, (chain) => listAudit(chain, after, PAGE, filter)),
        ))
          terminal.say(JSON.stringify(row))
        if (!values.flag('seals')) continue
        for await (const seal of pages(SEALS_PAGE, (after) =>
          inAuditChain(database, id, (chain) => listSeals(chain, after, SEALS_PAGE)),
        ))
          terminal.say(JSON.stringify(showSeal(id, seal)))
      }
    })
    return 0
  },
}

/** Everything in the order of ids, a page in memory at a time. */
async function* pages<Row extends { id: number }>(
  size: number,
  read: (after: number) => Promise<Row[]>,
): AsyncGenerator<Row> {
  for (let after = 0; ; ) {
    const rows = await read(after)
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < size) return
    after = last.id
  }
}

function showSeal(institutionId: number, { number, row_hashes, previous_hash, hash, ...seal }: Seal) {
  const { sealed_at, row_count, audit_ids } = seal
  const hex = { row_hashes: row_hashes.toString('hex'), previous_hash: previous_hash.toString('hex') }
  return {
    institution_id: institutionId,
    seal: number,
    sealed_at,
    row_count,
    audit_ids,
    ...hex,
    hash: hash.toString('hex'),
  }
}

/** A time without an offset is UTC, a day its beginning. */
function readInstant(name: string, text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined
  return readTime({ name: `--${name}`, text, zone: 'UTC', edge: 'first' }).instant
}

export const auditCommands = [auditVerify, head, exportRows]
