import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  makeMarker,
  markNote,
  NOTHING_KNOWN,
  readMarker,
  tokenOf,
  unmarkNote,
} from '../../../src/connectors/open-dental/marker.ts'

const marker = makeMarker({ aptNum: '9007199254740993', patNum: '42' })

describe('a marker', () => {
  it('says behind which keys its rows lie, however great these are', () => {
    expect(readMarker(marker)).toEqual({ aptNum: '9007199254740993', patNum: '42' })
    expect(readMarker('0190b2c4-0000-7000-8000-000000000000')).toBeNull()
  })

  it('keeps any key that the database can hold', () => {
    const key = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String)
    fc.assert(
      fc.property(key, key, (aptNum, patNum) => {
        expect(readMarker(makeMarker({ aptNum, patNum }))).toEqual({ aptNum, patNum })
      }),
      { seed: Date.now() % 100_000, verbose: true },
    )
  })

  it('is another one each time', () => {
    expect(makeMarker({ aptNum: '1', patNum: '1' })).not.toBe(makeMarker({ aptNum: '1', patNum: '1' }))
  })

  it('of one seed is looked for by one token, whatever was known when it was made', () => {
    const [then, now] = [makeMarker({ aptNum: '7', patNum: '7' }, 'seed'), makeMarker(NOTHING_KNOWN, 'seed')]
    expect(tokenOf(now)).toBe(tokenOf(then))
    expect(tokenOf(now)).toMatch(/^[0-9a-f]{16}$/)
    expect(tokenOf(makeMarker(NOTHING_KNOWN, 'another'))).not.toBe(tokenOf(now))
    expect(readMarker(now)).toEqual({ aptNum: '0', patNum: '0' })
  })
})

describe('a marked note', () => {
  it.each(['By the window', ' two  spaces \n', 'line\nline', '[sb] no mark', null])('keeps %j', (note) => {
    expect(unmarkNote(markNote(note, marker))).toEqual({ note, marker })
  })

  it('keeps what the desk wrote behind and before the mark', () => {
    const text = `called twice\n${markNote('By the window', marker)}\nmother comes along`
    expect(unmarkNote(text)).toEqual({ note: 'called twice\nBy the window\nmother comes along', marker })
    expect(unmarkNote(`[${marker}]\nmother comes along`)).toEqual({ note: 'mother comes along', marker })
  })

  it('ends its lines as ours do, however the workstation wrote them', () => {
    const text = `By the window\r\nor the door\r\n[${marker}]`
    expect(unmarkNote(text)).toEqual({ note: 'By the window\nor the door', marker })
  })

  it('without a mark is as it is', () => {
    expect(unmarkNote('By the window')).toEqual({ note: 'By the window', marker: null })
    expect(unmarkNote('')).toEqual({ note: null, marker: null })
  })
})
