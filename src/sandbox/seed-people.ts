/** Two hundred people who do not exist, the same for the same seed and start day. */
import { AREA_CODES, FIRST_NAMES_F, FIRST_NAMES_M, LAST_NAMES, STREETS } from './made-up.ts'
import { enterPerson } from './people.ts'
import type { Practice } from './practice.ts'
import { addDays } from './practice-day.ts'
import { dice } from './random.ts'

export const PEOPLE = 200
/** Every so many people a child follows, whose parent (the one before) pays. */
const CHILD_EVERY = 9

/** @param enteredAt epoch milliseconds at which their charts were opened */
export function seedPeople(practice: Practice, seed: number, startDay: string, enteredAt: number): void {
  let lastName = ''
  for (let number = 1; number <= PEOPLE; number += 1) {
    const throws = dice(seed, 'person', number)
    const sex = throws.pick(['F', 'M'] as const)
    const first = throws.pick(sex === 'F' ? FIRST_NAMES_F : FIRST_NAMES_M)
    const child = number % CHILD_EVERY === 0
    lastName = child ? lastName : throws.pick(LAST_NAMES)
    const years = child ? 4 + throws.below(12) : 20 + throws.below(65)
    const born = addDays(startDay, -(years * 365 + throws.below(365)))
    const line = String(100 + (number % 100)).padStart(4, '0')
    enterPerson(
      practice,
      { by: 'seed', reference: null },
      {
        first_name: first,
        middle_name: throws.chance(0.2) ? 'J' : null,
        last_name: lastName,
        birth_date: born,
        sex,
        email: `${first}.${lastName}.${number}@example.com`.toLowerCase(),
        phone: `(${AREA_CODES[Math.floor(number / 100) % AREA_CODES.length]}) 555-${line}`,
        street: `${1 + throws.below(200)} ${throws.pick(STREETS)}`,
        city: 'New York',
        state: 'NY',
        zip: '10001',
        chart: `HS-${String(number).padStart(4, '0')}`,
        payer: child ? number - 1 : null,
        external_reference: null,
      },
      enteredAt,
    )
  }
}
