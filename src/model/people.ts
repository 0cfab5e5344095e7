/**
 * Names and phones as people write them, and the forms by which they are compared. What is stored is kept as given;
 * these forms stand beside it (`patients.name_key`, `phone_keys`, `match_key`).
 */

/** North American plan: area code and exchange begin with 2 to 9. */
const NANP = /^[2-9]\d{2}[2-9]\d{6}$/
/** E.164 without its plus: no leading zero, at most 15 digits; shorter than 7 reaches nobody. */
const E164 = /^[1-9]\d{6,14}$/
const NANP_COUNTRIES = new Set(['US', 'CA', 'PR', 'VI', 'GU', 'AS', 'MP', 'JM', 'BS', 'BB', 'DO', 'TT', 'BM'])
/** Raised whenever the forms below change: keys of an older version are then told apart, and compared anew. */
export const MATCH_VERSION = 'v2'

/** Accents as Latin, Greek and Cyrillic have them. The vowel signs of other scripts are letters to their readers. */
const ACCENTS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/gu
/** Letters that have a stroke or a tail instead of an accent: people without that key type these. */
const TYPED_AS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ħ: 'h',
  þ: 'th',
  ı: 'i',
}

/** Lower case in Unicode's compatible form, punctuation dropped, hyphens as spaces, single spaces; accents kept. */
export function accentedName(...parts: (string | null | undefined)[]): string {
  return parts
    .map((part) => part ?? '')
    .join(' ')
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFKC')
    .replace(/['’‘`´ʼ.]/gu, '')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()
}

/** Of longer names and phones no more is compared: PostgreSQL's index holds no more, and nobody is called so. */
const NAME_MOST = 300
const PHONE_MOST = 40

/** A name for comparison: as `accentedName`, without accents. */
export function nameKey(...parts: (string | null | undefined)[]): string {
  return accentedName(...parts)
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .replace(/[ßæœøđðłħþı]/gu, (letter) => TYPED_AS[letter] ?? letter)
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim()
    .slice(0, NAME_MOST)
    .toWellFormed()
}

/**
 * A phone for comparison: its digits, without the `+1` or `1` of the North American plan. Null where there are none.
 * Anything after an extension mark is left out.
 */
export function phoneKey(phone: string | null | undefined): string | null {
  const dialled = withoutExtension(phone ?? '')
    .replace(/\D/g, '')
    .slice(0, PHONE_MOST)
  if (dialled === '') return null
  // `00` and `011` dial abroad, as a plus does.
  const digits = dialled.replace(/^(?:00|011)(?=[1-9]\d{9,14}$)/, '')
  if (digits.length === 11 && digits.startsWith('1') && NANP.test(digits.slice(1))) return digits.slice(1)
  return digits
}

const LINE_ENDS = ['\n', '\r', '\u2028', '\u2029']

/** A mark counts in the last line. That is cut off first: looking for the end from each of many marks takes for ever. */
function withoutExtension(phone: string): string {
  const lastLine = Math.max(...LINE_ENDS.map((end) => phone.lastIndexOf(end))) + 1
  return phone.slice(0, lastLine) + phone.slice(lastLine).replace(/(ext|x|#).*/i, '')
}

/** The keys of several phones, each once, sorted. */
export function phoneKeys(...phones: (string | null | undefined)[]): string[] {
  return [...new Set(phones.map(phoneKey).filter((key) => key !== null))].sort()
}

/** A phone as it is shown: ten digits where North American, E.164 where it was given with a plus, else as given. */
export function showPhone(phone: string | null | undefined): string {
  const given = (phone ?? '').trim()
  const key = phoneKey(given)
  if (key === null) return ''
  if (NANP.test(key)) return key
  return given.startsWith('+') && E164.test(key) ? `+${key}` : given
}

/**
 * Whether any numbering plan allows this phone: E.164 behind a plus (`00` and `011` count as one), ten digits of the
 * North American plan, or, where the practice is in a country outside that plan, six to fifteen national digits.
 * @param country ISO 3166 code of the practice's country
 */
export function isPhone(phone: string, country: string): boolean {
  if (/[^\d\s()+.\-/x#a-z]/i.test(phone)) return false
  const key = phoneKey(phone)
  if (key === null) return false
  const international = /^\s*(\+|00|011)/.exec(phone)
  if (international) {
    const number = phone.trim().startsWith('+') ? key : key.replace(/^(011|00)/, '')
    if (number.startsWith('1')) return NANP.test(number.slice(1))
    return NANP.test(key) || E164.test(number)
  }
  if (NANP_COUNTRIES.has(country.toUpperCase())) return NANP.test(key)
  return key.length >= 6 && key.length <= 15
}

export interface PersonToMatch {
  firstName: string
  lastName: string
  /** `YYYY-MM-DD` */
  birthDate: string | null
  phone: string | null
}

/** The parts of a name that are compared: letters alone, without spaces, and the generation told apart. */
export interface NameParts {
  first: string
  last: string
  /** `jr`, `sr`, `ii`, `iii`, `iv`, or empty where none is given. */
  suffix: string
}

const SUFFIXES: Record<string, string> = {
  jr: 'jr',
  junior: 'jr',
  sr: 'sr',
  senior: 'sr',
  ii: 'ii',
  '2nd': 'ii',
  iii: 'iii',
  '3rd': 'iii',
  iv: 'iv',
  '4th': 'iv',
}

/** Takes a name apart. A suffix may stand behind either name; a name that is nothing else keeps it. */
export function partsOfName(firstName: string, lastName: string, form = nameKey): NameParts {
  const [first, behindFirst] = splitSuffix(form(firstName))
  const [last, behindLast] = splitSuffix(form(lastName))
  return { first, last, suffix: behindLast || behindFirst }
}

function splitSuffix(name: string): [letters: string, suffix: string] {
  const words = name.split(' ')
  const suffix = words.length > 1 ? SUFFIXES[words.at(-1) ?? ''] : undefined
  return [(suffix === undefined ? words : words.slice(0, -1)).join(''), suffix ?? '']
}

/** What two requests for one new person share, however their phones are given: the version of the rule, name and birth date. */
export function personKey(person: Omit<PersonToMatch, 'phone'>): string {
  const { first, last } = partsOfName(person.firstName, person.lastName)
  return [MATCH_VERSION, first, last, person.birthDate ?? ''].join('|')
}

/** What makes two records the same person: name, birth date and phone, behind the version of this rule. */
export function matchKey(person: PersonToMatch): string {
  return `${personKey(person)}|${phoneKey(person.phone) ?? ''}`
}
