/** What the practice wants in `x-practice-key` where it is told nothing else: it holds no one's data, and listens on 127.0.0.1. */
export const SANDBOX_KEY = 'practice-key'
