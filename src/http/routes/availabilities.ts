/** Availabilities: working hours as v2 knows them. */
import { Type } from 'typebox'
import { AvailabilityV2 } from '../../model/wire-working-hours.ts'
import { countWorkingHours, listWorkingHours } from '../../store/working-hours.ts'
import { refuseForeignLocation } from '../inputs.ts'
import { PageQuery, readPage } from '../paging.ts'
import { tenantRoute } from '../route.ts'
import { showHourV2 } from '../versions/working-hours.ts'
import { filterOf, filters, readsTypes, singleRoutes } from './hours-of-both.ts'

export const availabilityRoutes = [
  tenantRoute({
    method: 'GET',
    path: '/availabilities',
    face: 'v2',
    summary: 'The working hours of a location',
    by: 'subdomain',
    scope: null,
    query: Type.Object({ ...filters, ...PageQuery }),
    data: Type.Array(AvailabilityV2),
    paging: 'pages',
    async handle({ tx, query, warnings }) {
      await refuseForeignLocation(tx, query.location_id)
      const filter = filterOf(query)
      const withTypes = readsTypes(query.include, warnings)
      const rows = await listWorkingHours(tx, filter, readPage(query, warnings).page)
      return {
        data: rows.map((row) => showHourV2(row, withTypes)),
        count: await countWorkingHours(tx, filter),
      }
    },
  }),
  ...singleRoutes({
    face: 'v2',
    path: '/availabilities',
    wrapper: 'availability',
    data: AvailabilityV2,
    show: showHourV2,
  }),
]
