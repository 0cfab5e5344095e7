import { describe, expect, it } from 'vitest'
import { cleanText, describeRefusal } from '../../../src/connectors/fhir/outcome-text.ts'

function outcome(issue: Record<string, unknown>) {
  return { resourceType: 'OperationOutcome', issue: [issue] }
}

describe('the text of a refusal', () => {
  it.each([
    [
      'HAPI-1094: Resource Patient/abc-123 not found, specified in path: Appointment.participant.actor',
      'not found',
    ],
    ['The slot overlaps with Jane Roe (born 1990-02-03, jane@example.com, 617-555-0101)', 'slot'],
    ['Invalid attribute value "JANE ROE": Unknown', 'Invalid attribute value'],
    ["patient 'roe, jane' already has an appointment", 'patient'],
  ])('of %j keeps what is safe', (text, kept) => {
    const cleaned = cleanText(text)
    expect(cleaned).toContain(kept)
    for (const secret of ['Jane', 'JANE', 'jane', 'Roe', 'roe', 'abc', '1990', '555', 'example.com']) {
      expect(cleaned).not.toContain(secret)
    }
  })

  it.each([`${'.'.repeat(200_000)}a`, `a${'.'.repeat(200_000)}a`, 'not found '.repeat(20_000)])(
    'of many characters is read at once',
    (text) => {
      const began = performance.now()
      expect(cleanText(text).length).toBeLessThan(250)
      expect(performance.now() - began).toBeLessThan(5000)
    },
  )

  it('names status, code and place', () => {
    const body = outcome({
      severity: 'error',
      code: 'required',
      expression: ['Appointment.participant[0].status'],
      diagnostics: 'status is required',
    })
    expect(describeRefusal(422, body)).toBe(
      'The FHIR server answered 422 (required) at Appointment.participant[0].status: status is required.',
    )
  })

  it('is the status alone where nothing can be said', () => {
    expect(describeRefusal(400, '<html>Jane Roe</html>')).toBe('The FHIR server answered 400.')
    expect(describeRefusal(400, outcome({ code: 'Jane Roe', expression: ['Jane Roe'] }))).toBe(
      'The FHIR server answered 400.',
    )
    expect(describeRefusal(400, outcome({ diagnostics: 'Roe Roe Roe' }))).toBe(
      'The FHIR server answered 400.',
    )
  })
})
