/** Every route there is. What stands here is served, and described in the OpenAPI document. */
import type { Route } from '../route.ts'
import { apiKeyRoutes } from './api-keys.ts'
import { appointmentTypeRoutes } from './appointment-types.ts'
import { appointmentWritingRoutes } from './appointment-writing.ts'
import { appointmentRoutes } from './appointments.ts'
import { availabilityRoutes } from './availabilities.ts'
import { clinicalRoutes } from './clinical.ts'
import { dataSourceRoutes } from './data-sources.ts'
import { operatoryRoutes } from './operatories.ts'
import { patientCreationRoutes } from './patient-creation.ts'
import { patientRoutes } from './patients.ts'
import { practiceRoutes } from './practice.ts'
import { providerRoutes } from './providers.ts'
import { setUpRoutes } from './set-up.ts'
import { slotHoldRoutes } from './slot-holds.ts'
import { slotRoutes } from './slots.ts'
import { syncRoutes } from './sync.ts'
import { webhookDeliveryRoutes } from './webhook-deliveries.ts'
import { webhookEndpointRoutes } from './webhook-endpoints.ts'
import { webhookSubscriptionRoutes } from './webhook-subscriptions.ts'
import { workingHourRoutes } from './working-hours.ts'
import { writeRoutes } from './writes.ts'

export const allRoutes: readonly Route[] = [
  ...practiceRoutes,
  ...providerRoutes,
  ...operatoryRoutes,
  ...patientRoutes,
  ...patientCreationRoutes,
  ...appointmentRoutes,
  ...appointmentWritingRoutes,
  ...appointmentTypeRoutes,
  ...workingHourRoutes,
  ...availabilityRoutes,
  ...slotRoutes,
  ...slotHoldRoutes,
  ...clinicalRoutes,
  ...syncRoutes,
  ...setUpRoutes,
  ...dataSourceRoutes,
  ...apiKeyRoutes,
  ...webhookEndpointRoutes,
  ...webhookSubscriptionRoutes,
  ...webhookDeliveryRoutes,
  ...writeRoutes,
]
