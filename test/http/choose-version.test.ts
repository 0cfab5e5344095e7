import Fastify from 'fastify'
import { expect, it } from 'vitest'
import { chooseVersion, versionConstraint } from '../../src/http/versions/choose.ts'

const accept2 = 'application/vnd.Nexhealth+json;version=2'

it.each([
  [{}, 'v2'],
  [{ accept: accept2 }, 'v2'],
  [{ accept: '*/*' }, 'v2'],
  [{ 'nex-api-version': 'v2' }, 'v2'],
  [{ 'nex-api-version': 'v20240412' }, 'v3'],
  [{ 'nex-api-version': 'v3.0.0' }, 'v3'],
  [{ 'nex-api-version': 'V3.1.0' }, 'v3'],
  [{ 'nex-api-version': 'v20240412', accept: accept2 }, 'v3'],
  [{ 'nex-api-version': 'v2', accept: 'application/vnd.Nexhealth+json;version=20240412' }, 'v2'],
  [{ accept: 'application/vnd.Nexhealth+json;version=20240412' }, 'v3'],
])('%o speaks %s', (headers, version) => {
  expect(chooseVersion(headers)).toEqual({ version, warnings: [] })
})

it('takes v2 for an unknown version, and says so', () => {
  const { version, warnings } = chooseVersion({ 'nex-api-version': 'v9' })
  expect([version, warnings]).toEqual(['v2', ['Nex-Api-Version v9 is unknown; v2 was taken.']])
})

it('falls through from v3 to v2, and never from v2 to what only v3 has', async () => {
  const app = Fastify({ routerOptions: { constraints: { nexVersion: versionConstraint<never>() } } })
  const serve = (url: string, nexVersion: string) =>
    app.get(url, { constraints: { nexVersion } }, async () => nexVersion)
  serve('/both', 'v2')
  serve('/both', 'v3')
  serve('/old', 'v2')
  serve('/new', 'v3')
  const ask = async (url: string, version?: string) => {
    const { statusCode, body } = await app.inject({
      url,
      headers: version ? { 'nex-api-version': version } : {},
    })
    return statusCode === 404 ? 404 : body
  }
  expect([await ask('/both'), await ask('/both', 'v3.0.0')]).toEqual(['v2', 'v3'])
  expect([await ask('/old'), await ask('/old', 'v3.0.0')]).toEqual(['v2', 'v2'])
  expect([await ask('/new'), await ask('/new', 'v3.1.0')]).toEqual([404, 'v3'])
  await app.close()
})
