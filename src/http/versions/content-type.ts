/** NexHealth's content type on v2, and on what v3 does not redefine (reference, 1.2). */
import type { FastifyReply, FastifyRequest } from 'fastify'

export const V2_TYPE = 'application/vnd.Nexhealth+json;version=2'

/** Sets the type when the body is made already: Fastify would rewrite the letters of one that is set before. */
export async function sendAsV2(
  _request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  reply.header('content-type', V2_TYPE)
  return payload
}
