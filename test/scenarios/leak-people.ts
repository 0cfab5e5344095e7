/** Made-up people whose every personal field holds a text that stands nowhere else, and a search for all of these texts. */
import type { TestDatabase } from '../support/database.ts'

export interface Marked {
  first: string
  middle: string
  last: string
  /** A day that nothing else in a run falls on. */
  birth: string
  /** Ten digits. */
  phone: string
  email: string
  street: string
  city: string
  note: string
}

/** @param nth tells the people of a run apart, 0 to 9 */
export function markedPerson(nth: number): Marked {
  const tail = `qzx${'abcdefghij'[nth]}`
  return {
    first: `Firstof${tail}`,
    middle: `Middleof${tail}`,
    last: `Lastof${tail}`,
    birth: `191${nth}-0${nth % 9 || 9}-2${nth % 9}`,
    phone: `31255504${nth}7`,
    email: `Mailof${tail}@example.com`,
    street: `Streetof${tail} 9`,
    city: `Cityof${tail}`,
    note: `Noteof${tail} says why`,
  }
}

/** Every form in which a field may be written down. */
function formsOf(person: Marked): string[] {
  const { birth, phone, email, ...words } = person
  const [year, month, day] = birth.split('-')
  const [area, middle, line] = [phone.slice(0, 3), phone.slice(3, 6), phone.slice(6)]
  return [
    ...[birth, `${year}${month}${day}`, `${month}/${day}/${year}`, `${day}.${month}.${year}`],
    ...[phone, `(${area})${middle}-${line}`, `(${area}) ${middle}-${line}`, `${area}-${middle}-${line}`],
    ...[email, encodeURIComponent(email)],
    // The first word of each is nobody else's.
    ...Object.values(words).map((text) => text.split(' ')[0] ?? text),
  ]
}

export interface Haystack {
  name: string
  text: string
}

/** Which forms of which people stand where: in plain, or as the hexadecimal or base64 that bytes are shown in. */
export function findLeaks(people: Marked[], haystacks: Haystack[]): string[] {
  const forms = [...new Set(people.flatMap(formsOf))].flatMap((form) => {
    const plain = form.toLowerCase()
    const bytes = [Buffer.from(form), Buffer.from(plain)]
    return [plain, ...bytes.map((one) => one.toString('hex')), ...bytes.map(base64Within)].map((needle) => ({
      form,
      needle: needle.toLowerCase(),
    }))
  })
  return haystacks.flatMap(({ name, text }) => {
    const all = text.toLowerCase()
    // Eight digits stand in enough random bytes by chance.
    const unsealed = all.replaceAll(/\\x[0-9a-f]+/g, '')
    const hits = forms
      .filter(({ needle }) => (/^\d{8}$/.test(needle) ? unsealed : all).includes(needle))
      .map(({ form }) => form)
    return [...new Set(hits)].map((form) => `${name}: ${form}`)
  })
}

/** What of the base64 is the same wherever the text begins in what was encoded, for the first of the three places. */
function base64Within(bytes: Buffer): string {
  const whole = bytes.length - (bytes.length % 3)
  return bytes.subarray(0, whole).toString('base64')
}

/** The rows of every table as text, those of partitions with their parent's. */
export async function dumpTables(t: TestDatabase): Promise<Haystack[]> {
  const tables = await t.look(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
     and not relispartition order by 1`,
  )
  const each = tables.map(
    ({ name }) =>
      `select '${name}' as name, coalesce(string_agg(r::text, e'\\n'), '') as text from ${name} r`,
  )
  return (await t.look(each.join(' union all '))) as Haystack[]
}
