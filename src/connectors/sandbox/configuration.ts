/** What a data source of the simulated practice must be told. */
import Type, { type Static } from 'typebox'

export const SandboxConfiguration = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://[^/?#@]+/?$',
      description: 'Where the practice listens, without a path: http://127.0.0.1:4011',
    }),
    key: Type.String({
      minLength: 1,
      secret: true,
      description: 'What it wants in the header x-practice-key',
    }),
    timeout_ms: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 60_000,
        description: 'For one call, in milliseconds; 10000 unless given',
      }),
    ),
  },
  { additionalProperties: false },
)

export type SandboxConfiguration = Static<typeof SandboxConfiguration>
