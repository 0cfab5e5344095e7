/** `audit verify`: whether the audit is as it was sealed. */
import { readFileSync } from 'node:fs'
import { inAuditChain } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { type Fault, type Verified, verifyChain } from '../store/audit-verify.ts'
import { type Chain, chainsOf, ofChain } from './audit-chains.ts'
import type { Command } from './command.ts'
import { withInstallation } from './open.ts'
import { asJson } from './output.ts'

/** Exit code where something is not as it was sealed; 1 is for what could not be asked. */
const TAMPERED = 3

export const auditVerify: Command = {
  name: 'audit verify',
  about: 'Compare every row of the audit with its seal, and every seal with the one before',
  options: {
    ...ofChain,
    head: {
      type: 'string',
      value: '<hash>',
      about: 'A hash that audit head printed: the chain must still hold it',
      multiple: true,
    },
    heads: { type: 'string', value: '<file>', about: 'The same for every hash in what audit head printed' },
    ...asJson,
  },
  details: `Exit code 0 where all is as it was sealed, ${TAMPERED} where it is not; each row and seal that is not is named.`,
  run: async (input) => {
    const { values, terminal } = input
    const heads = readHeads(values.list('head'), values.text('heads'))
    const verified = await withInstallation(input, async (installation) => {
      const chains: (Chain & Verified)[] = []
      for (const chain of await chainsOf(input, installation)) {
        const found = await inAuditChain(installation.database, chain.id, (tx) => verifyChain(tx, heads))
        chains.push({ ...chain, ...found })
      }
      return chains
    })
    const held = new Set(verified.flatMap(({ found }) => found))
    const lost = [...heads].filter((head) => !held.has(head))
    if (values.flag('json'))
      terminal.say(JSON.stringify({ chains: verified, heads_not_found: lost }, null, 2))
    else for (const line of [...verified.flatMap(describe), ...lost.map(describeLost)]) terminal.say(line)
    return lost.length > 0 || verified.some(({ faults }) => faults.length > 0) ? TAMPERED : 0
  },
}

/** @throws Failure where one is no hash */
function readHeads(typed: string[], file: string | undefined): Set<string> {
  const wrong = typed.find((hash) => !/^[0-9a-f]{64}$/.test(hash))
  if (wrong !== undefined)
    throw new Failure('invalid_request', `${wrong} is no hash that audit head printed.`)
  const filed = file === undefined ? [] : (readFileSync(file, 'utf8').match(/\b[0-9a-f]{64}\b/g) ?? [])
  if (file !== undefined && filed.length === 0)
    throw new Failure('invalid_request', `${file} holds no hash that audit head printed.`)
  return new Set([...typed, ...filed])
}

function describe({ id, name, seals, rows, first, faults }: Chain & Verified): string[] {
  const chain = `chain ${id} (${name ?? 'institution gone'})`
  if (seals === 0 && faults.length === 0) return [`${chain}: nothing is sealed`]
  const from = first !== null && first > 1 ? `, from seal ${first} on: what was before it was retired` : ''
  const sum = `${seals} seals, ${rows} rows${from}`
  if (faults.length === 0) return [`${chain}: as it was sealed (${sum})`]
  return [`${chain}: NOT as it was sealed (${sum})`, ...faults.map((fault) => `  ${sentenceOf(fault)}`)]
}

function sentenceOf({ problem, seal, row }: Fault): string {
  const sentences: Record<Fault['problem'], string> = {
    row_changed: `row ${row} was changed after seal ${seal}`,
    row_moved: `row ${row} is another one of seal ${seal}: rows were exchanged`,
    row_missing: `row ${row} of seal ${seal} is gone`,
    row_unsealed: `row ${row} is in no seal: it was added past the log, or its seal was taken away`,
    seal_changed: `seal ${seal} was changed, or does not follow the one before it`,
    seal_missing: `seal ${seal} is gone`,
  }
  return sentences[problem]
}

function describeLost(head: string): string {
  return `no chain holds ${head}: it was rewritten, cut, retired, or restored from an older backup`
}
