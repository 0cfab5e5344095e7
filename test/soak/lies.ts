/** The faults of reading, as chances on the practice's dial. */

const fault = (kind: string, chance: number, more: Record<string, unknown> = {}) => ({
  kind,
  chance,
  always: true,
  ...more,
})

/** Every call of a reader may meet one of these; the first that fits happens. */
export const LIES = [
  fault('half_page', 0.25),
  fault('torn_page', 0.1),
  fault('repeated_page', 0.2),
  fault('out_of_order', 0.5),
  fault('poisoned_row', 0.3),
  fault('poisoned_row', 0.2, { on: 'GET /schedule' }),
  fault('torn_page', 0.05, { on: 'GET /schedule' }),
  fault('error_before', 0.1, { on: 'GET /schedule' }),
  fault('error_before', 0.05, { on: 'GET /visits' }),
  fault('rate_limited', 0.1, { on: 'GET /changes' }),
  fault('restart', 0.02, { on: 'GET /changes', ms: 20 }),
  fault('late_commit', 0.25),
]
