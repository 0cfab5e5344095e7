/** Which patients a value names: its schema tells, by the mark on every field that holds a patient's id. */
import type { TSchema } from 'typebox'
import { idMax, type PATIENT_ID } from './wire-basics.ts'

/** Adds the ids of the patients that a value names; a value that is not as its schema says names those that can be read. */
export type FindPatients = (value: unknown, found: Set<number>) => void

/** What the walk reads of a schema: nullable ones bear a list of types, and everything else of them stays. */
interface Shape extends Partial<typeof PATIENT_ID> {
  properties?: Record<string, Shape>
  items?: Shape
}

/** Made once for each schema; null where no field of it holds a patient's id. */
export function patientsIn(schema: TSchema): FindPatients | null {
  return finderOf(schema as Shape)
}

function finderOf(shape: Shape): FindPatients | null {
  if (shape['x-patient-id']) return addId
  const item = shape.items && finderOf(shape.items)
  if (item)
    return (value, found) => {
      if (Array.isArray(value)) for (const one of value) item(one, found)
    }
  const fields = Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const find = finderOf(field)
    return find ? [{ name, find }] : []
  })
  if (fields.length === 0) return null
  return (value, found) => {
    if (typeof value !== 'object' || value === null) return
    for (const { name, find } of fields) find((value as Record<string, unknown>)[name], found)
  }
}

function addId(value: unknown, found: Set<number>): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= idMax)
    found.add(value)
}
