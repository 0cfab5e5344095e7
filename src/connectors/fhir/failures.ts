/** What can go wrong with one request, by what it means for a write. Messages name no patient and no URL's query. */

/** The request certainly did nothing: no connection was made, or no token could be had. */
export class NotSent extends Error {}
/** The request may have had its effect: it was cut, timed out, or its answer cannot be read. */
export class Cut extends Error {}
/** A link that leaves the server, which would carry our credentials elsewhere. */
export class LeavesServer extends Error {}
