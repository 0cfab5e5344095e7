/**
 * What a server said in an OperationOutcome, cleaned: its `diagnostics` is free text that may repeat names, dates and
 * whatever we sent. Only words of the list below, codes and places in a resource are kept; the rest becomes `…`.
 */
import Type from 'typebox'
import { Compile } from 'typebox/compile'

const Text = Type.Optional(Type.String())
const isOutcome = Compile(
  Type.Object({
    resourceType: Type.Literal('OperationOutcome'),
    issue: Type.Array(
      Type.Object({
        severity: Text,
        code: Text,
        diagnostics: Text,
        expression: Type.Optional(Type.Array(Type.String())),
        details: Type.Optional(Type.Object({ text: Text })),
      }),
    ),
  }),
)

const WORDS = new Set(
  `a able absent access accepted actor after all allowed already an and any are as at attribute authorization bad be
  because been before being body but by can cannot cardinality change characters client code conditional conflict
  constraint contain contains content correct could create created creation current date datetime deleted denied did
  does duplicate element empty end error exist exists expected extension fail failed failure field for forbidden format
  found from has have header id identifier if in incorrect insufficient internal invalid is it its json known least
  length limit location longer match matching maximum minimum missing more most multiple must name no not null of on
  one only operation or other out overlap overlapping parse participant path patient permission practitioner present
  profile property provided read reason reference referenced references request required resource resources rule schedule
  scope search server should slot specified start status structure support supported system taken than that the then
  there this time to token too type unable unexpected unknown unsupported update updated url user valid validation value
  values version was when which while with without write wrong`.split(/\s+/),
)
const TYPES = new Set([
  'Appointment',
  'Bundle',
  'Encounter',
  'HealthcareService',
  'Location',
  'OperationOutcome',
  'Organization',
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Schedule',
  'Slot',
])
const LONGEST = 240
/** Of a longer text no more is looked at: the patterns below are slow on long words. */
const MOST_READ = 2000

/** One sentence: the status, the first issue's code and place, and what is safe of its text. */
export function describeRefusal(status: number, body: unknown): string {
  const head = `The FHIR server answered ${status}`
  if (!isOutcome.Check(body)) return `${head}.`
  const issue =
    body.issue.find(({ severity }) => severity === 'error' || severity === 'fatal') ?? body.issue[0]
  if (issue === undefined) return `${head}.`
  const code = /^[a-z-]{1,40}$/.test(issue.code ?? '') ? ` (${issue.code})` : ''
  const place = issue.expression?.find((path) => /^[A-Z][A-Za-z]+(\.[A-Za-z]+(\[\d+\])?)*$/.test(path))
  const at = place === undefined ? '' : ` at ${place}`
  const text = cleanText(issue.details?.text ?? issue.diagnostics ?? '')
  return `${head}${code}${at}${text === '' ? '' : `: ${text}`}.`
}

/** The text with only listed words, resource types, paths below a resource type, and the server's own error numbers. */
export function cleanText(text: string): string {
  const read = text.length > MOST_READ ? text.slice(0, MOST_READ).replace(/\S*$/, '') : text
  const kept = read
    .split(/\s+/)
    .filter((token) => token !== '')
    .map((token) => {
      const [, before = '', word = '', after = ''] = /^(\W*)(.*?)(\W*)$/.exec(token) ?? []
      return isSafe(word) ? `${before.replace(/["'`]/g, '')}${word}${after.replace(/["'`]/g, '')}` : '…'
    })
    .filter((token, i, all) => token !== '…' || all[i - 1] !== '…')
    .join(' ')
    .replace(/[.\s]+$/, '')
  if (!/[A-Za-z]/.test(kept)) return ''
  return kept.length > LONGEST ? `${kept.slice(0, LONGEST)}…` : kept
}

function isSafe(word: string): boolean {
  if (WORDS.has(word.toLowerCase()) || TYPES.has(word)) return true
  if (/^HAPI-\d{1,5}$/.test(word)) return true
  const [type = '', ...path] = word.split('.')
  return TYPES.has(type) && path.length > 0 && path.every((part) => WORDS.has(part.toLowerCase()))
}
