/** Working hours of v3, and their labels. Reading and writing are shared with v2's availabilities. */
import { Type } from 'typebox'
import { WorkingHourLabel, WorkingHourV3 } from '../../model/wire-working-hours.ts'
import { listLabels } from '../../store/working-hour-labels.ts'
import { listWorkingHours } from '../../store/working-hours.ts'
import { refuseForeignLocation, Subdomain } from '../inputs.ts'
import { CursorQuery, cursorAnswer, placeOf, readCursors } from '../paging.ts'
import { tenantRoute } from '../route.ts'
import { showHourV3 } from '../versions/working-hours.ts'
import { filterOf, filters, OneOfTwo, readsTypes, singleRoutes } from './hours-of-both.ts'

export const workingHourRoutes = [
  tenantRoute({
    method: 'GET',
    path: '/working_hours',
    face: 'v3',
    summary: 'The working hours of a location',
    by: 'subdomain',
    scope: null,
    query: Type.Object({
      ...filters,
      label_id: Type.Optional(Type.Integer()),
      source: OneOfTwo,
      ...CursorQuery,
    }),
    data: Type.Array(WorkingHourV3),
    paging: 'cursors',
    async handle({ tx, query, warnings }) {
      await refuseForeignLocation(tx, query.location_id)
      const filter = { ...filterOf(query), labelId: query.label_id, source: query.source }
      const reading = readCursors(query, 'id', warnings)
      const withTypes = readsTypes(query.include, warnings)
      const rows = await listWorkingHours(tx, filter, reading.page)
      return cursorAnswer(rows, reading, placeOf, (row) => showHourV3(row, withTypes))
    },
  }),
  ...singleRoutes({
    face: 'v3',
    path: '/working_hours',
    wrapper: 'working_hour',
    data: WorkingHourV3,
    show: showHourV3,
  }),
  tenantRoute({
    method: 'GET',
    path: '/working_hour_labels',
    face: 'v3',
    summary: "A record system's names for kinds of time: a location's and those of the institution",
    by: 'subdomain',
    scope: null,
    query: Type.Object({
      ...Subdomain,
      location_id: Type.Optional(Type.Integer()),
      search_name: Type.Optional(Type.String({ maxLength: 100 })),
      active: Type.Optional(Type.Boolean()),
      ...CursorQuery,
    }),
    data: Type.Array(WorkingHourLabel),
    paging: 'cursors',
    async handle({ tx, query, warnings }) {
      await refuseForeignLocation(tx, query.location_id)
      const reading = readCursors(query, 'id', warnings)
      const { location_id: locationId, search_name: searchName, active } = query
      const rows = await listLabels(tx, { locationId, searchName, active }, reading.page)
      return cursorAnswer(rows, reading, placeOf, (row) => row)
    },
  }),
]
