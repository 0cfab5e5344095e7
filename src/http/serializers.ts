/** What turns an answer into text by its schema, made once for each schema: most routes share that of their refusals. */
import fastJson from 'fast-json-stringify'
import type { FastifyInstance } from 'fastify'

/** Left to itself, Fastify makes one for each route, method and class of status. */
export function shareSerializers(app: FastifyInstance): void {
  const made = new Map<object, (data: unknown) => string>()
  app.setSerializerCompiler<object>(({ schema }) => {
    const serializer = made.get(schema) ?? fastJson(schema)
    made.set(schema, serializer)
    return serializer
  })
}
