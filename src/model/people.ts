/**
 * Names and phones as people write them, and the forms by which they are compared. What is stored is kept as given;
 * these forms stand beside it (`patients.name_key`, `phone_keys`, `match_key`).
 */

/** North American plan: area code and exchange begin with 2 to 9. */
const NANP = /^[2-9]\d{2}[2-9]\d{6}$/
/** E.164 without its plus: no leading zero, at most 15 digits; shorter than 7 reaches nobody. */
const E164 = /^[1-9]\d{6,14}$/
const NANP_COUNTRIES = new Set(['US', 'CA', 'PR', 'VI', 'GU', 'AS', 'MP', 'JM', 'BS', 'BB', 'DO', 'TT', 'BM'])
const MATCH_VERSION = 'v1'

/** A name for comparison: lower case, without accents, punctuation dropped, hyphens as spaces, single spaces. */
export function nameKey(...parts: (string | null | undefined)[]): string {
  return parts
    .map((part) => part ?? '')
    .join(' ')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’‘`.]/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/**
 * A phone for comparison: its digits, without the `+1` or `1` of the North American plan. Null where there are none.
 * Anything after an extension mark is left out.
 */
export function phoneKey(phone: string | null | undefined): string | null {
  const digits = (phone ?? '').replace(/(ext\.?|extension|x|#).*$/i, '').replace(/\D/g, '')
  if (digits === '') return null
  if (digits.length === 11 && digits.startsWith('1') && NANP.test(digits.slice(1))) return digits.slice(1)
  return digits
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

/** What makes two records the same person: name, birth date and phone, behind the version of this rule. */
export function matchKey(person: PersonToMatch): string {
  return [
    MATCH_VERSION,
    nameKey(person.firstName),
    nameKey(person.lastName),
    person.birthDate ?? '',
    phoneKey(person.phone) ?? '',
  ].join('|')
}
