import type { TSchema } from 'typebox'
import { expect, it } from 'vitest'
import { allRoutes } from '../../src/http/routes/all.ts'
import { patientsIn } from '../../src/model/patient-ids.ts'
import { AppointmentV2 } from '../../src/model/wire-appointment.ts'

const found = (schema: TSchema, value: unknown) => {
  const ids = new Set<number>()
  patientsIn(schema)?.(value, ids)
  return [...ids]
}

it('finds a patient wherever a schema marks one, also in parts that may be null', () => {
  const patient = { id: 2, guarantor_id: 3, guarantor: { id: 3, guarantor_id: 4 } }
  const procedures = [
    { id: 90, patient_id: 5 },
    { id: 91, patient_id: null },
  ]
  const insertion = { candidates: [{ patient_id: 6 }, { patient_id: null }] }
  const appointment = { id: 1, patient_id: 2, provider_id: 99, patient, procedures, insertion }
  expect(found(AppointmentV2, appointment)).toEqual([2, 6, 3, 4, 5])
  expect(found(AppointmentV2, { ...appointment, patient: null, insertion: null })).toEqual([2, 5])
})

it('takes nothing for an id that is none, and no value for more than it is', () => {
  for (const patient_id of ['7', 1.5, -1, 0, Number.MAX_VALUE, {}, [7], null, undefined])
    expect(found(AppointmentV2, { patient_id })).toEqual([])
  for (const value of [
    null,
    undefined,
    7,
    'text',
    [],
    [{ patient_id: 7 }],
    { procedures: { patient_id: 7 } },
  ])
    expect(found(AppointmentV2, value)).toEqual([])
})

interface Shape {
  'x-patient-id'?: true
  properties?: Record<string, Shape>
  items?: Shape
}

/** Fields that hold a patient's id by their names, or by what stands beside them, and bear no mark. */
function unmarked(shape: Shape, path: string): string[] {
  const fields = shape.properties ?? {}
  const isPerson = 'guarantor_id' in fields
  const own = Object.entries(fields).filter(
    ([name, field]) =>
      (/(^|_)patient_ids?$|^guarantor_id$|^merged_into$/.test(name) || (name === 'id' && isPerson)) &&
      !(field['x-patient-id'] || field.items?.['x-patient-id']),
  )
  return [
    ...own.map(([name]) => `${path}.${name}`),
    ...Object.entries(fields).flatMap(([name, field]) => unmarked(field, `${path}.${name}`)),
    ...(shape.items ? unmarked(shape.items, `${path}[]`) : []),
  ]
}

it('is helped by a mark on every field of every route that holds a patient', () => {
  const missing = allRoutes.flatMap((route) =>
    (['params', 'query', 'body', 'data'] as const).flatMap((part) =>
      unmarked((route[part] ?? {}) as Shape, `${route.method} ${route.path} ${part}`),
    ),
  )
  expect(missing).toEqual([])
  const named = allRoutes.filter(({ path }) => path.startsWith('/patients/{id}'))
  expect(named.length).toBeGreaterThan(0)
  for (const { params } of named) if (params) expect(found(params, { id: 7 })).toEqual([7])
})
